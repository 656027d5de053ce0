//! DaemonSet: one pod on every node that it may run on (`kubernetes/pkg/controller/daemon`). Only nodes on which
//! something has changed are looked at again: with thousands of nodes every pod's change would cost thousands of looks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hashbrown::{Equivalent, HashMap};
use smallvec::SmallVec;

use crate::sim::json::{
    controller, flag, int, is_deleting, is_finished, is_ready, label, list, name, set, text, uid,
};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Text, Value, json};
use crate::sim::world::World;

use super::{pods, taints};

const REVISION: &str = "controller-revision-hash";

/// Taints that every DaemonSet pod bears (`AddOrUpdateDaemonPodTolerations`), with their effects. A silent or unready
/// node keeps other new pods away by NoSchedule too; these come all the same.
const BORNE: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ("node.kubernetes.io/not-ready", "NoSchedule"),
    ("node.kubernetes.io/unreachable", "NoSchedule"),
];

/// What a DaemonSet has on one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Here {
    wanted: bool,
    pod: Option<Present>,
}

/// The pod on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Present {
    ready: bool,
    updated: bool,
}

/// How many nodes are so.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    wanted: usize,
    current: usize,
    misscheduled: usize,
    ready: usize,
    updated: usize,
    outdated: usize,
}

/// What one DaemonSet has on all nodes, and where that must be looked at again.
#[derive(Debug, Default)]
struct Roster {
    here: BTreeMap<String, Here>,
    sums: Sums,
    changed: BTreeSet<String>,
    /// The whole of it: it is new, or its template is.
    all: bool,
    /// What is made of the template, until there is another.
    template: Option<Template>,
}

/// What pods are made from.
#[derive(Clone, Debug)]
struct Template {
    revision: String,
    spec: Value,
}

impl Template {
    fn of(world: &World, set: &Value) -> Self {
        Self {
            revision: pods::revision(world, set),
            spec: with_tolerations(&set["spec"]["template"]["spec"]),
        }
    }
}

impl Roster {
    /// Takes over what is on a node now.
    fn put(&mut self, node: String, here: Here) {
        let before =
            if here == Here::default() { self.here.remove(&node) } else { self.here.insert(node, here) };
        let before = before.unwrap_or_default();
        let count = |sum: &mut usize, is_it: fn(Here) -> bool| {
            *sum = *sum + usize::from(is_it(here)) - usize::from(is_it(before));
        };
        count(&mut self.sums.wanted, |h| h.wanted);
        count(&mut self.sums.current, |h| h.wanted && h.pod.is_some());
        count(&mut self.sums.misscheduled, |h| !h.wanted && h.pod.is_some());
        count(&mut self.sums.ready, |h| h.wanted && h.pod.is_some_and(|p| p.ready));
        count(&mut self.sums.updated, |h| h.wanted && h.pod.is_some_and(|p| p.updated));
        count(&mut self.sums.outdated, |h| h.pod.is_some_and(|p| !p.updated));
    }
}

/// The rosters of all DaemonSets by UID, and where their pods are.
#[derive(Debug, Default)]
pub(crate) struct Rosters {
    all: HashMap<String, Roster>,
    /// Mostly one, in the order of names.
    pods: HashMap<Spot, SmallVec<[Key; 1]>>,
}

/// A DaemonSet by its UID, and a node.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Spot(Text, Text);

impl Equivalent<Spot> for (&str, &str) {
    fn equivalent(&self, spot: &Spot) -> bool {
        (spot.0.as_str(), spot.1.as_str()) == *self
    }
}

impl Spot {
    /// That of a DaemonSet's pod.
    fn of(pod: &Value) -> Option<Self> {
        let owner = controller(pod).filter(|o| text(o, "/kind") == "DaemonSet")?;
        let node = pod.pointer("/spec/nodeName").and_then(Value::as_text);
        Some(Self(owner.get("uid")?.as_text()?.clone(), node.cloned().unwrap_or_else(|| "".into())))
    }
}

impl Rosters {
    /// Takes a write over.
    pub(crate) fn note(&mut self, change: &Change) {
        let object = change.object();
        match change.key.resource {
            id::DAEMONSETS if change.after.is_none() => drop(self.all.remove(uid(object))),
            id::DAEMONSETS if change.alters(&["/metadata/generation"]) => {
                self.all.entry(uid(object).to_owned()).or_default().all = true;
            }
            id::PODS => self.note_pod(change),
            id::NODES if is_moved(change) => {
                for roster in self.all.values_mut() {
                    roster.changed.insert(change.key.name.to_string());
                }
            }
            _ => {}
        }
    }

    fn note_pod(&mut self, change: &Change) {
        let [before, after] = [&change.before, &change.after].map(|pod| pod.as_ref().and_then(Spot::of));
        let Some(spot) = after.as_ref().or(before.as_ref()) else { return };
        if let Some(roster) = self.all.get_mut(spot.0.as_str()) {
            roster.changed.insert(spot.1.to_string());
        }
        if before == after {
            return;
        }
        if let Some(spot) = before
            && let Some(pods) = self.pods.get_mut(&spot)
        {
            pods.retain(|pod| *pod != change.key);
            if pods.is_empty() {
                self.pods.remove(&spot);
            }
        }
        if let Some(spot) = after {
            let pods = self.pods.entry(spot).or_default();
            pods.insert(pods.partition_point(|pod| *pod < change.key), change.key.clone());
        }
    }
}

