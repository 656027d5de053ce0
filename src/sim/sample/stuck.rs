//! A cluster that must be put in order first: a preflight says by what.

use crate::sim::Objects;
use crate::sim::cluster::SimError;
use crate::sim::fixture::Workload;
use crate::sim::value::json;

use super::site::{Node, Site};

pub(super) fn objects() -> Result<Objects, SimError> {
    let node = |name: &'static str, zone: &'static str| Node {
        name,
        zone,
        cpu: "4",
        memory: "16Gi",
        control_plane: name == "cp-1",
    };
    let nodes = vec![node("cp-1", "a"), node("worker-1", "a"), node("worker-2", "b")];
    let workloads = vec![
        Workload::deployment("shop", "web", 2).min_available(2).service(8080),
        Workload::deployment("shop", "cart", 2).max_unavailable(1),
        Workload::bare_pod("shop", "debug"),
        Workload::deployment("tools", "builder", 1).empty_dir(),
    ];
    // A second budget over the same pods: the API server refuses every eviction under two.
    let second = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "cart-too", "namespace": "shop"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "cart"}}}});
    Site { nodes, workloads, objects: vec![second] }.objects()
}
