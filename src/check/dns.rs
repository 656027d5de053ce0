//! DNS-001: cluster DNS survives the move of one of its pods.

use super::{Check, Facts, Finding, Severity};
use crate::model::Pod;
use crate::report::count;

/// Label of the cluster's DNS pods, kept by CoreDNS for the sake of its Service (kubernetes cluster/addons/dns).
const LABEL: (&str, &str) = ("k8s-app", "kube-dns");

pub(super) struct Dns;

impl Check for Dns {
    fn id(&self) -> &'static str {
        "DNS-001"
    }

    fn title(&self) -> &'static str {
        "cluster DNS has more than one replica"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let selector = format!("{}={}", LABEL.0, LABEL.1);
        let is_dns = |pod: &&Pod| pod.label(LABEL.0) == Some(LABEL.1) && !pod.is_finished();
        let pods: Vec<&Pod> = facts.snapshot.pods.iter().filter(is_dns).collect();
        let (all, ready) = (pods.len(), pods.iter().filter(|pod| pod.ready).count());
        vec![match (all, ready) {
            (0, _) => Finding::unknown(
                self,
                selector,
                "no such pod: DNS may run elsewhere or be labelled otherwise",
            ),
            (_, 0 | 1) => {
                let message =
                    format!("{} ready of {all}: names do not resolve while it moves", count(ready, "pod"));
                Finding::failed(self, selector, message)
                    .hint("scale cluster DNS to two or more replicas first")
            }
            _ => Finding::ok(self, selector, format!("{} ready", count(ready, "pod"))),
        }]
    }
}
