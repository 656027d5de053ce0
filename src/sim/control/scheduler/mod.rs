//! The scheduler: filters nodes as the default plugins do, in their order, then takes the least allocated one that has
//! the fewest pods of the same owner (`kubernetes/pkg/scheduler/framework/plugins`).
//!
//! Not modelled: preferred affinity, preemption, and the sampling of nodes in large clusters.

mod affinity;
mod load;
mod reasons;
mod resources;
mod spread;
mod volumes;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::sim::json::{
    condition, controller, flag, is_deleting, is_finished, name, set, set_condition, text,
};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::world::World;

use super::taints;
use affinity::Affinity;
pub(crate) use load::Load;
use reasons::{Reason, Reasons};
use resources::Resources;
use spread::Spread;
use volumes::Volumes;

/// An unbound pod itself; every unbound pod when a node or a volume changes or a pod goes.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let pod_comes = change.key.resource == id::PODS && change.after.as_ref().is_some_and(|p| !is_finished(p));
    if pod_comes {
        return if waits(change.object()) { vec![change.key.clone()] } else { Vec::new() };
    }
    if matches!(change.key.resource, id::NODES | id::PODS | id::CLAIMS | id::VOLUMES) {
        return world.load.waiting().cloned().collect();
    }
    Vec::new()
}

/// Whether a pod waits for its node.
fn waits(pod: &Value) -> bool {
    text(pod, "/spec/nodeName").is_empty() && !is_deleting(pod) && !is_finished(pod)
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let pod = world.store.get(key).cloned().filter(|p| waits(p))?;
    let now = world.clock.now();
    match choose(world, &pod) {
        Ok(node) => world.modify(key, |pod| {
            set(pod, "/spec/nodeName", node);
            set_condition(pod, "PodScheduled", "True", "", "", &now);
        }),
        Err(message) if is_told(&pod, &message) => None,
        Err(message) => world.modify(key, |pod| {
            set_condition(pod, "PodScheduled", "False", "Unschedulable", &message, &now);
        }),
    };
    None
}

/// A recorded pod may have been told the same with another word on preemption.
fn is_told(pod: &Value, message: &str) -> bool {
    let cause = |text: &str| text.split(" preemption:").next().unwrap_or_default().to_owned();
    let told = condition(pod, "PodScheduled").filter(|c| text(c, "/reason") == "Unschedulable");
    told.is_some_and(|c| cause(text(c, "/message")) == cause(message))
}

/// What a pod asks of a node, worked out once for all nodes.
struct Wish<'a> {
    pod: &'a Value,
    requests: Resources,
    ports: Vec<load::Port>,
    volumes: Volumes,
    spread: Spread,
    affinity: Affinity,
    /// Pods of the same owner by node.
    siblings: HashMap<String, usize>,
}

/// The best node, or the message that says why there is none.
fn choose(world: &World, pod: &Value) -> Result<String, String> {
    let wish = Wish {
        pod,
        requests: Resources::requested(pod),
        ports: load::ports(pod),
        volumes: Volumes::of(world, pod)?,
        spread: Spread::of(world, pod),
        affinity: Affinity::of(world, pod),
        siblings: siblings(world, pod),
    };
    let mut reasons = Reasons::default();
    let mut best: Option<(u64, u64, &str)> = None;
    for node in world.store.list(id::NODES, None) {
        match fits(world, &wish, node) {
            Ok(score) => {
                let tie = world.tie(name(node), name(pod));
                if best.is_none_or(|(most, least, _)| (score, least) > (most, tie)) {
                    best = Some((score, tie, name(node)));
                }
            }
            Err(why) => reasons.add(why),
        }
    }
    best.map(|(.., node)| node.to_owned()).ok_or_else(|| reasons.message())
}

fn siblings(world: &World, pod: &Value) -> HashMap<String, usize> {
    let mut count = HashMap::new();
    let owner = controller(pod).map(|o| text(o, "/uid"));
    for (_, sibling) in owner.into_iter().flat_map(|uid| world.store.owned_by(uid)) {
        if !is_deleting(&sibling) && !is_finished(&sibling) {
            *count.entry(text(&sibling, "/spec/nodeName").to_owned()).or_default() += 1;
        }
    }
    count
}

/// The score of a node, higher is better, or why the pod may not go there.
fn fits(world: &World, wish: &Wish<'_>, node: &Value) -> Result<u64, Vec<Reason>> {
    let spec = &wish.pod["spec"];
    let one = |reason: Reason| Err(vec![reason]);
    if flag(node, "/spec/unschedulable") && taints::untolerated(spec, &unschedulable()).is_some() {
        return one(Reason::fixed("node(s) were unschedulable"));
    }
    if let Some(taint) = taints::untolerated(spec, node) {
        let (key, value) = (text(&taint, "/key"), text(&taint, "/value"));
        return one(Reason::fixed(&format!("node(s) had untolerated taint {{{key}: {value}}}")));
    }
    if !taints::selects(spec, node) {
        return one(Reason::fixed("node(s) didn't match Pod's node affinity/selector"));
    }
    let taken = world.load.on(name(node));
    if wish.ports.iter().any(|port| taken.has_port(port)) {
        return one(Reason::passing("node(s) didn't have free ports for the requested pod ports"));
    }
    let allocatable = Resources::allocatable(node);
    let short = allocatable.short(taken, &wish.requests);
    if !short.is_empty() {
        return Err(short);
    }
    wish.volumes.allow(node).map_err(|r| vec![r])?;
    wish.spread.allow(node).map_err(|r| vec![r])?;
    wish.affinity.allow(node).map_err(|r| vec![r])?;
    let most = wish.siblings.values().copied().max().unwrap_or_default();
    let here = wish.siblings.get(name(node)).copied().unwrap_or_default();
    let apart = (100 * (most - here)).checked_div(most).unwrap_or(100);
    Ok(allocatable.free_share(taken, &wish.requests) + 2 * apart as u64)
}

fn unschedulable() -> Value {
    serde_json::json!({"spec": {"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}})
}
