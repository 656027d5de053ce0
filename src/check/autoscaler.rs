//! SCALE-001: nothing adds nodes while the migration runs: a new one comes up on the old network.

use super::{Check, Facts, Finding, Severity, app_of, verdict};
use crate::model::Pod;
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
        let pods = &facts.snapshot.pods;
        let found = |pod: &&Pod| !pod.is_finished() && app_of(pod).is_some_and(|app| APPS.contains(&app));
        let names: Vec<_> = pods.iter().filter(found).map(|pod| pod.reference().to_string()).collect();
        let hint = "pause it for the time of the migration: a new node comes up without the label, on the old network, and an emptied node looks unused";
        let ok = Finding::ok(self, count(pods.len(), "pod"), "no autoscaler of nodes");
        verdict(self, "pod", &names, "adds and removes nodes", hint, ok)
    }
}
