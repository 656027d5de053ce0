//! CIDR-001: no node has an address inside Cilium's pod range.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::model::Node;
use crate::report::count;
use crate::source::some;

pub(super) struct CidrNodes;

impl Check for CidrNodes {
    fn id(&self) -> &'static str {
        "CIDR-001"
    }

    fn title(&self) -> &'static str {
        "Cilium's pod range holds no node address"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let range = facts.intent.pod_cidr;
        let nodes = &facts.snapshot.nodes;
        let inside = |node: &&Node| node.internal_ips.iter().any(|ip| range.contains(ip));
        let name = |node: &Node| format!("{} ({})", node.name, some(&node.internal_ips));
        let names: Vec<_> = nodes.iter().filter(inside).map(name).collect();
        if !names.is_empty() {
            let message = format!("holds addresses of {}: {}", count(names.len(), "node"), some(&names));
            return vec![Finding::failed(self, range.to_string(), message).hint(
                "choose another range with --target-pod-cidr: pods and nodes must not share addresses",
            )];
        }
        let silent: Vec<_> =
            nodes.iter().filter(|n| n.internal_ips.is_empty()).map(|n| n.name.clone()).collect();
        let unknown = (!silent.is_empty()).then(|| {
            Finding::unknown(self, range.to_string(), format!("{} give no InternalIP", some(&silent)))
        });
        or_ok(unknown.into_iter().collect(), || {
            Finding::ok(
                self,
                range.to_string(),
                format!("holds no address of {}", count(nodes.len(), "node")),
            )
        })
    }
}
