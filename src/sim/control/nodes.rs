//! Nodes: what the kubelet reports, the taints that follow, static pods, and reboots.

use std::time::Duration;

use tokio::time::Instant;

use crate::sim::json::{condition, flag, is_ready, list, name, set, set_condition, set_list, text, uid};
use crate::sim::node::kubelet;
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::{NODES, Work, pods};

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// A node itself, and the node of a static pod that is gone.
pub(crate) fn keys(_: &World, change: &Change) -> Vec<Key> {
    let object = change.object();
    match (change.key.resource, &change.after) {
        (id::NODES, Some(_)) => vec![change.key.clone()],
        (id::PODS, None)
            if list(object, "/metadata/ownerReferences").iter().any(|o| text(o, "/kind") == "Node") =>
        {
            vec![Key::new(id::NODES, "", text(object, "/spec/nodeName"))]
        }
        _ => Vec::new(),
    }
}

/// Asks for a look at a node whose machine has changed.
pub(crate) fn look_at(world: &mut World, node: &str) {
    world.queue.push(Work { controller: NODES, key: Key::new(id::NODES, "", node) });
}

pub(crate) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let node = world.store.get(key).cloned()?;
    let machine = world.machines.get(&*key.name)?;
    let now = Instant::now();
    if machine.back_at.is_some_and(|back| back <= now) {
        come_back(world, &key.name);
    } else if machine.missed_at.is_some_and(|missed| missed <= now) {
        miss(world, &key.name);
    }
    let machine = world.machines.get(&*key.name)?;
    if let Some(next) = machine.missed_at.into_iter().chain(machine.back_at).min() {
        return Some(next.saturating_duration_since(now));
    }
    if machine.up {
        run_static_pods(world, &node);
    }
    report(world, key);
    None
}

/// The reboot command has run: the node is silent until it is back.
pub(crate) fn go_down(world: &mut World, node: &str) {
    let key = Key::new(id::NODES, "", node);
    let is_lost = world.faults.lost_nodes.contains(node);
    let back = Instant::now() + world.draw(world.timings.reboot, "reboot", &key);
    let silence = world.timings.silence;
    let Some(machine) = world.machines.get_mut(node) else { return };
    if !machine.up {
        return;
    }
    machine.up = false;
    machine.missed_at = Some(Instant::now() + silence);
    machine.back_at = Some(back).filter(|_| !is_lost);
    look_at(world, node);
}

/// The node controller has heard nothing for too long: the node's state is unknown, and its pods serve nobody.
fn miss(world: &mut World, node: &str) {
    if let Some(machine) = world.machines.get_mut(node) {
        machine.missed_at = None;
    }
    let now = world.clock.now();
    for (key, pod) in world.store.pods_on(node) {
        if is_ready(&pod) {
            world.modify(&key, |pod| set_condition(pod, "Ready", "False", "", "", &now));
        }
    }
    report(world, &Key::new(id::NODES, "", node));
}

fn come_back(world: &mut World, node: &str) {
    let boot_id = world.clock.uid();
    let Some(machine) = world.machines.get_mut(node) else { return };
    machine.up = true;
    machine.back_at = None;
    machine.missed_at = None;
    machine.clear_for_boot(boot_id);
    kubelet::restart_all(world, node);
}

/// Mirror pods of the manifests on the node's disk.
fn run_static_pods(world: &mut World, node: &Value) {
    let Some(machine) = world.machines.get(name(node)) else { return };
    for mut pod in machine.static_pods.clone() {
        if world.store.get(&Key::of(id::PODS, &pod)).is_some() {
            continue;
        }
        set(&mut pod, "/spec/nodeName", name(node));
        let owner = json!({"apiVersion": "v1", "kind": "Node", "name": name(node), "uid": uid(node), "controller": true});
        set(&mut pod, "/metadata/ownerReferences", json!([owner]));
        for key in ["config.mirror", "config.hash"] {
            set(&mut pod, &format!("/metadata/annotations/kubernetes.io~1{key}"), "static");
        }
        set(&mut pod, "/metadata/annotations/kubernetes.io~1config.source", "file");
        // Until its namespace exists the next look at the node tries again.
        drop(world.create(id::PODS, pod, false));
    }
}

/// Conditions and taints as they are now.
fn report(world: &mut World, key: &Key) {
    let Some(machine) = world.machines.get(&*key.name) else { return };
    let (is_up, boot_id) = (machine.up, machine.boot_id.clone());
    let has_cni = machine.cni().is_some();
    let is_unwell = machine.unwell && is_up;
    let now = world.clock.now();
    world.modify(key, |node| {
        let (status, reason, message) = match (is_up, has_cni) {
            (false, _) => ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
            (true, false) => (
                "False",
                "KubeletNotReady",
                "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
                 message:Network plugin returns error: cni plugin not initialized",
            ),
            (true, true) => ("True", "KubeletReady", "kubelet is posting ready status"),
        };
        if !is_unwell {
            pods::turn(node, "Ready", status, reason, message, &now);
        }
        if is_up {
            set(node, "/status/nodeInfo/bootID", boot_id);
        }
        let ready = condition(node, "Ready").map(|c| text(c, "/status").to_owned()).unwrap_or_default();
        let is_cordoned = flag(node, "/spec/unschedulable");
        for (key, effect, is_wanted) in [
            (UNSCHEDULABLE, "NoSchedule", is_cordoned),
            (NOT_READY, "NoSchedule", ready == "False"),
            (NOT_READY, "NoExecute", ready == "False"),
            (UNREACHABLE, "NoSchedule", ready == "Unknown"),
            (UNREACHABLE, "NoExecute", ready == "Unknown"),
        ] {
            set_taint(node, key, effect, is_wanted, &now);
        }
    });
}

fn set_taint(node: &mut Value, key: &str, effect: &str, is_wanted: bool, now: &str) {
    let mut taints = list(node, "/spec/taints").to_vec();
    let is_it = |t: &Value| text(t, "/key") == key && text(t, "/effect") == effect;
    let is_there = taints.iter().any(is_it);
    if is_there == is_wanted {
        return;
    }
    if is_wanted {
        let mut taint = json!({"key": key, "effect": effect});
        if effect == "NoExecute" {
            set(&mut taint, "/timeAdded", now);
        }
        taints.push(taint);
    } else {
        taints.retain(|t| !is_it(t));
    }
    set_list(node, "/spec", "taints", taints);
}
