//! PDB-003: no PodDisruptionBudget holds a pod that is not ready, and so a whole drain.

use std::collections::BTreeMap;

use super::{Check, Facts, Finding, Severity, is_moved, or_ok, unreadable};
use crate::drain::Budgets;
use crate::model::unread::BUDGETS;
use crate::model::{Phase, Pod};
use crate::source::some;

pub(super) struct PdbUnhealthy;

impl Check for PdbUnhealthy {
    fn id(&self) -> &'static str {
        "PDB-003"
    }

    fn title(&self) -> &'static str {
        "no budget holds pods that are not ready"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[BUDGETS]) {
            return unknown;
        }
        let index = Budgets::new(&facts.snapshot.budgets);
        let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let sick = |pod: &&Pod| is_moved(pod) && !pod.ready && pod.phase == Phase::Running;
        for pod in facts.snapshot.pods.iter().filter(sick) {
            // With enough healthy pods besides, the API server lets an unhealthy one go (KEP-3017).
            let holds = |b: &&crate::model::Budget| {
                !b.always_evict_unhealthy && b.current_healthy < b.desired_healthy
            };
            for budget in index.covering(pod).into_iter().filter(holds) {
                held.entry(format!("{}/{}", budget.namespace, budget.name))
                    .or_default()
                    .push(pod.name.to_string());
            }
        }
        let finding = |(budget, pods): (String, Vec<String>)| {
            Finding::failed(self, budget, format!("holds pods that are not ready: {}", some(&pods)))
                .hint("make them ready, or set unhealthyPodEvictionPolicy: AlwaysAllow in the budget")
        };
        or_ok(held.into_iter().map(finding).collect(), || {
            Finding::ok(self, "PodDisruptionBudgets", "none holds a pod that is not ready")
        })
    }
}
