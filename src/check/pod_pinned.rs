//! POD-006: no pod is bound to a node by its name: it has nowhere to go while that node is drained.

use super::{Check, Facts, Finding, Severity, is_moved, verdict};
use crate::model::Pod;
use crate::report::count;

pub(super) struct PodPinned;

impl Check for PodPinned {
    fn id(&self) -> &'static str {
        "POD-006"
    }

    fn title(&self) -> &'static str {
        "no pod is bound to one node by name"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let found = |pod: &&Pod| is_moved(pod) && pod.pinned;
        let names: Vec<_> = pods.iter().filter(found).map(|pod| pod.reference().to_string()).collect();
        let hint =
            "expect them to be away while their node is migrated, or let them run elsewhere for that time";
        let ok = Finding::ok(self, count(pods.len(), "pod"), "none is bound to a node by name");
        verdict(self, "pod", &names, "bound to nodes by name", hint, ok)
    }
}
