//! PodDisruptionBudgets and the label selectors that they use.

use std::collections::BTreeMap;

use super::{Pod, Shared};

/// A PodDisruptionBudget (policy/v1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Namespace.
    pub namespace: Shared,
    /// Name.
    pub name: Shared,
    /// `spec.selector`; an absent selector selects nothing, an empty one the whole namespace.
    pub selector: Option<Selector>,
    /// `status.disruptionsAllowed`.
    pub disruptions_allowed: i32,
    /// `status.currentHealthy`.
    pub current_healthy: i32,
    /// `status.desiredHealthy`.
    pub desired_healthy: i32,
    /// `status.expectedPods`.
    pub expected_pods: i32,
    /// Whether the status is as new as the spec.
    pub observed: bool,
    /// `spec.unhealthyPodEvictionPolicy` is `AlwaysAllow`: a pod that is not ready may always go (KEP-3017).
    pub always_evict_unhealthy: bool,
}

impl Budget {
    /// Whether this budget protects that pod.
    pub fn covers(&self, pod: &Pod) -> bool {
        *self.namespace == *pod.namespace && self.selector.as_ref().is_some_and(|s| s.matches(&pod.labels))
    }
}

/// A LabelSelector (apimachinery meta/v1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels`.
    pub labels: BTreeMap<Shared, Shared>,
    /// `matchExpressions`.
    pub expressions: Vec<Expression>,
}

/// One entry of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Label key.
    pub key: Shared,
    /// Operator.
    pub operator: Operator,
    /// Values of `In` and `NotIn`.
    pub values: Vec<Shared>,
}

/// Operator of a selector expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label is one of the values.
    In,
    /// The label is absent or none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl Selector {
    /// Whether labels satisfy the selector; the empty selector matches everything.
    pub fn matches(&self, labels: &BTreeMap<Shared, Shared>) -> bool {
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.expressions.iter().all(|e| e.matches(labels.get(&e.key)))
    }
}

impl Expression {
    fn matches(&self, value: Option<&Shared>) -> bool {
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(v)),
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}
