//! Reader of PodDisruptionBudgets, and of label selectors wherever they stand.

use serde::Deserialize;

use super::intern::Interner;
use super::object::{Map, Object};
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::{Budget, Expression, Operator, Selector};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    selector: Option<WireSelector>,
    unhealthy_pod_eviction_policy: Option<String>,
}

/// A LabelSelector on the wire.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireSelector {
    #[serde(default)]
    match_labels: Map,
    #[serde(default)]
    match_expressions: Vec<WireExpression>,
}

#[derive(Deserialize)]
struct WireExpression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    disruptions_allowed: i32,
    #[serde(default)]
    current_healthy: i32,
    #[serde(default)]
    desired_healthy: i32,
    #[serde(default)]
    expected_pods: i32,
    #[serde(default)]
    observed_generation: i64,
}

/// All budgets.
pub(super) async fn budgets(reader: &Reader, strings: &mut Interner) -> Result<Vec<Budget>> {
    list(reader, strings, "/apis/policy/v1/poddisruptionbudgets").await
}

/// The budgets of one namespace.
pub(super) async fn budgets_in(
    reader: &Reader,
    strings: &mut Interner,
    namespace: &str,
) -> Result<Vec<Budget>> {
    list(reader, strings, &format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets")).await
}

async fn list(reader: &Reader, strings: &mut Interner, path: &str) -> Result<Vec<Budget>> {
    let wires: Vec<Object<Spec, Status>> = reader.list(path, &Selection::default()).await?;
    Ok(wires
        .into_iter()
        .map(|wire| Budget {
            namespace: strings.get(&wire.metadata.namespace),
            name: strings.get(&wire.metadata.name),
            selector: wire.spec.selector.and_then(|s| selector(s, strings)),
            disruptions_allowed: wire.status.disruptions_allowed,
            current_healthy: wire.status.current_healthy,
            desired_healthy: wire.status.desired_healthy,
            expected_pods: wire.status.expected_pods,
            always_evict_unhealthy: wire.spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
            observed: wire.status.observed_generation >= wire.metadata.generation,
        })
        .collect())
}

/// A selector; `None` where an operator is not known, as the API server skips an invalid selector.
pub(super) fn selector(wire: WireSelector, strings: &mut Interner) -> Option<Selector> {
    let mut expressions = Vec::new();
    for e in wire.match_expressions {
        let operator = match e.operator.as_str() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            _ => return None,
        };
        let values = e.values.iter().map(|v| strings.get(v)).collect();
        expressions.push(Expression { key: strings.get(&e.key), operator, values });
    }
    Some(Selector { labels: strings.map(&wire.match_labels), expressions })
}
