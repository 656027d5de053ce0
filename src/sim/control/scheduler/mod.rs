//! The scheduler: filters nodes as the default plugins do, in their order, then takes the least allocated one that has
//! the fewest pods of the same owner (`kubernetes/pkg/scheduler/framework/plugins`).
//!
//! Of a large cluster only a part is looked at for each pod, as kube-scheduler does. Not modelled: preferred affinity and
//! preemption.

mod affinity;
mod load;
mod reasons;
mod resources;
mod spread;
mod volumes;

use std::time::Duration;

use hashbrown::HashMap;

use crate::sim::json::{
    condition, controller, flag, is_deleting, is_finished, name, set, set_condition, text,
};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::taints;
use affinity::Affinity;
pub(crate) use load::Load;
use load::Site;
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
    let pod = world.store.get(key).cloned().filter(waits)?;
    let now = world.clock.now();
    let (chosen, looked_at) = choose(world, &pod);
    world.load.next = (world.load.next + looked_at) % world.load.count().max(1);
    match chosen {
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
    /// Pods of the same owner by the place of their node; those that wait for one are together too.
    siblings: HashMap<Option<usize>, usize>,
    /// The most of them on one node.
    most: usize,
}

impl Wish<'_> {
    /// Whether it asks for nothing but resources.
    fn is_plain(&self) -> bool {
        let spec = &self.pod["spec"];
        let has = |member: &str| spec.get(member).is_some();
        !has("nodeSelector")
            && !has("affinity")
            && self.ports.is_empty()
            && self.volumes.is_empty()
            && self.spread.is_empty()
            && self.affinity.is_empty()
    }
}

/// Nodes after which a search ends, as of how many fit (`schedule_one.go`, `numFeasibleNodesToFind` with its adaptive
/// default): all of up to 100, then from about half of them down to a twentieth.
fn enough(nodes: usize) -> usize {
    const LEAST: usize = 100;
    let percent = 50_usize.saturating_sub(nodes / 125).max(5);
    if nodes < LEAST { nodes } else { (nodes * percent / 100).max(LEAST) }
}

/// The best node, or the message that says why there is none; and how many were looked at.
fn choose(world: &World, pod: &Value) -> (Result<String, String>, usize) {
    let volumes = match Volumes::of(world, pod) {
        Ok(volumes) => volumes,
        Err(why) => return (Err(why), 0),
    };
    let siblings = siblings(world, pod);
    let wish = Wish {
        pod,
        requests: Resources::requested(pod),
        ports: load::ports(pod),
        volumes,
        spread: Spread::of(world, pod),
        affinity: Affinity::of(world, pod),
        most: siblings.values().copied().max().unwrap_or_default(),
        siblings,
    };
    let is_plain = wish.is_plain();
    let (wanted, mut looked_at) = (enough(world.load.count()), 0);
    let mut reasons = Reasons::default();
    let (mut highest, mut best) = (0, Vec::new());
    for (node, place, site) in world.load.in_turn() {
        looked_at += 1;
        let beside = wish.siblings.get(&Some(place)).copied().unwrap_or_default();
        match fits(world, &wish, is_plain, (node, site), beside) {
            Ok(score) if best.is_empty() || score >= highest => {
                if score > highest {
                    best.clear();
                }
                highest = score;
                best.push(node);
            }
            Ok(_) => {}
            Err(why) => reasons.add(why),
        }
        if looked_at - reasons.nodes() >= wanted {
            break;
        }
    }
    let chosen = best.get(world.tie(name(pod), best.len())).copied();
    (chosen.map(str::to_owned).ok_or_else(|| reasons.message()), looked_at)
}

fn siblings(world: &World, pod: &Value) -> HashMap<Option<usize>, usize> {
    let mut count = HashMap::new();
    let owner = controller(pod).map(|o| text(o, "/uid"));
    let all = owner.into_iter().flat_map(|uid| world.store.each_owned_by(uid)).map(|(_, pod)| pod);
    for sibling in all.filter(|pod| !is_deleting(pod) && !is_finished(pod)) {
        let place = world.load.place_named(text(sibling, "/spec/nodeName"));
        *count.entry(place).or_default() += 1;
    }
    count
}

/// The score of a node, higher is better, or why the pod may not go there; with so many of its siblings there.
fn fits(
    world: &World,
    wish: &Wish<'_>,
    is_plain: bool,
    (node, site): (&str, &Site),
    siblings: usize,
) -> Result<u64, Vec<Reason>> {
    if !(is_plain && site.is_open) {
        let object = world.node(node).ok_or_else(Vec::new)?;
        place(wish, site, object)?;
    }
    let short = site.allocatable.short(&site.taken, &wish.requests);
    if !short.is_empty() {
        return Err(short);
    }
    if !is_plain {
        let object = world.node(node).ok_or_else(Vec::new)?;
        wish.volumes.allow(object).map_err(|r| vec![r])?;
        wish.spread.allow(object).map_err(|r| vec![r])?;
        wish.affinity.allow(object).map_err(|r| vec![r])?;
    }
    let apart = (100 * (wish.most - siblings)).checked_div(wish.most).unwrap_or(100);
    Ok(site.allocatable.free_share(&site.taken, &wish.requests) + 2 * apart as u64)
}

/// Whether a node may be thought of at all, whatever it has to give but its ports.
fn place(wish: &Wish<'_>, site: &Site, node: &Value) -> Result<(), Vec<Reason>> {
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
    if wish.ports.iter().any(|port| site.taken.has_port(port)) {
        return one(Reason::passing("node(s) didn't have free ports for the requested pod ports"));
    }
    Ok(())
}

fn unschedulable() -> Value {
    json!({"spec": {"taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}})
}

#[cfg(test)]
mod tests {
    use super::enough;

    /// The cases of kube-scheduler's own test (`schedule_one_test.go`, `TestNumFeasibleNodesToFind`).
    #[test]
    fn of_many_nodes_a_part_is_enough() {
        let cases = [(10, 10), (100, 100), (1_000, 420), (6_000, 300)];
        assert_eq!(cases.map(|(nodes, _)| enough(nodes)), cases.map(|(_, wanted)| wanted));
    }
}
