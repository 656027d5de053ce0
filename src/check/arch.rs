//! ARCH-001: Cilium has images for every node.

use super::{Check, Facts, Finding, Severity};
use crate::report::count;
use crate::source::some;

/// Architectures that Cilium publishes images for (Documentation/operations/system_requirements.rst).
const SUPPORTED: [&str; 2] = ["amd64", "arm64"];

pub(super) struct Arch;

impl Check for Arch {
    fn id(&self) -> &'static str {
        "ARCH-001"
    }

    fn title(&self) -> &'static str {
        "every node's architecture has Cilium images"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let subject = count(nodes.len(), "node");
        let others = nodes.iter().filter(|node| !SUPPORTED.contains(&&*node.architecture));
        let names: Vec<_> = others.map(|node| format!("{} ({})", node.name, node.architecture)).collect();
        if names.is_empty() {
            return vec![Finding::ok(self, subject, format!("all {}", SUPPORTED.join(" or ")))];
        }
        vec![
            Finding::failed(self, some(&names), format!("expected {}", SUPPORTED.join(" or ")))
                .hint("take these nodes out of the cluster: Cilium has no image for them"),
        ]
    }
}
