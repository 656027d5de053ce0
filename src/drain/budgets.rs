//! Which PodDisruptionBudgets cover a pod, and whether the API server would evict it now.
//!
//! The rules are those of the eviction subresource (kubernetes pkg/registry/core/pod/storage/eviction.go), which
//! also shows why a dry run is no proof: it spends no budget.

use std::collections::HashMap;
use std::fmt;

use crate::model::{Budget, Phase, Pod};

/// Budgets by namespace, so that thousands of them do not cost a walk for each pod.
#[derive(Debug)]
pub struct Budgets<'a> {
    by_namespace: HashMap<&'a str, Vec<&'a Budget>>,
    /// By namespace and name, how many evictions were granted that the budgets do not tell of yet.
    spent: HashMap<(&'a str, &'a str), i32>,
}

/// Whether a pod can be evicted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction<'a> {
    /// Yes.
    Allowed,
    /// Not now: the API server answers 429 until the budget has room.
    Waits(&'a Budget),
    /// Never: the API server answers 500 to a pod under more than one budget.
    Never(Vec<&'a Budget>),
}

impl<'a> Budgets<'a> {
    /// An index over the cluster's budgets.
    pub fn new(budgets: &'a [Budget]) -> Self {
        let mut by_namespace: HashMap<&str, Vec<&Budget>> = HashMap::new();
        for budget in budgets {
            by_namespace.entry(&budget.namespace).or_default().push(budget);
        }
        Self { by_namespace, spent: HashMap::new() }
    }

    /// Counts the eviction of a pod against the budgets that cover it.
    pub fn spend(&mut self, pod: &Pod) {
        for budget in self.covering(pod) {
            *self.spent.entry((&budget.namespace, &budget.name)).or_default() += 1;
        }
    }

    /// The budgets that cover a pod.
    pub fn covering(&self, pod: &Pod) -> Vec<&'a Budget> {
        let candidates = self.by_namespace.get(&*pod.namespace).into_iter().flatten();
        candidates.copied().filter(|budget| budget.covers(pod)).collect()
    }

    /// Whether the pod can be evicted now.
    pub fn eviction(&self, pod: &Pod) -> Eviction<'a> {
        // A pod that does not serve, or goes already, costs no availability (canIgnorePDB).
        if pod.deleting || pod.is_finished() || pod.phase == Phase::Pending {
            return Eviction::Allowed;
        }
        match *self.covering(pod).as_slice() {
            [] => Eviction::Allowed,
            [budget] if has_room(budget, self.spent_of(budget), pod) => Eviction::Allowed,
            [budget] => Eviction::Waits(budget),
            ref many => Eviction::Never(many.to_vec()),
        }
    }

    fn spent_of(&self, budget: &Budget) -> i32 {
        self.spent.get(&(&*budget.namespace, &*budget.name)).copied().unwrap_or_default()
    }
}

fn has_room(budget: &Budget, spent: i32, pod: &Pod) -> bool {
    let enough = budget.desired_healthy > 0 && budget.current_healthy >= budget.desired_healthy;
    if !pod.ready && (budget.always_evict_unhealthy || enough) {
        return true;
    }
    budget.observed && budget.disruptions_allowed > spent
}

impl fmt::Display for Eviction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed => f.write_str("can be evicted now"),
            Self::Waits(b) if !b.observed => {
                write!(
                    f,
                    "waits for PodDisruptionBudget {}/{} (its status is older than its spec)",
                    b.namespace, b.name
                )
            }
            Self::Waits(b) => write!(
                f,
                "waits for PodDisruptionBudget {}/{} (needs {} healthy, has {})",
                b.namespace, b.name, b.desired_healthy, b.current_healthy
            ),
            Self::Never(budgets) => {
                let names: Vec<_> = budgets.iter().map(|b| format!("{}/{}", b.namespace, b.name)).collect();
                write!(
                    f,
                    "is under {} PodDisruptionBudgets ({}): never evicted",
                    names.len(),
                    names.join(", ")
                )
            }
        }
    }
}