/// Whether a node takes other pods than before.
fn is_moved(change: &Change) -> bool {
    change.alters(&["/spec/taints", "/spec/unschedulable", "/metadata/labels", "/metadata/uid"])
}

/// A node that takes other pods concerns every DaemonSet.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    match change.key.resource {
        id::NODES if is_moved(change) => world.store.keys(id::DAEMONSETS, None).cloned().collect(),
        id::NODES => Vec::new(),
        _ => pods::keys_of(world, change, id::DAEMONSETS),
    }
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let set = world.store.get(key).cloned().filter(|s| !is_deleting(s))?;
    let mut roster = world.rosters.all.remove(uid(&set)).unwrap_or_default();
    if roster.changed.is_empty() && !roster.all {
        world.rosters.all.insert(uid(&set).to_owned(), roster);
        return None;
    }
    let mut changed = std::mem::take(&mut roster.changed);
    if std::mem::take(&mut roster.all) {
        roster.template = None;
        changed = world.store.list(id::NODES, None).map(|n| name(n).to_owned()).collect();
    }
    let template = roster.template.get_or_insert_with(|| Template::of(world, &set)).clone();
    for node in changed {
        let here = look(world, &set, &template, &node);
        if here.wanted && here.pod.is_none() {
            // A refusal is tried again with the next change.
            roster.changed.insert(node.clone());
        }
        roster.put(node, here);
    }
    if roster.sums.outdated > 0 && text(&set, "/spec/updateStrategy/type") == "RollingUpdate" {
        replace_outdated(world, &set, &template.revision, &roster);
    }
    report(world, key, &set, roster.sums);
    world.rosters.all.insert(uid(&set).to_owned(), roster);
    None
}

/// Brings one node to order and says what is there.
fn look(world: &mut World, set: &Value, template: &Template, node: &str) -> Here {
    let Template { revision, spec } = template;
    let place = world.node(node).map_or(Place::Barred, |n| place(spec, n));
    let Some((key, pod)) = pod_on(world, set, node) else {
        if place == Place::Wanted {
            let new = pod_for(set, spec, node, revision);
            pods::create(world, new);
        }
        return Here { wanted: place == Place::Wanted, pod: None };
    };
    if (place == Place::Barred || is_finished(&pod)) && !is_deleting(&pod) {
        pods::delete(world, &key);
    }
    let pod = Present {
        ready: is_ready(&pod) && !is_deleting(&pod),
        updated: label(&pod, REVISION) == Some(revision.as_str()) && !is_deleting(&pod),
    };
    Here { wanted: place == Place::Wanted, pod: Some(pod) }
}

/// The pod of a DaemonSet on a node; the newest of several.
fn pod_on(world: &World, set: &Value, node: &str) -> Option<(Key, Value)> {
    let key = world.rosters.pods.get(&(uid(set), node))?.last()?;
    Some((key.clone(), world.store.get(key)?.clone()))
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
    let mut spec = spec.clone();
    set(&mut spec, "/tolerations", all);
    spec
}

/// The pod is bound at once; the real scheduler comes to the same by the affinity that the controller sets.
fn pod_for(owner: &Value, spec: &Value, node: &str, revision: &str) -> Value {
    let mut pod = pods::from_template(owner, &format!("{}-", name(owner)), (REVISION, revision));
    pod["spec"] = spec.clone();
    set(&mut pod, "/spec/nodeName", node);
    pod
}

/// Deletes pods of another revision, unready ones always, others within `maxUnavailable`.
fn replace_outdated(world: &mut World, owner: &Value, revision: &str, roster: &Roster) {
    let limit = &owner["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"];
    let limit = pods::scaled(limit, roster.sums.wanted, true).max(1);
    let mut unavailable = roster.sums.wanted - roster.sums.ready;
    let outdated = roster.here.iter().filter_map(|(node, h)| Some((node, h.pod.filter(|p| !p.updated)?)));
    for (node, here) in outdated {
        let Some((key, pod)) = pod_on(world, owner, node) else { continue };
        if label(&pod, REVISION) == Some(revision) || is_deleting(&pod) {
            continue;
        }
        if here.ready {
            if unavailable >= limit {
                continue;
            }
            unavailable += 1;
        }
        pods::delete(world, &key);
    }
}

fn report(world: &mut World, key: &Key, owner: &Value, sums: Sums) {
    let numbers = [
        ("desiredNumberScheduled", sums.wanted),
        ("currentNumberScheduled", sums.current),
        ("numberMisscheduled", sums.misscheduled),
        ("numberReady", sums.ready),
        ("numberAvailable", sums.ready),
        ("updatedNumberScheduled", sums.updated),
        ("numberUnavailable", sums.wanted - sums.ready),
    ];
    pods::write_status(world, key, int(owner, "/metadata/generation"), &numbers);
}
