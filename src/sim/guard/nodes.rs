//! A node that was switched takes new pods only after probes from it were all answered, and when every pod on it has
//! an address of its network.

use ipnet::Ipv4Net;

use crate::model::{MIGRATION_LABEL, PROBE_LABEL};
use crate::sim::cni::agent;
use crate::sim::json::{flag, is_deleting, is_finished, label, list, name, namespace, text};
use crate::sim::resource::id;
use crate::sim::value::Value;
use crate::sim::world::World;

use super::{Rule, Seen};

/// What happened to a node since its label was changed last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Switch {
    is_proven: bool,
}

pub(super) fn judge(world: &mut World, seen: &Seen, broken: &mut Vec<(Rule, String)>) {
    let Some(before) = seen.before.as_ref() else { return };
    match seen.write.key.resource {
        id::PODS => note_proof(world, seen, before),
        id::NODES => {
            let after = world.store.get(&seen.write.key).cloned();
            let after = after.as_ref().unwrap_or(before);
            if label(before, MIGRATION_LABEL) != label(after, MIGRATION_LABEL) {
                world.guard.nodes.insert(name(before).to_owned(), Switch::default());
            }
            if flag(before, "/spec/unschedulable") && !flag(after, "/spec/unschedulable") {
                let why = unproven(world, name(before));
                broken.extend(why.map(|w| (Rule::ProvenBeforeUncordon, format!("{}: {w}", seen.summary()))));
            }
        }
        _ => {}
    }
}

/// A probe client that is cleared away has told what it found.
fn note_proof(world: &mut World, seen: &Seen, pod: &Value) {
    let is_client = label(pod, PROBE_LABEL) == Some("client") && !flag(pod, "/spec/hostNetwork");
    if seen.write.verb != "delete" || !is_client || text(pod, "/status/phase") != "Succeeded" {
        return;
    }
    let message = text(pod, "/status/containerStatuses/0/state/terminated/message");
    let results: Value = serde_json::from_str(message).unwrap_or_default();
    let paths = list(&results, "/results");
    let is_proof =
        !paths.is_empty() && paths.iter().all(|p| p["sent"].as_u64() > Some(0) && p["ok"] == p["sent"]);
    if let Some(switch) = world.guard.nodes.get_mut(text(pod, "/spec/nodeName")) {
        switch.is_proven = is_proof;
    }
}

/// Why a node must not take new pods yet.
fn unproven(world: &World, node: &str) -> Option<String> {
    let switch = world.guard.nodes.get(node)?;
    if !switch.is_proven {
        return Some("no probe from the node was answered in full since its switch".to_owned());
    }
    let is_new = world.node(node).is_some_and(|n| label(n, MIGRATION_LABEL) == Some("true"));
    let ranges: Vec<Ipv4Net> = agent::ranges(world, node).iter().filter_map(|r| r.parse().ok()).collect();
    let is_cilium = |p: &Value| {
        text(p, "/status/podIP")
            .parse()
            .is_ok_and(|ip: std::net::Ipv4Addr| ranges.iter().any(|r| r.contains(&ip)))
    };
    let strays = |p: &Value| {
        let has_address = !text(p, "/status/podIP").is_empty() && !flag(p, "/spec/hostNetwork");
        has_address && !is_finished(p) && !is_deleting(p) && is_cilium(p) != is_new
    };
    let pods = world.store.pods_on(node);
    let stray = pods.iter().map(|(_, p)| p).find(|p| strays(p))?;
    Some(format!(
        "pod {}/{} has {} from the other network",
        namespace(stray),
        name(stray),
        text(stray, "/status/podIP")
    ))
}
