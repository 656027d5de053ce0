//! The scheduler: filters nodes, then takes the one with the fewest pods.

use std::time::Duration;

use serde_json::Value;

use crate::sim::json::{
    flag, int, is_deleting, is_finished, list, name, namespace, set, set_condition, text,
};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::{Change, Key};
use crate::sim::world::World;

use super::taints;

/// An unbound pod itself; every unbound pod when a node changes or a pod goes.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let waits = |p: &Value| text(p, "/spec/nodeName").is_empty() && !is_deleting(p) && !is_finished(p);
    let pod_comes = change.key.resource == id::PODS && change.after.is_some();
    if pod_comes {
        return if waits(change.object()) { vec![change.key.clone()] } else { Vec::new() };
    }
    if change.key.resource == id::NODES || change.key.resource == id::PODS {
        let waiting = world.store.list(id::PODS, None).filter(|p| waits(p));
        return waiting.map(|p| Key::of(id::PODS, p)).collect();
    }
    Vec::new()
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let pod = world.store.get(key).cloned()?;
    if !text(&pod, "/spec/nodeName").is_empty() || is_deleting(&pod) {
        return None;
    }
    let mut reasons: Vec<String> = Vec::new();
    let mut best: Option<(usize, String)> = None;
    for node in world.store.list(id::NODES, None) {
        match fits(world, &pod, node) {
            Ok(load) if best.as_ref().is_none_or(|(least, _)| load < *least) => {
                best = Some((load, name(node).to_owned()));
            }
            Ok(_) => {}
            Err(why) => reasons.push(why),
        }
    }
    let now = world.clock.now();
    world.modify(key, |pod| {
        if let Some((_, node)) = best {
            set(pod, "/spec/nodeName", node);
            set_condition(pod, "PodScheduled", "True", "", "", &now);
        } else {
            let message = format!("0/{} nodes are available: {}.", reasons.len(), reasons.join(", "));
            set_condition(pod, "PodScheduled", "False", "Unschedulable", &message, &now);
        }
    });
    None
}

/// How many pods run on a node that a pod may go to, or why it may not.
fn fits(world: &World, pod: &Value, node: &Value) -> Result<usize, String> {
    let spec = &pod["spec"];
    if flag(node, "/spec/unschedulable") && taints::untolerated(spec, &unschedulable()).is_some() {
        return Err("1 node(s) were unschedulable".to_owned());
    }
    if let Some(taint) = taints::untolerated(spec, node) {
        return Err(format!("1 node(s) had untolerated taint {{{}}}", text(&taint, "/key")));
    }
    if !taints::selects(spec, node) {
        return Err("1 node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let pods = world.store.pods_on(name(node));
    let live: Vec<&Value> = pods.iter().map(|(_, p)| p.as_ref()).filter(|p| !is_finished(p)).collect();
    let room = text(node, "/status/allocatable/pods").parse().unwrap_or(110);
    if live.len() >= room {
        return Err("1 Too many pods".to_owned());
    }
    if live.iter().any(|other| shares_host_port(pod, other)) {
        return Err("1 node(s) didn't have free ports for the requested pod ports".to_owned());
    }
    if live.iter().any(|other| is_repelled(pod, other)) {
        return Err("1 node(s) didn't match pod anti-affinity rules".to_owned());
    }
    Ok(live.len())
}

fn unschedulable() -> Value {
    serde_json::json!({"spec": {"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}})
}

fn host_ports(pod: &Value) -> Vec<i64> {
    let ports = list(pod, "/spec/containers").iter().flat_map(|c| list(c, "/ports"));
    ports.map(|p| int(p, "/hostPort")).filter(|p| *p != 0).collect()
}

fn shares_host_port(pod: &Value, other: &Value) -> bool {
    let taken = host_ports(other);
    host_ports(pod).iter().any(|p| taken.contains(p))
}

/// Required anti-affinity on the hostname; other topology keys are not modelled.
fn is_repelled(pod: &Value, other: &Value) -> bool {
    let terms = list(pod, "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution");
    terms.iter().any(|term| {
        text(term, "/topologyKey") == "kubernetes.io/hostname"
            && namespace(pod) == namespace(other)
            && term.get("labelSelector").and_then(Labels::from_object).is_some_and(|s| s.matches(other))
    })
}
