//! The reboot helper: runs once, in a privileged pod with hostPID, on the node that is to be rebooted.

use std::process::Command;

use rustix::system::{RebootCommand, reboot};

use crate::error::{Error, Result};

/// The boot id as the kubelet reads it: through the root of the node's first process.
const BOOT_ID: &str = "/proc/1/root/proc/sys/kernel/random/boot_id";

/// Reboots the node, in an orderly way where systemd is its init.
///
/// # Errors
/// Where it runs without hostPID: process 1 would then be this process, and a reboot would only end the container.
pub(super) fn run(boot_id: &str) -> Result<()> {
    let init = std::fs::read_to_string("/proc/1/comm").unwrap_or_default();
    if std::process::id() == 1 || init.trim().is_empty() {
        return Err(Error::failed("this pod does not share the node's process namespace (hostPID)"));
    }
    let now = std::fs::read_to_string(BOOT_ID).map_err(|e| Error::failed(format!("{BOOT_ID}: {e}")))?;
    // A restarted helper pod must not reboot a second time.
    if now.trim() != boot_id {
        return Err(Error::failed(format!("the node was rebooted already: its boot id is {}", now.trim())));
    }
    if init.trim() == "systemd" {
        return orderly();
    }
    rustix::fs::sync();
    reboot(RebootCommand::Restart).map_err(|e| Error::failed(format!("reboot(2): {e}")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the helper enters the node's mount namespace by a program of its image"
)]
fn orderly() -> Result<()> {
    let argv = ["--target", "1", "--mount", "--", "systemctl", "reboot"];
    let status = Command::new("nsenter").args(argv).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::failed(format!("nsenter {}: {status}", argv.join(" ")))),
        Err(e) => Err(Error::failed(format!("nsenter could not be started: {e}"))),
    }
}
