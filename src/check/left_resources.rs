//! LEFT-002: no custom resource of an earlier Cilium is left: an old CiliumNode keeps its old pod range.

use super::{Check, Facts, Finding, Severity};
use crate::report::count;

pub(super) struct LeftResources;

impl Check for LeftResources {
    fn id(&self) -> &'static str {
        "LEFT-002"
    }

    fn title(&self) -> &'static str {
        "no resources of an earlier Cilium are left"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let cilium = &facts.snapshot.cilium;
        if facts.ours {
            return vec![Finding::ok(self, "cilium.io", "what is there is this migration's")];
        }
        if cilium.crds.is_empty() {
            return vec![Finding::ok(self, "cilium.io", "no CRD")];
        }
        let message = format!(
            "{} of an earlier Cilium, with {} and {}",
            count(cilium.crds.len(), "CRD"),
            count(cilium.nodes.len(), "CiliumNode"),
            count(cilium.node_configs.len(), "CiliumNodeConfig"),
        );
        vec![
            Finding::failed(self, "cilium.io", message)
                .hint("delete the CRDs of group cilium.io: old CiliumNodes keep old pod ranges"),
        ]
    }
}
