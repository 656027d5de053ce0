//! CIDR-002: Cilium's pod range and the pod ranges of the source are apart.

use ipnet::IpNet;

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::model::overlaps;
use crate::source::some;

pub(super) struct CidrPods;

impl Check for CidrPods {
    fn id(&self) -> &'static str {
        "CIDR-002"
    }

    fn title(&self) -> &'static str {
        "Cilium's pod range is apart from the source's"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let range = facts.intent.pod_cidr;
        let networks: &[IpNet] = facts.detection.one().map_or(&[], |(_, parameters)| &parameters.networks);
        let mut failures: Vec<_> = networks
            .iter()
            .filter(|network| overlaps(&range, network))
            .map(|network| self.overlap(range, &format!("the source's network {network}")))
            .collect();
        let blocks: Vec<String> = facts
            .snapshot
            .nodes
            .iter()
            .flat_map(|node| node.pod_cidrs.iter().map(|block| (&node.name, block)))
            .filter(|(_, block)| overlaps(&range, block))
            .map(|(name, block)| format!("{block} of {name}"))
            .collect();
        if !blocks.is_empty() {
            failures.push(self.overlap(range, &format!("the nodes' pod ranges {}", some(&blocks))));
        }
        if networks.is_empty() && failures.is_empty() {
            return vec![Finding::unknown(
                self,
                range.to_string(),
                "the source's network is not known (SOURCE-001)",
            )];
        }
        or_ok(failures, || Finding::ok(self, range.to_string(), format!("apart from {}", some(networks))))
    }
}

impl CidrPods {
    fn overlap(&self, range: IpNet, what: &str) -> Finding {
        Finding::failed(self, range.to_string(), format!("overlaps {what}"))
            .hint("choose another range with --target-pod-cidr: both networks carry pods at the same time")
    }
}
