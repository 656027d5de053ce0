//! CNI-003: the Linkerd CNI plugin does not run, whose entry Cilium would hide.

use super::{Check, Facts, Finding, Severity, running, unreadable, verdict};
use crate::model::unread::DAEMON_SETS;
use crate::report::count;

pub(super) struct CniLinkerd;

impl Check for CniLinkerd {
    fn id(&self) -> &'static str {
        "CNI-003"
    }

    fn title(&self) -> &'static str {
        "the Linkerd CNI plugin does not run"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[DAEMON_SETS]) {
            return unknown;
        }
        let names = running(facts.snapshot, &["linkerd/cni-plugin", "linkerd-cni"]);
        let ok = Finding::ok(
            self,
            count(facts.snapshot.daemon_sets.len(), "DaemonSet"),
            "none runs the Linkerd CNI plugin",
        );
        let hint = "set cni.exclusive=false in the values and restart linkerd-cni on each node after its switch, else pods start without the mesh";
        verdict(self, "DaemonSet", &names, "runs the Linkerd CNI plugin", hint, ok)
    }
}
