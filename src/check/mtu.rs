//! MTU-001: packets that pods of the source send fit through Cilium's overlay while both run.

use super::{Check, Facts, Finding, Severity};

/// Bytes that the backend takes off the MTU of the interface (flannel-io/flannel pkg/backend, `encapOverhead`).
const OVERHEAD: &[(&str, u32)] =
    &[("vxlan", 50), ("wireguard", 80), ("udp", 28), ("ipip", 20), ("host-gw", 0), ("alloc", 0)];
/// What VXLAN and Geneve take over IPv4 (cilium pkg/mtu, `TunnelOverheadIPv4`).
const OURS: u32 = 50;

pub(super) struct Mtu;

impl Check for Mtu {
    fn id(&self) -> &'static str {
        "MTU-001"
    }

    fn title(&self) -> &'static str {
        "packets of the source's pods fit into Cilium's overlay"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let Some((source, parameters)) = facts.detection.one() else {
            return vec![Finding::unknown(self, "MTU", "the source's backend is not known (SOURCE-001)")];
        };
        let backend = format!("{} {}", source.id(), parameters.backend);
        let Some((_, theirs)) = OVERHEAD.iter().find(|(name, _)| *name == parameters.backend) else {
            return vec![Finding::unknown(self, backend, "how much it takes off the MTU is not known")];
        };
        let of = parameters.mtu.map_or_else(
            || "the nodes' MTU, which the API does not show".to_owned(),
            |mtu| format!("the configured MTU of {mtu}"),
        );
        let message =
            format!("takes {theirs} bytes off {of}; Cilium's {} takes {OURS}", facts.intent.overlay.protocol);
        vec![if *theirs < OURS {
            Finding::failed(self, backend, format!("{message}: pods of the source send larger packets than Cilium takes"))
                .hint(
                    "see that no firewall between nodes drops ICMP \"fragmentation needed\", and compare after the first \
                     node: ping -M do -s 1472 from an old pod to a new one",
                )
        } else {
            Finding::ok(self, backend, message)
        }]
    }
}
