//! POD-005: no pod's grace period is longer than a drain waits by default.

use super::{Check, Facts, Finding, Severity, is_moved, verdict};
use crate::model::Pod;
use crate::report::count;

/// Seconds that a drain waits for a node unless `--drain-timeout` says otherwise.
const DRAIN_TIMEOUT: u32 = 30 * 60;

pub(super) struct PodGrace;

impl Check for PodGrace {
    fn id(&self) -> &'static str {
        "POD-005"
    }

    fn title(&self) -> &'static str {
        "no pod may take longer to end than a drain waits"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let found = |pod: &&Pod| is_moved(pod) && pod.grace_seconds > DRAIN_TIMEOUT;
        let names: Vec<_> = pods
            .iter()
            .filter(found)
            .map(|pod| format!("{} ({} s)", pod.reference(), pod.grace_seconds))
            .collect();
        let hint = "give the migration a longer --drain-timeout, or shorten terminationGracePeriodSeconds";
        let ok = Finding::ok(self, count(pods.len(), "pod"), "all may take 30 minutes at most");
        verdict(self, "pod", &names, "may take longer to end than a drain waits", hint, ok)
    }
}
