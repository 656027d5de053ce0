//! CNI-001: Multus does not run, whose configuration file Cilium would rename.

use super::{Check, Facts, Finding, Severity, running, unreadable, verdict};
use crate::model::unread::DAEMON_SETS;
use crate::report::count;

pub(super) struct CniMultus;

impl Check for CniMultus {
    fn id(&self) -> &'static str {
        "CNI-001"
    }

    fn title(&self) -> &'static str {
        "Multus does not run"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[DAEMON_SETS]) {
            return unknown;
        }
        let names = running(facts.snapshot, &["multus"]);
        let ok = Finding::ok(self, count(facts.snapshot.daemon_sets.len(), "DaemonSet"), "none runs Multus");
        let hint = "cni.exclusive becomes false by itself; restart Multus' pod on each node after its switch, unless you told it which CNI to hand pods on to: it looks for the first file when it starts";
        verdict(self, "DaemonSet", &names, "runs Multus", hint, ok)
    }
}
