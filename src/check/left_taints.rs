//! LEFT-003: no node carries the taint of an earlier Cilium, which keeps pods off.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::model::Node;
use crate::report::count;
use crate::source::some;

/// Taint that Cilium's operator sets where an agent is not ready (operator/watchers/node_taint.go); it stays after
/// an uninstall (cilium #31943).
const TAINT: &str = "node.cilium.io/agent-not-ready";

pub(super) struct LeftTaints;

impl Check for LeftTaints {
    fn id(&self) -> &'static str {
        "LEFT-003"
    }

    fn title(&self) -> &'static str {
        "no node is tainted by an earlier Cilium"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let nodes = &facts.snapshot.nodes;
        let tainted = |node: &&Node| node.taints.iter().any(|taint| &*taint.key == TAINT);
        // While the migration runs its agents may set and clear the taint themselves.
        let names: Vec<_> =
            nodes.iter().filter(|_| !facts.ours).filter(tainted).map(|node| node.name.clone()).collect();
        let finding = (!names.is_empty()).then(|| {
            Finding::failed(self, some(&names), format!("tainted {TAINT} by an earlier Cilium"))
                .hint(format!("kubectl taint nodes {} {TAINT}-", names.join(" ")))
        });
        or_ok(finding.into_iter().collect(), || {
            Finding::ok(self, count(nodes.len(), "node"), "none is tainted")
        })
    }
}
