//! ACTOR-001: nothing but this tool cordons, drains or reboots nodes meanwhile.

use super::{Check, Facts, Finding, Severity, pods_of_apps, verdict};
use crate::report::count;

/// Names by which their own manifests and charts label them.
const APPS: [&str; 4] = ["kured", "descheduler", "system-upgrade-controller", "node-maintenance-operator"];

pub(super) struct NodeActors;

impl Check for NodeActors {
    fn id(&self) -> &'static str {
        "ACTOR-001"
    }

    fn title(&self) -> &'static str {
        "nothing else reboots or empties nodes"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let names = pods_of_apps(facts, &APPS);
        let hint = "pause it for the time of the migration: two that drain at the same time take away more than budgets and capacity allow";
        let ok = Finding::ok(
            self,
            count(facts.snapshot.pods.len(), "pod"),
            "none is known to reboot or empty nodes",
        );
        verdict(self, "pod", &names, "reboots or empties nodes", hint, ok)
    }
}
