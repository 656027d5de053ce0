//! NODE-004: every node has a `spec.podCIDR`, from which Flannel gives addresses until the node is migrated.

use super::{Check, Facts, Finding, Severity, verdict};
use crate::report::count;

pub(super) struct NodePodCidr;

impl Check for NodePodCidr {
    fn id(&self) -> &'static str {
        "NODE-004"
    }

    fn title(&self) -> &'static str {
        "every node has a pod range for the source"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let names: Vec<_> =
            nodes.iter().filter(|n| n.pod_cidrs.is_empty()).map(|n| n.name.to_string()).collect();
        let hint = "start kube-controller-manager with --allocate-node-cidrs=true and --cluster-cidr, or give these \
                    nodes a podCIDR: a rollback to Flannel needs it";
        let ok = Finding::ok(self, count(nodes.len(), "node"), "each has a podCIDR");
        verdict(self, "node", &names, "without a podCIDR", hint, ok)
    }
}
