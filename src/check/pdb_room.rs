//! PDB-001: every PodDisruptionBudget lets a pod go now.

use std::collections::BTreeMap;

use super::{Check, Facts, Finding, Level, Severity, is_moved, or_ok, unreadable};
use crate::drain::Budgets;
use crate::model::Budget;
use crate::model::unread::BUDGETS;
use crate::report::count;

pub(super) struct PdbRoom;

impl Check for PdbRoom {
    fn id(&self) -> &'static str {
        "PDB-001"
    }

    fn title(&self) -> &'static str {
        "every PodDisruptionBudget lets a pod go now"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[BUDGETS]) {
            return unknown;
        }
        let snapshot = facts.snapshot;
        let index = Budgets::new(&snapshot.budgets);
        let mut pods: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for budget in snapshot.pods.iter().filter(|pod| is_moved(pod)).flat_map(|pod| index.covering(pod)) {
            *pods.entry((&budget.namespace, &budget.name)).or_default() += 1;
        }
        let covers = |budget: &Budget| pods.get(&(&*budget.namespace, &*budget.name)).copied().unwrap_or(0);
        let findings = snapshot.budgets.iter().filter_map(|budget| self.judge(budget, covers(budget)));
        or_ok(findings.collect(), || {
            let message = format!(
                "{} with room for a pod to go now",
                count(snapshot.budgets.len(), "PodDisruptionBudget")
            );
            Finding::ok(self, "PodDisruptionBudgets", message)
        })
    }
}

impl PdbRoom {
    fn judge(&self, budget: &Budget, pods: usize) -> Option<Finding> {
        let subject = format!("{}/{}", budget.namespace, budget.name);
        if pods == 0 {
            return None;
        }
        if !budget.observed {
            return Some(Finding::unknown(self, subject, "its status is older than its spec"));
        }
        if budget.disruptions_allowed > 0 {
            return None;
        }
        let Budget { desired_healthy: needs, current_healthy: has, expected_pods: expected, .. } = budget;
        let state = format!("needs {needs} healthy of {expected}, has {has}: covers {}", count(pods, "pod"));
        // With every pod healthy there would still be no room: waiting cannot help.
        Some(if needs >= expected {
            Finding::new(self, Level::Blocker, subject, format!("never lets a pod go ({state})"))
                .hint("add a replica, or loosen minAvailable or maxUnavailable for the time of the migration")
        } else {
            Finding::failed(self, subject, format!("lets no pod go now ({state})"))
                .hint("make its pods healthy first: a drain waits until then")
        })
    }
}
