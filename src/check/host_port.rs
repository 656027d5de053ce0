//! HOSTPORT-001: host ports go on working on Cilium.

use super::{Check, Facts, Finding, Severity};
use crate::model::Pod;
use crate::report::count;
use crate::source::some;

pub(super) struct HostPort;

impl Check for HostPort {
    fn id(&self) -> &'static str {
        "HOSTPORT-001"
    }

    fn title(&self) -> &'static str {
        "no pod on the pod network uses a host port"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let ported = |pod: &&Pod| pod.on_pod_network() && !pod.host_ports.is_empty();
        let name = |pod: &Pod| format!("{} ({})", pod.reference(), some(&pod.host_ports));
        let names: Vec<_> = pods.iter().filter(ported).map(name).collect();
        if names.is_empty() {
            return vec![Finding::ok(self, count(pods.len(), "pod"), "none uses a host port")];
        }
        vec![
            Finding::failed(self, count(names.len(), "pod"), format!("with host ports: {}", some(&names)))
                .hint(
                    "while kube-proxy stays, Cilium serves host ports through the portmap plugin only: \
                 keep cni.chainingMode=portmap, which the generated values have",
                ),
        ]
    }
}
