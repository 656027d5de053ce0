//! KPROXY-001: kube-proxy runs; Cilium's replacement is off while both CNIs run.

use super::{Check, Facts, Finding, Severity};
use crate::model::Pod;
use crate::report::count;
use crate::target::Distribution;

pub(super) struct KubeProxy;

impl Check for KubeProxy {
    fn id(&self) -> &'static str {
        "KPROXY-001"
    }

    fn title(&self) -> &'static str {
        "kube-proxy serves Services on both networks"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let snapshot = facts.snapshot;
        let pods = snapshot.pods.iter().filter(|pod| is_kube_proxy(pod) && !pod.is_finished()).count();
        let distribution = Distribution::of_cluster(snapshot);
        vec![if pods > 0 {
            Finding::ok(self, "kube-proxy", count(pods, "pod"))
        } else if distribution.has_kube_proxy_inside() {
            Finding::ok(self, "kube-proxy", format!("runs inside the process of {}", distribution.name()))
        } else {
            Finding::failed(self, "kube-proxy", "no pod of it was found, and Cilium's replacement stays off until the end")
                .hint(
                    "see which program serves ClusterIPs on the nodes, and that it takes pods of the new range: without \
                     one no pod on Cilium reaches a Service",
                )
        }]
    }
}

/// kubeadm and kOps label it `k8s-app`; RKE2's static pods are labelled `component`.
fn is_kube_proxy(pod: &Pod) -> bool {
    ["k8s-app", "component"].iter().any(|key| pod.label(key) == Some("kube-proxy"))
}
