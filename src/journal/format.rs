//! What a migration remembers, as the engine sees it: one record. Pure.

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Intent, Inventory};

/// Everything that a migration must remember; [`super::documents`] says how it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// UID of `kube-system` of the cluster that this record belongs to.
    pub cluster_uid: String,
    /// What the operator wanted.
    pub intent: Intent,
    /// Pod networks of the source CNI.
    pub source_networks: Vec<IpNet>,
    /// What belongs to the source CNI: the only things that a clean-up deletes.
    pub inventory: Inventory,
    /// Objects of the inventory as they were, for a re-creation; saved before the clean-up.
    pub saved_objects: Vec<serde_json::Value>,
    /// State of nodes before the migration touched them.
    pub nodes: BTreeMap<String, NodeRecord>,
    /// Steps by id.
    pub steps: BTreeMap<String, StepRecord>,
}

/// A node as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeRecord {
    /// UID: a node replaced under the name is another one.
    pub uid: String,
    /// Whether it was cordoned before.
    pub was_unschedulable: bool,
    /// Boot id before.
    pub boot_id: String,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Progress {
    /// It was about to be done.
    Intended,
    /// It was done and checked.
    Done,
}

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepRecord {
    /// How far it is.
    pub progress: Progress,
    /// When that was written, RFC 3339.
    pub at: String,
}

/// The node and the rest of the id of a node's step, `node/NAME/WHAT`; `None` for a step that is not of a node.
pub(super) fn node_of(step: &str) -> Option<(&str, &str)> {
    step.strip_prefix("node/")?.split_once('/')
}

/// The steps of a node, by the rest of their ids.
pub(super) fn steps_of<'a>(
    steps: &'a BTreeMap<String, StepRecord>,
    node: &str,
) -> impl Iterator<Item = (&'a str, &'a StepRecord)> {
    let prefix = format!("node/{node}/");
    steps.range(prefix.clone()..).map_while(move |(id, step)| Some((id.strip_prefix(&prefix)?, step)))
}

impl Record {
    /// A new record.
    pub fn new(
        cluster_uid: String,
        intent: Intent,
        source_networks: Vec<IpNet>,
        inventory: Inventory,
    ) -> Self {
        Self {
            cluster_uid,
            intent,
            source_networks,
            inventory,
            saved_objects: Vec::new(),
            nodes: BTreeMap::new(),
            steps: BTreeMap::new(),
        }
    }

    /// How far a step is; `None` where it was never begun.
    pub fn progress(&self, step: &str) -> Option<Progress> {
        self.steps.get(step).map(|s| s.progress)
    }

    /// Whether a step was done and checked.
    pub fn is_done(&self, step: &str) -> bool {
        self.progress(step) == Some(Progress::Done)
    }

    /// Seconds that each node's turn took, from its cordon to its uncordon; nodes whose turn is not over have none.
    pub fn turns(&self) -> BTreeMap<String, f64> {
        let at = |node: &str, step: &str| -> Option<Timestamp> {
            self.steps.get(&format!("node/{node}/{step}"))?.at.parse().ok()
        };
        let turn = |node: &String| {
            let is_over = self.is_done(&format!("node/{node}/uncordon"));
            let took = at(node, "uncordon")?.duration_since(at(node, "cordon")?);
            is_over.then(|| (node.clone(), took.as_secs_f64()))
        };
        self.nodes.keys().filter_map(turn).collect()
    }

    /// Forgets the steps between the first and the last of a node whose turn is over: the cluster shows that they were done,
    /// and its part of the journal is written anew with every step of the nodes that follow.
    pub fn end_turn(&mut self, name: &str) {
        let (first, last) = (format!("node/{name}/cordon"), format!("node/{name}/uncordon"));
        if self.is_done(&last) {
            self.forget_steps(name, |id| id != first && id != last);
        }
    }

    /// Of a node's steps; those of all others are not looked at.
    fn forget_steps(&mut self, name: &str, is_meant: impl Fn(&str) -> bool) {
        let prefix = format!("node/{name}/");
        let steps = self.steps.range(prefix.clone()..).map(|(id, _)| id);
        let own = steps.take_while(|id| id.starts_with(&prefix));
        for id in own.filter(|id| is_meant(id)).cloned().collect::<Vec<_>>() {
            self.steps.remove(&id);
        }
    }

    /// Forgets the steps of a node, after a roll-back or for a node that was replaced.
    pub fn forget_node(&mut self, name: &str) {
        self.forget_steps(name, |_| true);
        self.nodes.remove(name);
    }
}
