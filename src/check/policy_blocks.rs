//! POLICY-003: no `ipBlock` names addresses of pods, old or new: in Cilium pods are known by labels, not by addresses.

use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::unread::NETWORK_POLICIES;
use crate::model::{NetworkPolicy, overlaps};
use crate::source::some;

pub(super) struct PolicyBlocks;

impl Check for PolicyBlocks {
    fn id(&self) -> &'static str {
        "POLICY-003"
    }

    fn title(&self) -> &'static str {
        "no ipBlock names addresses of pods"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[NETWORK_POLICIES]) {
            return unknown;
        }
        let old = facts.detection.one().map_or(&[][..], |(_, parameters)| &parameters.networks);
        let new = facts.intent.pod_cidr;
        let named = |policy: &NetworkPolicy| {
            // A block that holds everything, such as 0.0.0.0/0, means the world.
            let narrow = policy.blocks.iter().filter(|block| block.prefix_len() > 0);
            let pods = narrow.filter(|block| old.iter().chain([&new]).any(|range| overlaps(block, range)));
            let blocks: Vec<_> = pods.collect();
            (!blocks.is_empty()).then(|| format!("{}/{} ({})", policy.namespace, policy.name, some(&blocks)))
        };
        let names: Vec<_> = facts.snapshot.policies.iter().filter_map(named).collect();
        let hint = "write podSelector and namespaceSelector instead: Cilium matches no pod by an ipBlock";
        let ok = Finding::ok(self, "NetworkPolicies", "no ipBlock overlaps a pod network");
        verdict(self, "NetworkPolicy object", &names, "names pods by address", hint, ok)
    }
}
