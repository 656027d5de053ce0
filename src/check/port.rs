//! PORT-001: both overlays can be open on a node at the same time.

use super::{Check, Facts, Finding, Severity};

pub(super) struct Port;

impl Check for Port {
    fn id(&self) -> &'static str {
        "PORT-001"
    }

    fn title(&self) -> &'static str {
        "Cilium's overlay port is not the source's"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let overlay = &facts.intent.overlay;
        let subject = format!("{} udp {}", overlay.protocol, overlay.port);
        let Some((source, parameters)) = facts.detection.one() else {
            return vec![Finding::unknown(self, subject, "the source's port is not known (SOURCE-001)")];
        };
        let theirs = match parameters.port {
            None => format!("{} {} has no port", source.id(), parameters.backend),
            Some(port) => format!("{} {} uses udp {port}", source.id(), parameters.backend),
        };
        if parameters.port == Some(overlay.port) {
            return vec![
                Finding::failed(self, subject, format!("{theirs} too: the second to start cannot open it"))
                    .hint(
                        "choose another port with --tunnel-port, such as 8473, and open it between all nodes",
                    ),
            ];
        }
        vec![Finding::ok(self, subject, theirs)]
    }
}
