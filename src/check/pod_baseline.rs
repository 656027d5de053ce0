//! POD-003: every pod is well before the migration, so that what is ill afterwards is its doing.

use super::{Check, Facts, Finding, Severity, verdict};
use crate::model::{Phase, Pod};
use crate::report::count;

pub(super) struct PodBaseline;

impl Check for PodBaseline {
    fn id(&self) -> &'static str {
        "POD-003"
    }

    fn title(&self) -> &'static str {
        "every pod runs now"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let names: Vec<_> = pods.iter().filter(|pod| !pod.is_probe()).filter_map(trouble).collect();
        let hint = "repair or delete them first: they take the place of others, hold budgets, and hide what the \
                    migration does";
        let ok = Finding::ok(self, count(pods.len(), "pod"), "none waits or crashes");
        verdict(self, "pod", &names, "not running well now", hint, ok)
    }
}

/// Why a pod does not run; one that is only starting is left out of it.
fn trouble(pod: &Pod) -> Option<String> {
    let starting = |reason: &str| matches!(reason, "ContainerCreating" | "PodInitializing");
    let why = match (&pod.waiting, pod.phase) {
        _ if pod.deleting || pod.is_finished() => return None,
        (Some(reason), _) if !starting(reason) => reason,
        (None, Phase::Pending) if pod.node.is_none() => "not scheduled",
        (_, Phase::Unknown) => "its node does not report",
        _ => return None,
    };
    Some(format!("{} ({why})", pod.reference()))
}
