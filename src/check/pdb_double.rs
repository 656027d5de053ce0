//! PDB-002: no pod is under two PodDisruptionBudgets.

use super::{Check, Facts, Finding, Severity, is_moved, or_ok, unreadable};
use crate::drain::Budgets;
use crate::model::Pod;
use crate::model::unread::BUDGETS;

pub(super) struct PdbDouble;

impl Check for PdbDouble {
    fn id(&self) -> &'static str {
        "PDB-002"
    }

    fn title(&self) -> &'static str {
        "no pod is under two PodDisruptionBudgets"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[BUDGETS]) {
            return unknown;
        }
        let index = Budgets::new(&facts.snapshot.budgets);
        let judge = |pod: &Pod| {
            let covering = index.covering(pod);
            let names: Vec<_> = covering.iter().map(|b| format!("{}/{}", b.namespace, b.name)).collect();
            (names.len() > 1).then(|| {
                let message = format!("is under {}: the API server evicts no such pod", names.join(" and "));
                Finding::failed(self, format!("pod {}", pod.reference()), message)
                    .hint("narrow the selector of one of the budgets")
            })
        };
        let findings = facts.snapshot.pods.iter().filter(|pod| is_moved(pod)).filter_map(judge);
        or_ok(findings.collect(), || {
            Finding::ok(self, "pods", "each is under one PodDisruptionBudget at most")
        })
    }
}
