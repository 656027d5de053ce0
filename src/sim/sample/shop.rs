//! A small shop: what a first migration looks like.

use crate::sim::Objects;
use crate::sim::cluster::SimError;
use crate::sim::fixture::Workload;
use crate::sim::value::{Value, json};

use super::site::{Node, Site};

const NODES: [Node; 4] = [
    node("cp-1", "a", true),
    node("worker-1", "a", false),
    node("worker-2", "b", false),
    node("worker-3", "b", false),
];

const fn node(name: &'static str, zone: &'static str, control_plane: bool) -> Node {
    Node { name, zone, cpu: "4", memory: "16Gi", control_plane }
}

pub(super) fn objects() -> Result<Objects, SimError> {
    let small = json!({"requests": {"cpu": "200m", "memory": "256Mi"}});
    let large = json!({"requests": {"cpu": "500m", "memory": "1Gi"}});
    let sized = |workload: Workload, image: &str, size: &Value| {
        workload.with("/spec/containers/0/image", image).with("/spec/containers/0/resources", size.clone())
    };
    let workloads = vec![
        sized(
            Workload::deployment("shop", "web", 4).min_available(3).service(8080),
            "registry.example/shop/web:3.2.1",
            &small,
        ),
        sized(
            Workload::deployment("shop", "cart", 3).max_unavailable(1).service(8080),
            "registry.example/shop/cart:1.9.0",
            &small,
        ),
        sized(Workload::deployment("shop", "worker", 2), "registry.example/shop/worker:1.9.0", &small),
        sized(
            Workload::stateful_set("shop", "db", 3).max_unavailable(1).service(5432),
            "docker.io/library/postgres:17.5",
            &large,
        ),
        sized(
            Workload::stateful_set("shop", "queue", 2).max_unavailable(1).service(5672),
            "docker.io/library/rabbitmq:4.1",
            &large,
        ),
        sized(
            Workload::deployment("ingress", "gateway", 2).min_available("50%").service(443),
            "registry.example/edge/gateway:2.4",
            &small,
        ),
        sized(Workload::daemon_set("monitoring", "node-agent"), "registry.example/obs/agent:0.44", &small),
    ];
    Site { nodes: NODES.to_vec(), workloads, objects: Vec::new() }.objects()
}
