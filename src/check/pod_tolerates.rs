//! POD-004: no pod tolerates every taint, and so comes back to the node that is drained of it.

use super::{Check, Facts, Finding, Severity, is_moved, verdict};
use crate::model::Pod;
use crate::report::count;

pub(super) struct PodTolerates;

impl Check for PodTolerates {
    fn id(&self) -> &'static str {
        "POD-004"
    }

    fn title(&self) -> &'static str {
        "no pod comes back to a cordoned node"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let found = |pod: &&Pod| is_moved(pod) && pod.tolerates_all && pod.on_pod_network();
        let names: Vec<_> = pods.iter().filter(found).map(|pod| pod.reference().to_string()).collect();
        let hint = "name the taints that they need: such a pod may come back to the cordoned node and take an address of the old network";
        let ok = Finding::ok(self, count(pods.len(), "pod"), "none tolerates every taint");
        verdict(self, "pod", &names, "tolerate every taint", hint, ok)
    }
}
