//! PID 1 of a node: gives it a root of its own, then keeps containerd and the kubelet running.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind,
    mount_change, move_mount, open_tree, unmount,
};
use rustix::process::{Pid, WaitOptions, wait};

use super::layout::{Layout, NETNS, Node};
use super::node::{BOOT_ID, CONTAINERD_CONFIG, KUBELET_CONFIG, PRIVATE};
use crate::error::{Context, Error};
use crate::process;
use crate::ui::Ui;

/// containerd opens its socket within a second on an idle machine.
const CONTAINERD_DEADLINE: Duration = Duration::from_mins(1);
/// Pause before a daemon that ended is started again.
const RESTART_DELAY: Duration = Duration::from_secs(1);
/// Routing between pods, and bridged traffic through iptables, as every Kubernetes node has it.
const SYSCTLS: &[&str] = &["net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"];

/// Runs the node until it is killed.
pub(crate) fn run(layout: &Layout, node: &Node, ui: &Ui) -> Result<(), Error> {
    if rustix::process::getpid() != Pid::INIT {
        return Err(Error::Invalid("node-init is not for people: it must be PID 1 of a node".to_owned()));
    }
    rustix::system::sethostname(node.name.as_bytes()).at("set the host name of", &node.dir)?;
    mount_everything(node)?;
    for sysctl in SYSCTLS {
        let path = Path::new("/proc/sys").join(sysctl);
        fs::write(&path, "1").at("write", &path)?;
    }
    let mut daemons = vec![spawn(layout, node, "containerd")?];
    process::wait_until(CONTAINERD_DEADLINE, "see its log", || {
        let version = process::output(&mut process::command("ctr", ["version"]));
        version.map_err(|_| "containerd does not answer".to_owned())
    })?;
    daemons.push(spawn(layout, node, "kubelet")?);
    keep_running(layout, node, daemons.into_iter().collect(), ui)
}

/// PID 1 inherits every orphan of the node and must reap it.
fn keep_running(
    layout: &Layout,
    node: &Node,
    mut daemons: HashMap<Pid, &'static str>,
    ui: &Ui,
) -> Result<(), Error> {
    loop {
        let Some((pid, status)) = wait(WaitOptions::empty()).at("wait for children of", &node.dir)? else {
            continue;
        };
        if let Some(name) = daemons.remove(&pid) {
            ui.progress(&format!("{name} ended with {status:?} and is started again"));
            std::thread::sleep(RESTART_DELAY);
            let (pid, name) = spawn(layout, node, name)?;
            daemons.insert(pid, name);
        }
    }
}

fn spawn(layout: &Layout, node: &Node, daemon: &'static str) -> Result<(Pid, &'static str), Error> {
    let mut command = match daemon {
        "containerd" => containerd(node),
        _ => kubelet(layout, node),
    };
    let log_path = layout.log(&format!("{daemon}-{}", node.name));
    let log = OpenOptions::new().create(true).append(true).open(&log_path).at("open", &log_path)?;
    command.stdin(Stdio::null()).stdout(log.try_clone().at("open", &log_path)?).stderr(log);
    let child = command.spawn().map_err(|error| process::not_started(&command, &error))?;
    Ok((Pid::from_child(&child), daemon))
}

fn containerd(node: &Node) -> Command {
    let mut command = process::command("containerd", ["--config"]);
    command.arg(node.dir.join(CONTAINERD_CONFIG));
    command
}

fn kubelet(layout: &Layout, node: &Node) -> Command {
    let mut command = Command::new(layout.bin.join("kubelet"));
    command
        .arg(format!("--config={}", node.dir.join(KUBELET_CONFIG).display()))
        .arg(format!("--kubeconfig={}", layout.file(&format!("{}.kubeconfig", node.name)).display()))
        .arg(format!("--hostname-override={}", node.name))
        .arg(format!("--node-ip={}", node.ip));
    command
}

fn mount_everything(node: &Node) -> Result<(), Error> {
    mount_sys()?;
    // Inherited handles would keep namespaces of this and other clusters alive after their end.
    let netns = Path::new(NETNS);
    unmount(netns, UnmountFlags::DETACH).at("let go of", netns)?;
    for folder in PRIVATE {
        let target = Path::new("/").join(folder);
        fs::create_dir_all(&target).at("create", &target)?;
        mount_bind(node.dir.join(folder), &target).at("mount", &target)?;
    }
    let boot_id = Path::new("/proc/sys/kernel/random/boot_id");
    mount_bind(node.dir.join(BOOT_ID), boot_id).at("mount", boot_id)?;
    for folder in ["/run/netns", "/run/lock", "/run/containerd"] {
        fs::create_dir_all(folder).at("create", Path::new(folder))?;
    }
    // Pods with mountPropagation, the CNI and the kubelet's volumes need mounts that travel.
    let root = Path::new("/");
    mount_change(root, MountPropagationFlags::SHARED | MountPropagationFlags::REC).at("share mounts of", root)
}

/// A fresh sysfs shows the node's own network devices but hides what the machine mounted below `/sys`, so the control
/// groups are picked up before and put back after.
fn mount_sys() -> Result<(), Error> {
    let (sys, cgroups, bpf) = (Path::new("/sys"), Path::new("/sys/fs/cgroup"), Path::new("/sys/fs/bpf"));
    let clone =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let kept = open_tree(CWD, cgroups, clone).at("copy the mounts of", cgroups)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("sysfs", sys, "sysfs", flags, None).at("mount", sys)?;
    move_mount(kept.as_fd(), "", CWD, cgroups, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .at("mount", cgroups)?;
    mount("bpf", bpf, "bpf", MountFlags::empty(), None).at("mount", bpf)
}
