//! OS-001: every node runs Linux: Cilium has no agent for anything else.

use super::{Check, Facts, Finding, Severity, verdict};
use crate::model::Node;
use crate::report::count;
use crate::source::some;

pub(super) struct OsLinux;

impl Check for OsLinux {
    fn id(&self) -> &'static str {
        "OS-001"
    }

    fn title(&self) -> &'static str {
        "every node runs Linux"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let silent: Vec<_> = nodes.iter().filter(|n| n.os.is_empty()).map(|n| n.name.clone()).collect();
        let other = |node: &&Node| !node.os.is_empty() && &*node.os != "linux";
        let names: Vec<_> = nodes.iter().filter(other).map(|n| format!("{} ({})", n.name, n.os)).collect();
        let ok = if silent.is_empty() {
            Finding::ok(self, count(nodes.len(), "node"), "all run Linux")
        } else {
            Finding::unknown(self, some(&silent), "no operatingSystem reported")
        };
        let hint =
            "take these nodes out of the cluster: Cilium cannot serve them, and Flannel goes at the end";
        verdict(self, "node", &names, "no Linux", hint, ok)
    }
}
