//! DaemonSet: one pod on every node that it may run on (`kubernetes/pkg/controller/daemon`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sim::json::{flag, int, is_deleting, is_finished, is_ready, label, list, name, set, text};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::world::World;

use super::{pods, taints};

const REVISION: &str = "controller-revision-hash";

/// Taints that every DaemonSet pod bears (`AddOrUpdateDaemonPodTolerations`), with their effects.
const BORNE: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// A change of a node concerns every DaemonSet.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    if change.key.resource == id::NODES {
        return world.store.list(id::DAEMONSETS, None).map(|d| Key::of(id::DAEMONSETS, d)).collect();
    }
    pods::keys_of(world, change, id::DAEMONSETS)
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let set = world.store.get(key).cloned().filter(|s| !is_deleting(s))?;
    let revision = pods::revision(world, &set);
    let spec = with_tolerations(&set["spec"]["template"]["spec"]);
    let (mut nodes, mut kept) = (Vec::new(), BTreeSet::new());
    for node in world.store.list(id::NODES, None) {
        let place = place(&spec, node);
        if place == Place::Wanted {
            nodes.push(Arc::clone(node));
        }
        if place != Place::Barred {
            kept.insert(name(node).to_owned());
        }
    }
    let by_node = by_node(world, &set);
    for node in &nodes {
        if !by_node.contains_key(name(node)) {
            let new = pod_for(&set, name(node), &revision);
            pods::create(world, new);
        }
    }
    for (node, (pod, object)) in &by_node {
        if (!kept.contains(node) || is_finished(object)) && !is_deleting(object) {
            pods::delete(world, pod);
        }
    }
    if text(&set, "/spec/updateStrategy/type") == "RollingUpdate" {
        replace_outdated(world, &set, &revision, nodes.len());
    }
    report(world, key, &set, &revision, &nodes);
    None
}

fn by_node(world: &World, owner: &Value) -> BTreeMap<String, (Key, Arc<Value>)> {
    let all = pods::owned(world, owner).into_iter();
    all.map(|(k, p)| (text(&p, "/spec/nodeName").to_owned(), (k, p))).collect()
}

/// What a DaemonSet wants of a node (`NodeShouldRunDaemonPod`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A pod runs there.
    Wanted,
    /// No new pod comes; one that is there stays.
    Kept,
    /// No pod may be there.
    Barred,
}

fn place(spec: &Value, node: &Value) -> Place {
    if !taints::selects(spec, node) {
        return Place::Barred;
    }
    match taints::untolerated(spec, node) {
        None => Place::Wanted,
        Some(_) if taints::untolerated_of(spec, node, "NoExecute").is_some() => Place::Barred,
        Some(_) => Place::Kept,
    }
}

fn with_tolerations(spec: &Value) -> Value {
    let mut all = list(spec, "/tolerations").to_vec();
    for (key, effect) in BORNE {
        all.push(json!({"key": key, "operator": "Exists", "effect": effect}));
    }
    if flag(spec, "/hostNetwork") {
        let key = "node.kubernetes.io/network-unavailable";
        all.push(json!({"key": key, "operator": "Exists", "effect": "NoSchedule"}));
    }
    // A not-ready node keeps other new pods away by NoSchedule too; DaemonSet pods come all the same.
    all.push(json!({"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}));
    let mut spec = spec.clone();
    set(&mut spec, "/tolerations", all);
    spec
}

/// The pod is bound at once; the real scheduler comes to the same by the affinity that the controller sets.
fn pod_for(owner: &Value, node: &str, revision: &str) -> Value {
    let mut pod = pods::from_template(owner, &format!("{}-", name(owner)), (REVISION, revision));
    pod["spec"] = with_tolerations(&pod["spec"]);
    set(&mut pod, "/spec/nodeName", node);
    pod
}

/// Deletes pods of another revision, unready ones always, others within `maxUnavailable`.
fn replace_outdated(world: &mut World, owner: &Value, revision: &str, nodes: usize) {
    let limit = &owner["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"];
    let limit = pods::scaled(limit, nodes, true).max(1);
    let all = by_node(world, owner);
    let serves = |p: &Value| is_ready(p) && !is_deleting(p);
    let mut unavailable = nodes.saturating_sub(all.values().filter(|(_, p)| serves(p)).count());
    for (key, pod) in all.values() {
        if label(pod, REVISION) == Some(revision) || is_deleting(pod) {
            continue;
        }
        if serves(pod) {
            if unavailable >= limit {
                continue;
            }
            unavailable += 1;
        }
        pods::delete(world, key);
    }
}

fn report(world: &mut World, key: &Key, owner: &Value, revision: &str, nodes: &[Arc<Value>]) {
    let all = by_node(world, owner);
    let is_wanted = |node: &String| nodes.iter().any(|n| name(n) == node);
    let live = |p: &Value| !is_deleting(p);
    let here: Vec<&Arc<Value>> = all.iter().filter(|(n, _)| is_wanted(n)).map(|(_, (_, p))| p).collect();
    let ready = here.iter().filter(|p| is_ready(p) && live(p)).count();
    let updated = here.iter().filter(|p| label(p, REVISION) == Some(revision) && live(p)).count();
    let numbers = [
        ("desiredNumberScheduled", nodes.len()),
        ("currentNumberScheduled", here.len()),
        ("numberMisscheduled", all.len() - here.len()),
        ("numberReady", ready),
        ("numberAvailable", ready),
        ("updatedNumberScheduled", updated),
        ("numberUnavailable", nodes.len() - ready),
    ];
    pods::write_status(world, key, int(owner, "/metadata/generation"), &numbers);
}
