//! Network namespaces: the fabric that joins the machines of a cluster, and how code enters them.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;

use rustix::fd::AsFd as _;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::cgroup::Group;
use super::layout::{GATEWAY, Layout, PREFIX};
use crate::error::{Context, Error};
use crate::process;

/// Name of the fabric's namespace and of its bridge.
const FABRIC: &str = "fabric";

/// Runs `work` on a fresh thread inside a network namespace, and inside a control group if one is given; threads and
/// processes made there inherit both.
pub(crate) fn inside<T: Send>(
    netns: &Path,
    group: Option<&Group>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Error> {
    let enter = || -> Result<(), Error> {
        let handle = File::open(netns).at("open network namespace", netns)?;
        move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network)).at("enter", netns)?;
        group.map_or(Ok(()), Group::enter)
    };
    thread::scope(|scope| match scope.spawn(|| enter().map(|()| work())).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Makes the bridge that everything is plugged into, unless it is there.
pub(crate) fn create_fabric(layout: &Layout) -> Result<(), Error> {
    if layout.netns_path(FABRIC).exists() {
        return Ok(());
    }
    let fabric = layout.netns(FABRIC);
    ip(&format!("netns add {fabric}"))?;
    ip(&format!("-n {fabric} link set lo up"))?;
    ip(&format!("-n {fabric} link add {FABRIC} type bridge"))?;
    ip(&format!("-n {fabric} addr add {GATEWAY}/{PREFIX} dev {FABRIC}"))?;
    ip(&format!("-n {fabric} link set {FABRIC} up"))?;
    // A router says at once that it has no way; in silence, whoever calls a Service before kube-proxy has written its
    // rules waits 30 s.
    let forward = Path::new("/proc/sys/net/ipv4/ip_forward");
    inside(&layout.netns_path(FABRIC), None, || fs::write(forward, "1"))?.at("write", forward)
}

/// Makes a namespace with `eth0` plugged into the fabric; the fabric's end of the cable is named after the machine.
pub(crate) fn create_machine(layout: &Layout, machine: &str, address: Ipv4Addr) -> Result<(), Error> {
    let (fabric, own) = (layout.netns(FABRIC), layout.netns(machine));
    ip(&format!("netns add {own}"))?;
    ip(&format!("link add name {machine} netns {fabric} type veth peer name eth0 netns {own}"))?;
    ip(&format!("-n {fabric} link set {machine} master {FABRIC} up"))?;
    ip(&format!("-n {own} addr add {address}/{PREFIX} dev eth0"))?;
    ip(&format!("-n {own} link set eth0 up"))?;
    ip(&format!("-n {own} link set lo up"))?;
    ip(&format!("-n {own} route add default via {GATEWAY}"))
}

/// Removes a machine's namespace and cable, if they are there: a leftover socket can keep a namespace alive, so the
/// cable is pulled at the fabric's end too.
pub(crate) fn remove_machine(layout: &Layout, machine: &str) -> Result<(), Error> {
    if layout.netns_path(machine).exists() {
        ip(&format!("netns del {}", layout.netns(machine)))?;
    }
    let fabric = layout.netns(FABRIC);
    if ip(&format!("-n {fabric} link show dev {machine}")).is_ok() {
        // Between the two commands the kernel may have removed it by itself.
        let _ = ip(&format!("-n {fabric} link del dev {machine}"));
    }
    Ok(())
}

/// Removes every namespace of the cluster.
pub(crate) fn remove_all(layout: &Layout) -> Result<(), Error> {
    let folder = layout.netns_path("");
    let names = fs::read_dir(folder.parent().unwrap_or(&folder)).into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        if name.starts_with(&layout.netns_prefix()) {
            ip(&format!("netns del {name}"))?;
        }
    }
    Ok(())
}

fn ip(arguments: &str) -> Result<(), Error> {
    process::output(&mut process::command("ip", arguments.split(' '))).map(drop)
}
