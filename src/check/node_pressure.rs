//! NODE-003: no node is short of memory, disk or processes, nor without a network.

use super::{Check, Facts, Finding, Severity, verdict};
use crate::model::Node;
use crate::report::count;

/// Conditions that are bad when True (kubernetes.io/docs/reference/node/node-status).
const BAD: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];

pub(super) struct NodePressure;

impl Check for NodePressure {
    fn id(&self) -> &'static str {
        "NODE-003"
    }

    fn title(&self) -> &'static str {
        "no node reports pressure or a dead network"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let names: Vec<_> = nodes.iter().filter_map(trouble).collect();
        let hint = "see `kubectl describe node`: a node under pressure evicts and refuses the pods of its neighbours";
        let ok = Finding::ok(self, count(nodes.len(), "node"), "none reports pressure");
        verdict(self, "node", &names, "in trouble", hint, ok)
    }
}

fn trouble(node: &Node) -> Option<String> {
    let bad = |kind: &&str| node.condition(kind).is_some_and(|condition| &*condition.status == "True");
    let kinds: Vec<_> = BAD.into_iter().filter(bad).collect();
    (!kinds.is_empty()).then(|| format!("{} ({})", node.name, kinds.join(", ")))
}
