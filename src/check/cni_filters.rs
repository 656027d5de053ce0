//! CNI-004: no agent runs that is known to remove the tc filters of others.

use super::{Check, Facts, Finding, Severity, running, unreadable, verdict};
use crate::model::unread::DAEMON_SETS;
use crate::report::count;

pub(super) struct CniFilters;

impl Check for CniFilters {
    fn id(&self) -> &'static str {
        "CNI-004"
    }

    fn title(&self) -> &'static str {
        "no other program is known to change traffic filters"
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[DAEMON_SETS]) {
            return unknown;
        }
        let names = running(facts.snapshot, &["elastic-agent", "retina-agent"]);
        let ok = Finding::ok(
            self,
            count(facts.snapshot.daemon_sets.len(), "DaemonSet"),
            "none runs an agent that changes tc filters",
        );
        let hint = "turn its network module off or restart Cilium's agent after it: it removes the filters of others when it starts";
        verdict(self, "DaemonSet", &names, "runs an agent that changes tc filters", hint, ok)
    }
}
