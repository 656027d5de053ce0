//! The machines under recorded nodes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::sim::cni::{agent, flannel};
use crate::sim::json::{annotation, condition, flag, is_finished, label, list, name, namespace, text, unset};
use crate::sim::node::{Machine, program::Program};
use crate::sim::resource::id;
use crate::sim::store::Key;
use crate::sim::value::{Text, Value};
use crate::sim::world::World;

/// Marks a pod that the kubelet made from a file (`kubernetes/pkg/kubelet/types/constants.go`).
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Builds a machine for each node.
pub(super) fn build(world: &mut World) {
    let nodes: Vec<Value> = world.store.list(id::NODES, None).cloned().collect();
    for node in &nodes {
        let machine = machine(world, node);
        world.machines.insert(name(node).to_owned(), machine);
    }
    for node in &nodes {
        install_flannel(world, node);
        hold_addresses(world, node);
        resume_agent(world, name(node));
    }
    flannel::add_routes(world);
}

fn machine(world: &World, node: &Value) -> Machine {
    let of_type = |kind: &str| {
        let all = list(node, "/status/addresses").iter();
        all.filter(|a| text(a, "/type") == kind)
            .map(|a| text(a, "/address"))
            .find(|a| a.parse::<Ipv4Addr>().is_ok())
    };
    let address = of_type("InternalIP").or_else(|| of_type("ExternalIP")).unwrap_or_default();
    let mut machine = Machine::new(address, text(node, "/status/nodeInfo/bootID").to_owned());
    let ready = condition(node, "Ready").map(|c| text(c, "/status"));
    machine.up = ready != Some("Unknown");
    machine.unwell = ready == Some("False");
    for (_, pod) in world.store.pods_on(name(node)) {
        if annotation(&pod, MIRROR).is_some() {
            let mut manifest = pod.clone();
            unset(&mut manifest, "", "status");
            machine.static_pods.push(manifest);
        }
        machine.images.extend(images(&pod));
    }
    machine
}

/// Images that a pod has brought to its node.
fn images(pod: &Value) -> impl Iterator<Item = Text> {
    let is_there = !list(pod, "/status/containerStatuses").is_empty() || is_finished(pod);
    let all = list(pod, "/spec/containers").iter().filter(move |_| is_there);
    all.filter_map(|c| c.get("image")?.as_text()).cloned()
}

fn install_flannel(world: &mut World, node: &Value) {
    let pods = world.store.pods_on(name(node));
    let daemon = pods.iter().map(|(_, p)| p).find(|p| Program::of(p) == Program::Flannel);
    let Some(space) = daemon.map(|p| namespace(p).to_owned()) else { return };
    if let Err(why) = flannel::lay_down(world, name(node), &space) {
        world.not_modelled.push(format!("node {}: Flannel's files: {why}", name(node)));
    }
}

/// Addresses that pods have are taken, and their bridge is there.
fn hold_addresses(world: &mut World, node: &Value) {
    let parse =
        |ranges: Vec<String>| -> Vec<Ipv4Net> { ranges.iter().filter_map(|r| r.parse().ok()).collect() };
    let flannel = parse(vec![text(node, "/spec/podCIDR").to_owned()]);
    let cilium = parse(agent::ranges(world, name(node)));
    let of = |ranges: &[Ipv4Net], ip: Ipv4Addr| ranges.iter().copied().find(|r| r.contains(&ip));
    for (key, pod) in world.store.pods_on(name(node)) {
        let Ok(ip) = text(&pod, "/status/podIP").parse::<Ipv4Addr>() else { continue };
        if flag(&pod, "/spec/hostNetwork") || is_finished(&pod) {
            continue;
        }
        let Some(machine) = world.machines.get_mut(name(node)) else { return };
        if let Some(range) = of(&cilium, ip) {
            machine.hold_address(range, agent::ROUTER, ip, &key);
        } else if let Some(range) = of(&flannel, ip) {
            machine.hold_address(range, flannel::BRIDGE, ip, &key);
            flannel::add_bridge(machine);
        }
    }
}

fn resume_agent(world: &mut World, node: &str) {
    let pods: Vec<(Key, Value)> = world.store.pods_on(node);
    let is_agent =
        |p: &Value| label(p, "k8s-app") == Some("cilium") && Program::of(p) == Program::CiliumAgent;
    let Some((_, pod)) = pods.iter().find(|(_, p)| is_agent(p)) else { return };
    if text(pod, "/status/phase") != "Running" {
        return;
    }
    if let Err(why) = agent::resume(world, node, pod) {
        world.not_modelled.push(format!("node {node}: the state of its Cilium agent: {why}"));
    }
}
