//! A busy cluster: three zones, tight budgets, volumes that hold pods in their zone, host ports, pods that keep apart.

use crate::sim::Objects;
use crate::sim::cluster::SimError;
use crate::sim::fixture::Workload;
use crate::sim::value::{Value, json};

use super::site::{Node, Site};

const NAMES: [(&str, &str); 12] = [
    ("cp-1", "a"),
    ("cp-2", "b"),
    ("cp-3", "c"),
    ("worker-1", "a"),
    ("worker-2", "b"),
    ("worker-3", "c"),
    ("worker-4", "a"),
    ("worker-5", "b"),
    ("worker-6", "c"),
    ("worker-7", "a"),
    ("worker-8", "b"),
    ("worker-9", "c"),
];
const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

pub(super) fn objects() -> Result<Objects, SimError> {
    let node = |(name, zone): (&'static str, &'static str)| Node {
        name,
        zone,
        cpu: if name.starts_with("cp") { "4" } else { "16" },
        memory: if name.starts_with("cp") { "16Gi" } else { "64Gi" },
        control_plane: name.starts_with("cp"),
    };
    let mut workloads = tiers();
    workloads.extend(stateful());
    workloads.extend(daemons());
    let objects = ["a", "b", "c"].into_iter().zip(0..).flat_map(|(zone, at)| volume(zone, at)).collect();
    Site { nodes: NAMES.into_iter().map(node).collect(), workloads, objects }.objects()
}

fn sized(workload: Workload, image: &str, cpu: &str, memory: &str) -> Workload {
    workload
        .with("/spec/containers/0/image", format!("registry.example/{image}"))
        .with("/spec/containers/0/resources", json!({"requests": {"cpu": cpu, "memory": memory}}))
}

fn selector(name: &str) -> Value {
    json!({"matchLabels": {"app": name}})
}

/// Two tiers of services and what works behind them.
fn tiers() -> Vec<Workload> {
    let apart = |name: &str| json!([{"topologyKey": HOSTNAME, "labelSelector": selector(name)}]);
    let spread = |name: &str| {
        json!([{"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector(name)}])
    };
    let rule = "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let mut all = vec![
        sized(
            Workload::deployment("front", "web", 24).min_available(23).service(8080),
            "front/web:7.4",
            "500m",
            "512Mi",
        ),
        sized(
            Workload::deployment("front", "api", 18).min_available("90%").service(8080),
            "front/api:7.4",
            "500m",
            "1Gi",
        ),
        sized(
            Workload::deployment("front", "edge", 5).max_unavailable(1).service(8443),
            "front/edge:2.0",
            "1",
            "1Gi",
        )
        .with(rule, apart("edge")),
        sized(
            Workload::deployment("back", "orders", 12).max_unavailable("10%").service(9000),
            "back/orders:5.1",
            "500m",
            "1Gi",
        )
        .with("/spec/topologySpreadConstraints", spread("orders")),
        sized(
            Workload::deployment("back", "prices", 9).min_available(8).service(9000),
            "back/prices:3.3",
            "250m",
            "512Mi",
        ),
        sized(Workload::deployment("back", "mail", 3), "back/mail:1.2", "100m", "128Mi"),
        sized(Workload::deployment("back", "reports", 1), "back/reports:0.9", "500m", "2Gi"),
        sized(Workload::job("back", "reindex"), "back/reindex:5.1", "1", "2Gi"),
    ];
    for team in ["red", "green", "blue", "gold"] {
        let image = format!("teams/{team}:1.0");
        all.push(sized(
            Workload::deployment(team, "service", 8).max_unavailable(1).service(8080),
            &image,
            "200m",
            "256Mi",
        ));
        all.push(sized(Workload::deployment(team, "consumer", 6), &image, "200m", "256Mi"));
    }
    all
}

fn stateful() -> Vec<Workload> {
    let claim = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "archive-a"}}]);
    vec![
        sized(
            Workload::stateful_set("data", "kafka", 5).max_unavailable(1).service(9092),
            "data/kafka:4.0",
            "1",
            "4Gi",
        ),
        sized(
            Workload::stateful_set("data", "postgres", 3).min_available(2).service(5432),
            "data/postgres:17.5",
            "1",
            "4Gi",
        ),
        sized(
            Workload::stateful_set("data", "cache", 6).min_available("80%").service(6379),
            "data/valkey:8.1",
            "500m",
            "2Gi",
        ),
        sized(Workload::deployment("data", "archive", 1), "data/archive:1.1", "500m", "1Gi")
            .with("/spec/volumes", claim),
    ]
}

fn daemons() -> Vec<Workload> {
    let port = json!([{"containerPort": 9100, "hostPort": 9100}]);
    vec![
        sized(Workload::daemon_set("monitoring", "node-exporter"), "obs/node-exporter:1.9", "50m", "64Mi")
            .with("/spec/containers/0/ports", port)
            .with("/spec/tolerations", json!([{"operator": "Exists"}])),
        sized(Workload::daemon_set("monitoring", "log-agent"), "obs/log-agent:4.0", "100m", "128Mi"),
        sized(Workload::daemon_set("monitoring", "profiler"), "obs/profiler:0.4", "50m", "128Mi"),
    ]
}

/// A volume of a zone, bound to its claim.
fn volume(zone: &str, at: usize) -> [Value; 2] {
    let name = format!("archive-{zone}");
    [
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("pv-{at}")},
            "spec": {"capacity": {"storage": "200Gi"}, "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": "data", "name": name}, "nfs": {"server": "10.20.9.1", "path": format!("/{zone}")},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]}}},
            "status": {"phase": "Bound"}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "data"},
            "spec": {"volumeName": format!("pv-{at}"), "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "200Gi"}}},
            "status": {"phase": "Bound"}}),
    ]
}
