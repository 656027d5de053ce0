//! PORT-002: no pod takes a port of the node that Cilium's own components listen on.

use super::{Check, Facts, Finding, Severity, verdict};
use crate::model::Pod;
use crate::report::count;
use crate::source::some;

/// Health, Hubble, the operator's API, agent and Envoy health, gops, Envoy's admin interface; WireGuard has a check of its
/// own (Documentation/operations/system_requirements.rst; chart templates/cilium-operator/deployment.yaml).
const PORTS: [u16; 8] = [4240, 4244, 9234, 9878, 9879, 9890, 9891, 9901];

pub(super) struct PortAgent;

impl Check for PortAgent {
    fn id(&self) -> &'static str {
        "PORT-002"
    }

    fn title(&self) -> &'static str {
        "the ports of Cilium's agents are free on every node"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let taken = |pod: &Pod| {
            let ports = pod.host_ports.iter().copied();
            ports
                .filter(|port| PORTS.contains(port) || *port == facts.intent.overlay.port)
                .collect::<Vec<_>>()
        };
        let others = pods.iter().filter(|pod| !pod.is_finished() && !is_cilium(pod));
        let names: Vec<_> = others
            .map(|pod| (pod, taken(pod)))
            .filter(|(_, ports)| !ports.is_empty())
            .map(|(pod, ports)| format!("{} ({})", pod.reference(), some(&ports)))
            .collect();
        let hint =
            "move these pods to other ports, or Cilium's with the chart's values: the second to start fails";
        let ok = Finding::ok(self, count(pods.len(), "pod"), "none takes a port of Cilium's");
        verdict(self, "pod", &names, "on ports of Cilium's", hint, ok)
    }
}

/// The chart labels all of its pods as a part of cilium since 1.15, and its operator before.
fn is_cilium(pod: &Pod) -> bool {
    pod.label("app.kubernetes.io/part-of") == Some("cilium")
        || pod.label("io.cilium/app").is_some()
        || pod.is_cilium_agent()
}
