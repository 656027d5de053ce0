//! NODE-002: no node is cordoned before the migration touches it.

use super::{Check, Facts, Finding, Severity, verdict};
use crate::model::Node;
use crate::report::count;

pub(super) struct NodeCordoned;

impl Check for NodeCordoned {
    fn id(&self) -> &'static str {
        "NODE-002"
    }

    fn title(&self) -> &'static str {
        "no node is cordoned by somebody else"
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        // A node in the middle of its migration is cordoned by this tool.
        let foreign = |node: &&Node| node.unschedulable && node.phase().is_none();
        let names: Vec<_> = nodes.iter().filter(foreign).map(|n| n.name.to_string()).collect();
        let hint = "nothing, if that is meant: such a node is migrated too and stays cordoned afterwards; it takes no \
                    pods of the nodes that are drained";
        let ok = Finding::ok(self, count(nodes.len(), "node"), "none cordoned");
        verdict(self, "node", &names, "cordoned already", hint, ok)
    }
}
