//! SCALE-001: nothing adds nodes while the migration runs: a new one comes up on the old network.

use super::{Check, Facts, Finding, Severity, pods_of_apps, verdict};
use crate::report::count;

/// Names by which their own manifests and charts label them.
const APPS: [&str; 3] = ["cluster-autoscaler", "aws-cluster-autoscaler", "karpenter"];

pub(super) struct Autoscaler;

impl Check for Autoscaler {
    fn id(&self) -> &'static str {
        "SCALE-001"
    }

    fn title(&self) -> &'static str {
        "no autoscaler adds or removes nodes"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let names = pods_of_apps(facts, &APPS);
        let hint = "pause it for the time of the migration: a new node comes up without the label, on the old network, and an emptied node looks unused";
        let ok = Finding::ok(self, count(facts.snapshot.pods.len(), "pod"), "no autoscaler of nodes");
        verdict(self, "pod", &names, "adds and removes nodes", hint, ok)
    }
}
