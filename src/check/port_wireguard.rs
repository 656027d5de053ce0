//! PORT-003: where WireGuard is wanted, the UDP port that Cilium has for it is free on every node.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::model::{Encryption, Pod};
use crate::report::count;
use crate::source::some;
use crate::target::WIREGUARD_PORT;

pub(super) struct PortWireguard;

impl Check for PortWireguard {
    fn id(&self) -> &'static str {
        "PORT-003"
    }

    fn title(&self) -> &'static str {
        "the port of Cilium's WireGuard is free where it is wanted"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let subject = format!("udp {WIREGUARD_PORT}");
        if facts.intent.features.encryption != Some(Encryption::Wireguard) {
            return vec![Finding::ok(self, subject, "WireGuard was not asked for")];
        }
        let Some((source, parameters)) = facts.detection.one() else {
            return vec![Finding::unknown(self, subject, "the source's port is not known (SOURCE-001)")];
        };
        let mut failures = Vec::new();
        if parameters.port == Some(WIREGUARD_PORT) {
            let theirs = format!("{} {}", source.id(), parameters.backend);
            failures.push(
                Finding::failed(self, &subject, format!("{theirs} uses it, and Cilium can take no other"))
                    .hint(format!("move {theirs} to another port first, or ask for --encryption ipsec")),
            );
        }
        if facts.intent.overlay.port == WIREGUARD_PORT {
            failures.push(
                Finding::failed(self, &subject, "Cilium's own overlay was given it too")
                    .hint("choose another port with --tunnel-port"),
            );
        }
        let takes = |pod: &&Pod| !pod.is_finished() && pod.host_ports.contains(&WIREGUARD_PORT);
        let pods: Vec<_> =
            facts.snapshot.pods.iter().filter(takes).map(|pod| pod.reference().to_string()).collect();
        if !pods.is_empty() {
            let message = format!("{} of others on it: {}", count(pods.len(), "pod"), some(&pods));
            failures.push(
                Finding::failed(self, &subject, message)
                    .hint("move these pods to another port, or ask for --encryption ipsec"),
            );
        }
        or_ok(failures, || Finding::ok(self, subject, "nobody declares it"))
    }
}
