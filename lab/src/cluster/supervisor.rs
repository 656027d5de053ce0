//! The power supply of a node: a process outside the node's namespaces that boots it, sees it go down (also by a
//! reboot(2) from a pod, which kills the node's PID namespace) and boots it again.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cgroup::Group;
use super::control_plane;
use super::layout::{Layout, Node};
use super::{namespace, node};
use crate::error::{Context, Error};
use crate::process;
use crate::ui::Ui;

/// A node that falls over at once is not started again before this time.
const MIN_UPTIME: Duration = Duration::from_secs(2);

/// Starts the supervisor of a node in the background, unless it runs already.
pub(crate) fn start(layout: &Layout, node: &Node) -> Result<(), Error> {
    let command = process::command(layout.lab(), ["supervise", "--name", &layout.name, &node.name]);
    let any_netns = layout.netns_path(control_plane::MACHINE);
    control_plane::start_daemon(layout, &component(node), &any_netns, &command)
}

/// Whether the node's supervisor runs.
pub(crate) fn runs(layout: &Layout, node: &Node) -> bool {
    !control_plane::group(layout, &component(node)).processes().is_empty()
}

/// Boots the node for ever; only an error ends it.
pub(crate) fn run(layout: &Layout, node: &Node, ui: &Ui) -> Result<(), Error> {
    loop {
        prepare_boot(layout, node)?;
        ui.progress(&format!("{} boots", node.name));
        let started = Instant::now();
        let mut boot = boot_command(layout, node);
        let status = boot.status().map_err(|error| process::not_started(&boot, &error))?;
        ui.progress(&format!("{} went down: {status}", node.name));
        std::thread::sleep(MIN_UPTIME.saturating_sub(started.elapsed()));
    }
}

/// Kills PID 1 of the node, which is a power cut: its supervisor boots it again.
pub(crate) fn power_cut(layout: &Layout, node: &Node) -> Result<(), Error> {
    let init = init_process(layout, node)?;
    kill_process(init, Signal::KILL).at("reboot", &node.dir)
}

/// PID 1 of the node as seen from outside: the one process of its supervisor's group that is number 1 in a PID
/// namespace directly below ours, and so never a process of the machine itself.
pub(crate) fn init_process(layout: &Layout, node: &Node) -> Result<Pid, Error> {
    let processes = control_plane::group(layout, &component(node)).processes();
    let found = processes.into_iter().find(|pid| {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
        status.is_ok_and(|status| is_node_init(&status))
    });
    found.ok_or_else(|| {
        Error::Invalid(format!("node {} is down: see {}", node.name, layout.log(&component(node)).display()))
    })
}

fn component(node: &Node) -> String {
    format!("supervisor-{}", node.name)
}

/// `NSpid` lists the numbers of a process from our PID namespace inwards (proc(5)).
fn is_node_init(status: &str) -> bool {
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    matches!(numbers.split_whitespace().collect::<Vec<_>>()[..], [_, "1"])
}

/// What a power cut takes with it: processes' groups, network devices, `/run`, and the boot id. Groups of pods must go
/// before the kubelet starts, or it can never finish deleting those pods.
fn prepare_boot(layout: &Layout, node: &Node) -> Result<(), Error> {
    let pods = Group::new(node::pod_group(layout, node));
    pods.kill()?;
    pods.remove()?;
    pods.create_everywhere()?;
    namespace::remove_machine(layout, &node.name)?;
    namespace::create_machine(layout, &node.name, node.ip)?;
    let run = node.dir.join("run");
    fs::remove_dir_all(&run).at("empty", &run)?;
    fs::create_dir(&run).at("create", &run)?;
    let boot_id = node.dir.join(node::BOOT_ID);
    fs::copy(Path::new("/proc/sys/kernel/random/uuid"), &boot_id).at("write", &boot_id).map(drop)
}

/// If the supervisor dies, so does the node: a node that no one watches would not come back from a reboot.
fn boot_command(layout: &Layout, node: &Node) -> Command {
    let mut command = process::command("setpriv", ["--pdeathsig", "KILL", "nsenter"]);
    command.arg(format!("--net={}", layout.netns_path(&node.name).display()));
    command.args(["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.arg(layout.lab()).args(["node-init", "--name", &layout.name, &node.name]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_init_of_a_node_is_number_one_exactly_one_namespace_down() {
        assert!(is_node_init("Name:\tlab\nNSpid:\t4711\t1\n"));
        assert!(!is_node_init("Name:\tinit\nNSpid:\t1\n"), "the machine's own init");
        assert!(!is_node_init("Name:\tpause\nNSpid:\t4800\t90\t1\n"), "the first process of a pod");
        assert!(!is_node_init("Name:\tkubelet\nNSpid:\t4712\t7\n"));
    }

    #[test]
    fn a_node_does_not_outlive_its_supervisor() {
        let layout = Layout::new("x");
        let line = process::line(&boot_command(&layout, &layout.node(2)));
        assert!(line.starts_with("setpriv --pdeathsig KILL nsenter --net=/run/netns/lab-x-n2 unshare "));
        assert!(line.contains("--kill-child") && line.ends_with("/bin/lab node-init --name x n2"));
    }
}
