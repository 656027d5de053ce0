//! CIDR-005: no address that clients or nodes use from outside lies in Cilium's pod range.

use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::unread::SERVICES;
use crate::report::count;

pub(super) struct CidrExternal;

impl Check for CidrExternal {
    fn id(&self) -> &'static str {
        "CIDR-005"
    }

    fn title(&self) -> &'static str {
        "Cilium's pod range holds no address outside of the cluster"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[SERVICES]) {
            return unknown;
        }
        let (range, snapshot) = (facts.intent.pod_cidr, facts.snapshot);
        let nodes = snapshot
            .nodes
            .iter()
            .flat_map(|n| n.external_ips.iter().map(|ip| (ip, format!("node {}", n.name))));
        let services = snapshot.services.iter().flat_map(|service| {
            service
                .external_ips
                .iter()
                .map(|ip| (ip, format!("Service {}/{}", service.namespace, service.name)))
        });
        let all: Vec<_> = nodes.chain(services).collect();
        let inside = all.iter().filter(|(ip, _)| range.contains(*ip));
        let names: Vec<_> = inside.map(|(ip, whose)| format!("{ip} of {whose}")).collect();
        let message = format!(
            "holds none of {}; routes that only the nodes know are not seen",
            count(all.len(), "external IP")
        );
        let ok = Finding::ok(self, range.to_string(), message);
        let hint = "choose another range with --target-pod-cidr: agents route all of it to pods";
        verdict(self, "external IP", &names, &format!("inside of {range}"), hint, ok)
    }
}
