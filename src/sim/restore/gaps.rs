//! What a recorded cluster has that this one does not play: told, so that a forecast is not taken for more than it is.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::sim::json::{condition, flag, is_finished, list, name, namespace, text};
use crate::sim::value::Value;
use crate::sim::world::World;

/// Something that one object may have and that is not modelled.
struct Gap {
    /// The kind of object.
    kind: &'static str,
    /// What it is and what happens instead.
    what: &'static str,
    has: fn(&Value) -> bool,
}

const GAPS: &[Gap] = &[
    Gap { kind: "Pod", what: "pod priority: nothing is preempted for it", has: has_priority },
    Gap { kind: "Pod", what: "a scheduler of its own: the default one places it", has: has_own_scheduler },
    Gap {
        kind: "Pod",
        what: "scheduling gates: it is scheduled all the same",
        has: |p| has(p, "/spec/schedulingGates"),
    },
    Gap {
        kind: "Pod",
        what: "devices by resource claim: every node has them",
        has: |p| has(p, "/spec/resourceClaims"),
    },
    Gap {
        kind: "Pod",
        what: "a second address family: only its IPv4 address follows",
        has: |p| list(p, "/status/podIPs").len() > 1,
    },
    Gap {
        kind: "Pod",
        what: "not Ready when it was recorded: stays so; its replacement becomes Ready",
        has: is_unready,
    },
    Gap {
        kind: "Pod",
        what: "a replication controller: nothing replaces it",
        has: |p| is_owned_by(p, "ReplicationController"),
    },
    Gap { kind: "Node", what: "not Ready when it was recorded: stays so", has: |n| !is_ready_node(n) },
    Gap {
        kind: "PersistentVolume",
        what: "attach and detach of a CSI volume: at once",
        has: |v| v.pointer("/spec/csi").is_some(),
    },
    Gap { kind: "CronJob", what: "its schedule: it starts no Job", has: |_| true },
    Gap { kind: "NetworkPolicy", what: "network policies: every packet passes", has: |_| true },
    Gap {
        kind: "ValidatingWebhookConfiguration",
        what: "the webhook's logic: it admits everything",
        has: |_| true,
    },
    Gap {
        kind: "MutatingWebhookConfiguration",
        what: "the webhook's logic: it changes nothing",
        has: |_| true,
    },
];

/// How many names a line gives.
const NAMED: usize = 3;

/// A line for each gap, in a stable order; `unknown` counts objects of kinds that are not served.
pub(super) fn tell(world: &World, unknown: &HashMap<String, usize>) -> Vec<String> {
    let mut lines = Vec::new();
    for gap in GAPS {
        let of_kind = world.registry.served().find(|(_, r)| r.kind == gap.kind && !r.custom);
        let objects = of_kind.into_iter().flat_map(|(id, _)| world.store.list(id, None));
        let hit: Vec<String> = objects.filter(|o| (gap.has)(o)).map(full_name).collect();
        if !hit.is_empty() {
            lines.push(format!("{} {}: {}", gap.kind, names(&hit), gap.what));
        }
    }
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for owner in world.absent_owners.values() {
        *owners.entry(owner).or_default() += 1;
    }
    let owners: Vec<String> = owners.into_keys().map(str::to_owned).collect();
    if !owners.is_empty() {
        lines.push(format!("{}: not in the record; nothing replaces what it owns", names(&owners)));
    }
    let unknown: BTreeMap<_, _> = unknown.iter().collect();
    lines.extend(unknown.iter().map(|(kind, count)| format!("kind {kind}: not served, {count} left out")));
    lines
}

fn full_name(object: &Value) -> String {
    match namespace(object) {
        "" => name(object).to_owned(),
        space => format!("{space}/{}", name(object)),
    }
}

fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn has(object: &Value, pointer: &str) -> bool {
    !list(object, pointer).is_empty()
}

/// The classes of the system only say what goes last when a node is full.
fn has_priority(pod: &Value) -> bool {
    let class = text(pod, "/spec/priorityClassName");
    !class.is_empty() && !class.starts_with("system-")
}

fn has_own_scheduler(pod: &Value) -> bool {
    !matches!(text(pod, "/spec/schedulerName"), "" | "default-scheduler")
}

fn is_unready(pod: &Value) -> bool {
    let is_ready = condition(pod, "Ready").is_some_and(|c| text(c, "/status") == "True");
    !is_ready && !is_finished(pod) && text(pod, "/status/phase") == "Running"
}

fn is_owned_by(object: &Value, kind: &str) -> bool {
    list(object, "/metadata/ownerReferences")
        .iter()
        .any(|o| text(o, "/kind") == kind && flag(o, "/controller"))
}

fn is_ready_node(node: &Value) -> bool {
    condition(node, "Ready").is_some_and(|c| text(c, "/status") == "True")
}
