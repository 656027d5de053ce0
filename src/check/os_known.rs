//! OS-002: no node runs an operating system that is known to need something besides.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::report::count;
use crate::source::some;

/// Part of `osImage`, and what to see to.
const KNOWN: &[(&str, &str)] = &[
    (
        "Flatcar",
        "set ManageForeignRoutingPolicyRules=no and ManageForeignRoutes=no for systemd-networkd, which else deletes \
         Cilium's rules when it restarts (cilium #18706, flatcar #620)",
    ),
    (
        "Bottlerocket",
        "its root is read-only: see that /etc/cni/net.d and /opt/cni/bin are writable for the agent",
    ),
    ("Container-Optimized OS", "its plugins are in /home/kubernetes/bin: set cni.binPath to it"),
    ("Raspbian", "install the kernel's extra modules: vxlan is among them"),
];

pub(super) struct OsKnown;

impl Check for OsKnown {
    fn id(&self) -> &'static str {
        "OS-002"
    }

    fn title(&self) -> &'static str {
        "no node needs preparations of its operating system"
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let finding = |&(part, what): &(&str, &str)| {
            let found = nodes.iter().filter(|node| node.os_image.contains(part));
            let names: Vec<_> = found.map(|node| node.name.clone()).collect();
            (!names.is_empty()).then(|| {
                Finding::failed(self, count(names.len(), "node"), format!("{part}: {}", some(&names)))
                    .hint(what)
            })
        };
        let findings: Vec<_> = KNOWN.iter().filter_map(finding).collect();
        or_ok(findings, || Finding::ok(self, count(nodes.len(), "node"), "no known peculiarity"))
    }
}
