//! POD-002: no pod keeps data that a move loses.

use super::{Check, Facts, Finding, Severity, is_moved};
use crate::report::count;
use crate::source::some;

pub(super) struct EmptyDir;

impl Check for EmptyDir {
    fn id(&self) -> &'static str {
        "POD-002"
    }

    fn title(&self) -> &'static str {
        "no pod keeps data in an emptyDir"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let pods = &facts.snapshot.pods;
        let local = pods.iter().filter(|pod| is_moved(pod) && pod.empty_dir);
        let names: Vec<_> = local.map(crate::model::Pod::reference).collect();
        if names.is_empty() {
            return vec![Finding::ok(self, count(pods.len(), "pod"), "none has an emptyDir")];
        }
        vec![
            Finding::failed(
                self,
                count(names.len(), "pod"),
                format!("with an emptyDir, which a drain loses: {}", some(&names)),
            )
            .hint("see that nothing but caches is kept there, then drain with --delete-emptydir-data"),
        ]
    }
}
