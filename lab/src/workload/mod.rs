//! What runs in the cluster while it is migrated: one workload of every kind that a drain treats in a way of its own.

use k8s_openapi::api::core::v1::Pod;

/// The workloads of namespace `shop`.
pub(crate) const SHOP: &str = include_str!("../../manifests-workload/shop.yaml");

/// The traffic meter.
pub(crate) const METER: &str = include_str!("../../manifests-workload/meter.yaml");

/// Twenty small pods that prefer `node`.
pub(crate) fn twenty(node: &str) -> String {
    include_str!("../../manifests-workload/twenty.yaml").replace("$NODE", node)
}

/// Whether the pod's condition `Ready` is true.
pub(crate) fn pod_is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Whether the pod has an address of its own on the pod network: it is not on its host's network, and it has not ended.
pub(crate) fn pod_is_on_pod_network(pod: &Pod) -> bool {
    let on_host = pod.spec.as_ref().and_then(|spec| spec.host_network).unwrap_or_default();
    !on_host && !pod_has_ended(pod)
}

/// Whether all containers of the pod have ended for good.
pub(crate) fn pod_has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// What keeps the pod from counting as settled: it is ending, or neither Ready nor ended.
pub(crate) fn pod_complaint(pod: &Pod) -> Option<String> {
    let name = pod_name(pod);
    if pod.metadata.deletion_timestamp.is_some() {
        return Some(format!("pod {name} is terminating"));
    }
    (!pod_is_ready(pod) && !pod_has_ended(pod)).then(|| format!("pod {name} is not Ready"))
}

/// Namespace and name of the pod.
pub(crate) fn pod_name(pod: &Pod) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&pod.metadata.namespace), part(&pod.metadata.name))
}

/// How often containers of the pod were started again.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    let containers =
        pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    containers.iter().map(|container| container.restart_count).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn on_pod_network(pod: serde_json::Value) -> bool {
        pod_is_on_pod_network(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn hosts_network_and_ended_pods_are_not_on_the_pod_network() {
        let spec = json!({"containers": []});
        let host = json!({"containers": [], "hostNetwork": true});
        assert!(on_pod_network(json!({"spec": spec, "status": {"phase": "Running"}})));
        assert!(!on_pod_network(json!({"spec": host, "status": {"phase": "Running"}})));
        assert!(!on_pod_network(json!({"spec": spec, "status": {"phase": "Succeeded"}})));
    }

    #[test]
    fn the_twenty_prefer_the_node_that_is_named() {
        assert!(twenty("n2").contains("values: [n2]") && !twenty("n2").contains('$'));
    }
}
