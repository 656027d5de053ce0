//! Taints, tolerations and node selection, as scheduler and DaemonSets read them
//! (`k8s.io/component-helpers/scheduling/corev1`).

use crate::sim::json::{list, text};
use crate::sim::selector::Labels;
use crate::sim::value::{Value, json};

/// The first taint that keeps a pod with this spec off a node.
pub(super) fn untolerated(spec: &Value, node: &Value) -> Option<Value> {
    let is_borne = |taint: &Value| list(spec, "/tolerations").iter().any(|t| tolerates(t, taint));
    let keeps_off = |t: &&Value| matches!(text(t, "/effect"), "NoSchedule" | "NoExecute");
    list(node, "/spec/taints").iter().filter(keeps_off).find(|t| !is_borne(t)).cloned()
}

/// The first taint of one effect that a pod with this spec does not bear.
pub(super) fn untolerated_of(spec: &Value, node: &Value, effect: &str) -> Option<Value> {
    let is_borne = |taint: &Value| list(spec, "/tolerations").iter().any(|t| tolerates(t, taint));
    list(node, "/spec/taints").iter().filter(|t| text(t, "/effect") == effect).find(|t| !is_borne(t)).cloned()
}

/// Whether a toleration bears a taint.
pub(super) fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let (key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
    let exists = text(toleration, "/operator") == "Exists";
    let has_key = key == text(taint, "/key") || (key.is_empty() && exists);
    let has_effect = effect.is_empty() || effect == text(taint, "/effect");
    has_key && has_effect && (exists || text(toleration, "/value") == text(taint, "/value"))
}

/// Whether `nodeSelector` and required node affinity select a node.
pub(super) fn selects(spec: &Value, node: &Value) -> bool {
    let labels = node.pointer("/metadata/labels").unwrap_or(&Value::Null);
    let by_labels = spec.get("nodeSelector").is_none_or(|wanted| {
        Labels::from_object(&json!({"matchLabels": wanted})).is_some_and(|s| s.matches_map(labels))
    });
    let terms =
        list(spec, "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    let fits = |term: &Value| {
        let by_labels = Labels::from_expressions(list(term, "/matchExpressions"));
        let by_name =
            list(term, "/matchFields").iter().all(|f| list(f, "/values").contains(&node["metadata"]["name"]));
        by_labels.is_some_and(|s| s.matches_map(labels)) && by_name
    };
    by_labels && (terms.is_empty() || terms.iter().any(fits))
}
