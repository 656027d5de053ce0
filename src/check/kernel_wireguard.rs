//! KERNEL-002: where WireGuard is wanted, every node's kernel brings it along.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::model::Encryption;
use crate::report::count;
use crate::source::some;
use crate::target::{WIREGUARD_KERNEL, minor_of};

pub(super) struct KernelWireguard;

impl Check for KernelWireguard {
    fn id(&self) -> &'static str {
        "KERNEL-002"
    }

    fn title(&self) -> &'static str {
        "every kernel brings WireGuard where it is wanted"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let subject = count(nodes.len(), "node");
        if facts.intent.features.encryption != Some(Encryption::Wireguard) {
            return vec![Finding::ok(self, subject, "WireGuard was not asked for")];
        }
        let since = format!("it is part of Linux since {}.{}", WIREGUARD_KERNEL.0, WIREGUARD_KERNEL.1);
        let named = |is_new: Option<bool>| {
            let nodes =
                nodes.iter().filter(|node| minor_of(&node.kernel).map(|k| k >= WIREGUARD_KERNEL) == is_new);
            nodes.map(|node| format!("{} ({})", node.name, node.kernel)).collect::<Vec<_>>()
        };
        let (old, odd) = (named(Some(false)), named(None));
        let old = (!old.is_empty()).then(|| {
            Finding::failed(self, some(&old), format!("kernel without WireGuard of its own: {since}")).hint(
                "install the WireGuard module on these nodes, upgrade them, or ask for --encryption ipsec",
            )
        });
        let odd = (!odd.is_empty())
            .then(|| Finding::unknown(self, some(&odd), format!("kernel version not understood; {since}")));
        or_ok(old.into_iter().chain(odd).collect(), || Finding::ok(self, subject, "new enough"))
    }
}
