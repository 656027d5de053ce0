//! NODE-001: every node is ready; an agent cannot start on one that is not.

use super::{Check, Facts, Finding, Severity, verdict};
use crate::report::count;

pub(super) struct NodeReady;

impl Check for NodeReady {
    fn id(&self) -> &'static str {
        "NODE-001"
    }

    fn title(&self) -> &'static str {
        "every node is ready"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let names: Vec<_> = nodes.iter().filter(|n| !n.is_ready()).map(|n| n.name.to_string()).collect();
        let hint =
            "repair these nodes or take them out of the cluster: the installation waits for an agent on each";
        let ok = Finding::ok(self, count(nodes.len(), "node"), "all ready");
        verdict(self, "node", &names, "not ready", hint, ok)
    }
}
