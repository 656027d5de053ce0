//! Debian packages that the lab calls on the host.

use crate::error::Error;
use crate::process;
use crate::ui::Ui;

/// Package and a program of it; a program that is there counts, whichever package brought it.
const PACKAGES: &[(&str, &str)] = &[
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables-legacy"),
    ("nftables", "nft"),
    ("ipset", "ipset"),
    ("iproute2", "ip"),
    ("conntrack", "conntrack"),
    ("kmod", "modprobe"),
    ("socat", "socat"),
    ("debootstrap", "debootstrap"),
    ("unzip", "unzip"),
    ("gcc", "gcc"),
];

/// Installs what is missing.
pub(crate) fn ensure(ui: &Ui) -> Result<(), Error> {
    let missing: Vec<&str> =
        PACKAGES.iter().filter(|(_, program)| !installed(program)).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    ui.step(&format!("install Debian packages {}", missing.join(" ")), || install(&missing))
}

/// Whether a program of that name is found in PATH.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn install(packages: &[&str]) -> Result<(), Error> {
    if !installed("apt-get") {
        return Err(Error::Missing {
            what: "apt-get".to_owned(),
            remedy: format!("install {} with this system's own package manager", packages.join(", ")),
        });
    }
    process::output(&mut process::command("apt-get", ["update", "-q"]))?;
    let mut apt = process::command("apt-get", ["install", "-q", "-y", "--no-install-recommends"]);
    process::output(apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
}
