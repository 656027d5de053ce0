//! Whether a step of a node is done: a pure look at a snapshot. Resuming is "observe again, skip what is done".

use std::collections::BTreeMap;

use super::step::{NodeStep, Step};
use crate::drain;
use crate::journal::Record;
use crate::model::{Node, NodeId, Pod, Snapshot};
use crate::report::count;
use crate::target;
use crate::verify::{Network, classify};

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is to be done.
    Done,
    /// What is still to come about.
    Pending(String),
}

/// Where a step of a node stands.
pub fn standing(
    step: NodeStep,
    snapshot: &Snapshot,
    id: NodeId,
    record: &Record,
    options: &drain::Options,
) -> Standing {
    let node = snapshot.node(id);
    let before = record.nodes.get(&*node.name);
    let pending = |reason: &str| Standing::Pending(reason.to_owned());
    match step {
        NodeStep::Cordon if node.unschedulable && before.is_some() => Standing::Done,
        NodeStep::Cordon => pending("the node is schedulable"),
        NodeStep::Drain => drained(snapshot, id, options),
        NodeStep::Switch => switched(snapshot, id),
        NodeStep::Reboot => match before {
            Some(before) if *before.boot_id != *node.boot_id && node.is_ready() => Standing::Done,
            Some(before) if *before.boot_id != *node.boot_id => pending("the node is not Ready yet"),
            _ => pending("the boot id has not changed"),
        },
        NodeStep::Restart => restarted(snapshot, id, record),
        // A verification cannot be seen in the cluster: it is the one step that memory answers for.
        NodeStep::Verify if record.is_done(&Step::Node(node.name.to_string(), step).id()) => Standing::Done,
        NodeStep::Verify => pending("the paths were not probed"),
        NodeStep::Uncordon => match before {
            Some(before) if before.was_unschedulable == node.unschedulable => Standing::Done,
            _ => pending("the node is still cordoned"),
        },
    }
}

fn drained(snapshot: &Snapshot, id: NodeId, options: &drain::Options) -> Standing {
    let left: Vec<&Pod> = snapshot
        .pods_on(id)
        .filter(|pod| {
            pod.deleting
                || matches!(drain::filter(pod, &snapshot.daemon_sets, options), drain::Verdict::Evict)
        })
        .filter(|pod| !pod.is_daemon() && !pod.mirror && !pod.is_probe())
        .collect();
    match left.first() {
        None => Standing::Done,
        Some(pod) => {
            Standing::Pending(format!("{} left, one is {}", count(left.len(), "pod"), pod.reference()))
        }
    }
}

/// The agent was started with the migration label's configuration, and its CNI file is the first one.
fn switched(snapshot: &Snapshot, id: NodeId) -> Standing {
    let node = snapshot.node(id);
    if !node.is_labelled() {
        return Standing::Pending("the migration label is not set".into());
    }
    match snapshot.agent_on(id) {
        None => return Standing::Pending("no cilium agent runs on the node".into()),
        Some(agent) if !agent.ready => {
            let why = agent.waiting.as_deref().map(|w| format!(": {w}")).unwrap_or_default();
            return Standing::Pending(format!("cilium agent {} is not Ready{why}", agent.reference()));
        }
        Some(_) => {}
    }
    let Some(view) = snapshot.agent_views.get(&node.name) else {
        return Standing::Pending("the agent's configuration was not read".into());
    };
    match view {
        crate::model::Read::Unknown(reason) => Standing::Pending(reason.clone()),
        crate::model::Read::Known(view) => {
            if let Some(text) = wrong_option(&view.config) {
                return Standing::Pending(text);
            }
            match view.first_cni_file() {
                Some(first) if first == target::CNI_FILE => Standing::Done,
                Some(first) => Standing::Pending(format!("{first} is first in the CNI directory")),
                None => Standing::Pending("the CNI directory is empty".into()),
            }
        }
    }
}

fn wrong_option(config: &BTreeMap<String, String>) -> Option<String> {
    let wanted = ("custom-cni-conf", "false");
    match config.get(wanted.0) {
        Some(value) if value == wanted.1 => None,
        Some(value) => Some(format!("the agent runs with {}={value}, wanted {}", wanted.0, wanted.1)),
        None => Some(format!("the agent's configuration has no {}", wanted.0)),
    }
}

fn restarted(snapshot: &Snapshot, id: NodeId, record: &Record) -> Standing {
    let old: Vec<&Pod> = snapshot
        .pods_on(id)
        .filter(|pod| {
            matches!(classify(pod, snapshot, &record.source_networks), Network::Source | Network::Unknown(_))
        })
        .collect();
    match old.first() {
        None => Standing::Done,
        Some(pod) => Standing::Pending(format!(
            "{} not on cilium yet, one is {}",
            count(old.len(), "pod"),
            pod.reference()
        )),
    }
}

/// Whether a node carries everything of a finished migration.
pub(crate) fn is_migrated(node: &Node) -> bool {
    node.is_labelled() && node.phase() == Some("Migrated")
}
