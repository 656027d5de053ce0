//! CNI-002: the Istio CNI plugin does not run, whose entry Cilium would hide.

use super::{Check, Facts, Finding, Severity, running, unreadable, verdict};
use crate::model::unread::DAEMON_SETS;
use crate::report::count;

pub(super) struct CniIstio;

impl Check for CniIstio {
    fn id(&self) -> &'static str {
        "CNI-002"
    }

    fn title(&self) -> &'static str {
        "the Istio CNI plugin does not run"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[DAEMON_SETS]) {
            return unknown;
        }
        let names = running(facts.snapshot, &["istio/install-cni", "istio-cni-node"]);
        let ok = Finding::ok(
            self,
            count(facts.snapshot.daemon_sets.len(), "DaemonSet"),
            "none runs the Istio CNI plugin",
        );
        let hint = "set cni.exclusive=false and socketLB.hostNamespaceOnly=true in the values, else pods start without the mesh";
        verdict(self, "DaemonSet", &names, "runs the Istio CNI plugin", hint, ok)
    }
}
