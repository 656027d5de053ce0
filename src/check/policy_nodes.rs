//! POLICY-004: no `ipBlock` names nodes or the API server: in Cilium such a rule does not match them.

use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::NetworkPolicy;
use crate::model::unread::NETWORK_POLICIES;
use crate::source::some;

pub(super) struct PolicyNodes;

impl Check for PolicyNodes {
    fn id(&self) -> &'static str {
        "POLICY-004"
    }

    fn title(&self) -> &'static str {
        "no ipBlock names addresses of nodes"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[NETWORK_POLICIES]) {
            return unknown;
        }
        let nodes = &facts.snapshot.nodes;
        let named = |policy: &NetworkPolicy| {
            let holds = |block: &&ipnet::IpNet| {
                nodes.iter().flat_map(|n| &n.internal_ips).any(|ip| block.contains(ip))
            };
            let blocks: Vec<_> = policy.blocks.iter().filter(holds).collect();
            (!blocks.is_empty()).then(|| format!("{}/{} ({})", policy.namespace, policy.name, some(&blocks)))
        };
        let names: Vec<_> = facts.snapshot.policies.iter().filter_map(named).collect();
        let hint = "add policyCIDRMatchMode: [nodes] to the values, or use entities (host, remote-node, kube-apiserver) \
                    in a CiliumNetworkPolicy";
        let ok = Finding::ok(self, "NetworkPolicies", "no ipBlock holds a node's address");
        verdict(self, "NetworkPolicy object", &names, "names nodes by address", hint, ok)
    }
}
