//! POD-007: no pod has a PersistentVolume that lives on one node, and so nowhere to go.

use std::collections::HashSet;

use super::{Check, Facts, Finding, Severity, is_moved, unreadable, verdict};
use crate::model::Pod;
use crate::model::unread::VOLUMES;
use crate::report::count;

pub(super) struct PodVolume;

impl Check for PodVolume {
    fn id(&self) -> &'static str {
        "POD-007"
    }

    fn title(&self) -> &'static str {
        "no pod's volume lives on one node"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[VOLUMES]) {
            return unknown;
        }
        let volumes = &facts.snapshot.local_volumes;
        let local: HashSet<(&str, &str)> = volumes.iter().map(|v| (&*v.namespace, &*v.claim)).collect();
        let bound = |pod: &&Pod| {
            is_moved(pod) && pod.claims.iter().any(|claim| local.contains(&(&*pod.namespace, &**claim)))
        };
        let names: Vec<_> =
            facts.snapshot.pods.iter().filter(bound).map(|p| p.reference().to_string()).collect();
        let hint = "expect them to be away while their node is migrated: they wait for it as Pending, which keeps their \
                    budgets spent";
        let ok = Finding::ok(self, count(volumes.len(), "local volume"), "no pod that moves uses one");
        verdict(self, "pod", &names, "with a volume on one node", hint, ok)
    }
}
