//! IP-001: no pod or Service has an IPv6 address, which the generated values would take away.

use ipnet::IpNet;

use super::{Check, Facts, Finding, Severity, verdict};
use crate::model::Read;

pub(super) struct IpFamily;

impl Check for IpFamily {
    fn id(&self) -> &'static str {
        "IP-001"
    }

    fn title(&self) -> &'static str {
        "the cluster is IPv4 only"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let networks = facts.detection.one().map_or(&[][..], |(_, parameters)| &parameters.networks);
        if networks.is_empty() {
            return vec![Finding::unknown(
                self,
                "pod networks",
                "the source's networks are not known (SOURCE-001)",
            )];
        }
        let services = match &facts.snapshot.service_cidrs {
            Read::Known(services) => services.as_slice(),
            // CIDR-003 says that they are not known; pods tell enough.
            Read::Unknown(_) => &[],
        };
        let blocks = facts.snapshot.nodes.iter().flat_map(|node| &node.pod_cidrs);
        let mut ranges: Vec<&IpNet> = networks
            .iter()
            .chain(services)
            .chain(blocks)
            .filter(|range| matches!(range, IpNet::V6(_)))
            .collect();
        ranges.sort();
        ranges.dedup();
        let names: Vec<_> = ranges.iter().map(ToString::to_string).collect();
        let hint = "IPv6 and dual stack are not supported yet: Cilium's guide has no values for them, and a change of \
                    the IP family during a migration is untested";
        let ok = Finding::ok(self, "pod networks", "all IPv4");
        verdict(self, "IPv6 range", &names, "in use", hint, ok)
    }
}
