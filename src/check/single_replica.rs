//! SVC-001: no Service is without a pod while its only one moves.

use super::pods::Pods;
use super::{Check, Facts, Finding, Severity, is_moved, unreadable, verdict};
use crate::model::Service;
use crate::model::unread::SERVICES;
use crate::report::count;

pub(super) struct SingleReplica;

impl Check for SingleReplica {
    fn id(&self) -> &'static str {
        "SVC-001"
    }

    fn title(&self) -> &'static str {
        "no Service stands on a single pod"
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[SERVICES]) {
            return unknown;
        }
        let services = &facts.snapshot.services;
        let index = Pods::new(facts.snapshot);
        let alone = |service: &&Service| matches!(index.behind(service).as_slice(), [only] if is_moved(only));
        let names: Vec<_> =
            services.iter().filter(alone).map(|s| format!("{}/{}", s.namespace, s.name)).collect();
        let hint = "scale them to two or more where a pause matters: each is away while its pod moves";
        let ok = Finding::ok(self, count(services.len(), "Service"), "none stands on a single pod");
        verdict(self, "Service", &names, "on a single pod", hint, ok)
    }
}
