//! KPROXY-002: kube-proxy's `clusterCIDR` covers Cilium's range, or is not set.

use ipnet::IpNet;

use super::{Check, Facts, Finding, Severity, unreadable};
use crate::model::unread::CONFIG_MAPS;
use crate::source::some;

pub(super) struct KubeProxyCidr;

impl Check for KubeProxyCidr {
    fn id(&self) -> &'static str {
        "KPROXY-002"
    }

    fn title(&self) -> &'static str {
        "kube-proxy does not take the new pods for strangers"
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[CONFIG_MAPS]) {
            return unknown;
        }
        let subject = "ConfigMap kube-system/kube-proxy";
        let config =
            facts.snapshot.config("kube-system", "kube-proxy").and_then(|c| c.data.get("config.conf"));
        let ranges = config.map(|text| cluster_cidrs(text)).unwrap_or_default();
        let range = facts.intent.pod_cidr;
        vec![if ranges.is_empty() {
            Finding::ok(self, subject, "names no clusterCIDR")
        } else if ranges.iter().any(|known| known.contains(&range)) {
            Finding::ok(self, subject, format!("clusterCIDR {} covers {range}", some(&ranges)))
        } else {
            let message = format!("clusterCIDR {} is without {range}", some(&ranges));
            Finding::failed(self, subject, message).hint(
                "Services see the node's address as the source of pods on Cilium; set clusterCIDR to the new range at \
                 the end, and restart kube-proxy",
            )
        }]
    }
}

/// `clusterCIDR` of a KubeProxyConfiguration; one line, whose value may be quoted and hold two ranges.
fn cluster_cidrs(config: &str) -> Vec<IpNet> {
    let line = config.lines().find_map(|line| line.trim().strip_prefix("clusterCIDR:"));
    let value = line.unwrap_or_default().trim().trim_matches('"');
    value.split(',').filter_map(|range| range.trim().parse().ok()).collect()
}
