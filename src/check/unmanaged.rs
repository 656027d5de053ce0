//! POD-001: every pod that must move has a controller that re-creates it.

use super::{Check, Facts, Finding, Severity, is_moved, or_ok};
use crate::report::count;

pub(super) struct Unmanaged;

impl Check for Unmanaged {
    fn id(&self) -> &'static str {
        "POD-001"
    }

    fn title(&self) -> &'static str {
        "every pod has a controller"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let bare = pods.iter().filter(|pod| is_moved(pod) && pod.owner.is_none()).map(|pod| {
            Finding::failed(self, format!("pod {}", pod.reference()), "no controller: an eviction loses it")
                .hint("put it under a controller, delete it, or drain with --force")
        });
        or_ok(bare.collect(), || Finding::ok(self, count(pods.len(), "pod"), "none lacks a controller"))
    }
}
