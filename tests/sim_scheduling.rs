//! Where pods go, why some go nowhere, and what becomes of the pods of a node that is silent.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::sim::{Sim, Timings, Workload};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(600);

fn pods(sim: &Sim, app: &str) -> Vec<Value> {
    let all = sim.list("v1", "Pod").into_iter();
    all.filter(|p| p["metadata"]["labels"]["app"] == app).collect()
}

fn nodes_of(sim: &Sim, app: &str) -> Vec<String> {
    let mut all: Vec<_> =
        pods(sim, app).iter().map(|p| p["spec"]["nodeName"].as_str().unwrap_or("-").to_owned()).collect();
    all.sort();
    all
}

/// Waits until a pod cannot be scheduled for a reason with these words, and gives the whole of it.
async fn refused(sim: &Sim, app: &str, words: &str) -> String {
    let reason = |p: &Value| {
        let all = p["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let refusal = all.into_iter().find(|c| c["type"] == "PodScheduled" && c["status"] == "False");
        refusal.and_then(|c| c["message"].as_str().map(str::to_owned)).filter(|m| m.contains(words))
    };
    let message = |sim: &Sim| pods(sim, app).iter().find_map(reason);
    sim.until("a pod that finds no node", LIMIT, |sim| message(sim).is_some()).await.unwrap();
    message(sim).unwrap()
}

#[tokio::test(start_paused = true)]
async fn requests_are_held_against_what_nodes_can_give() {
    let requests = json!({"requests": {"cpu": "1500m"}});
    let web = Workload::deployment("shop", "web", 5).with("/spec/containers/0/resources", requests);
    let sim = Sim::builder().workloads([web]).build().unwrap();
    assert_eq!(
        refused(&sim, "web", "2 Insufficient cpu").await,
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, \
         2 Insufficient cpu. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, \
         2 No preemption victims found for incoming pod."
    );
    sim.until("four pods with a node", LIMIT, |sim| nodes_of(sim, "web")[1] != "-").await.unwrap();
    assert_eq!(nodes_of(&sim, "web"), ["-", "worker-1", "worker-1", "worker-2", "worker-2"]);
    let gone = pods(&sim, "web").into_iter().find(|p| p["spec"]["nodeName"] == "worker-2").unwrap();
    sim.patch(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 4},
        "metadata": {"name": "web", "namespace": "shop"}}))
        .unwrap();
    sim.delete("v1", "Pod", "shop", gone["metadata"]["name"].as_str().unwrap()).unwrap();
    sim.settled(LIMIT).await.unwrap();
    assert_eq!(
        nodes_of(&sim, "web"),
        ["worker-1", "worker-1", "worker-2", "worker-2"],
        "its room is taken again"
    );
}

#[tokio::test(start_paused = true)]
async fn pods_keep_apart_or_together_as_they_are_told() {
    let term = |app: &str| json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}}]);
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let apart = Workload::deployment("shop", "apart", 3)
        .with(&format!("/spec/affinity/podAntiAffinity/{required}"), term("apart"));
    let near = Workload::deployment("shop", "near", 2)
        .with(&format!("/spec/affinity/podAffinity/{required}"), term("one"));
    let sim =
        Sim::builder().workloads([apart, near, Workload::deployment("shop", "one", 1)]).build().unwrap();
    refused(&sim, "apart", "2 node(s) didn't match pod anti-affinity rules").await;
    sim.until("pods beside the one", LIMIT, |sim| nodes_of(sim, "near")[0] != "-").await.unwrap();
    let one = nodes_of(&sim, "one").remove(0);
    assert_eq!(nodes_of(&sim, "near"), [one.clone(), one]);
    assert_eq!(nodes_of(&sim, "apart"), ["-", "worker-1", "worker-2"]);
}

#[tokio::test(start_paused = true)]
async fn pods_spread_over_what_a_constraint_names() {
    let constraint = json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]);
    let web = Workload::deployment("shop", "web", 2).with("/spec/topologySpreadConstraints", constraint);
    let sim = Sim::builder().nodes(4).build().unwrap();
    for (node, zone) in [("worker-1", "a"), ("worker-2", "a"), ("worker-3", "b")] {
        sim.patch(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": {"zone": zone}}})).unwrap();
    }
    sim.settled(LIMIT).await.unwrap();
    let objects = Sim::builder().nodes(1).workloads([web]);
    let recorded = objects.build().unwrap();
    recorded.settled(LIMIT).await.unwrap_err();
    sim.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).unwrap();
    let mut template =
        recorded.list("apps/v1", "Deployment").into_iter().find(|d| d["metadata"]["name"] == "web").unwrap();
    template["spec"]["replicas"] = json!(3);
    template["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    sim.create(&template).unwrap();
    sim.settled(LIMIT).await.unwrap();
    let nodes = nodes_of(&sim, "web");
    assert_eq!(
        nodes.iter().filter(|n| *n == "worker-3").count(),
        1,
        "{nodes:?}: two in one zone, one in the other"
    );
}

#[tokio::test(start_paused = true)]
async fn a_volume_of_a_node_holds_its_pod_there() {
    let sim = Sim::builder().build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    sim.create(
        &json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": {
        "local": {"path": "/disk"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": ["worker-2"]}]}]}}}}),
    )
    .unwrap();
    let pod = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}})
    };
    sim.create(&pod("early")).unwrap();
    refused(&sim, "early", "persistentvolumeclaim \"data\" not found").await;
    sim.create(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"volumeName": "disk"},
        "metadata": {"name": "data", "namespace": "default"}}))
        .unwrap();
    sim.settled(LIMIT).await.unwrap();
    assert_eq!(nodes_of(&sim, "early"), ["worker-2"]);
    sim.patch(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-2"}, "spec": {"unschedulable": true}})).unwrap();
    sim.create(&pod("second")).unwrap();
    let why = refused(&sim, "second", "were unschedulable").await;
    for part in ["1 node(s) were unschedulable", "1 node(s) didn't match PersistentVolume's node affinity"] {
        assert!(why.contains(part), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pods_of_a_silent_node_go_after_five_minutes() {
    let workloads = [Workload::deployment("shop", "web", 2), Workload::daemon_set("shop", "agent")];
    let timings = Timings { reboot: Duration::from_secs(3600).into(), ..Timings::real() };
    let sim = Sim::builder().timings(timings).workloads(workloads).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    // All nodes are there by now.
    sim.patch(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 6},
        "metadata": {"name": "web", "namespace": "shop"}}))
        .unwrap();
    sim.settled(LIMIT).await.unwrap();
    assert!(nodes_of(&sim, "web").contains(&"worker-1".to_owned()));
    let boot = sim.get("v1", "Node", "", "worker-1").unwrap()["status"]["nodeInfo"]["bootID"].clone();
    sim.create(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reboot", "namespace": "kube-system"},
        "spec": {"nodeName": "worker-1", "restartPolicy": "Never", "hostPID": true, "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "tool:1", "args": ["agent", "reboot", "--boot-id", boot]}]}})).unwrap();
    let taint = |sim: &Sim| {
        let node = sim.get("v1", "Node", "", "worker-1").unwrap();
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        taints
            .into_iter()
            .find(|t| t["key"] == "node.kubernetes.io/unreachable" && t["effect"] == "NoExecute")
    };
    sim.until("a silent node", LIMIT, |sim| taint(sim).is_some()).await.unwrap();
    let silent = tokio::time::Instant::now();
    assert!(pods(&sim, "web").iter().all(|p| p["metadata"]["deletionTimestamp"].is_null()));
    let leaves = |sim: &Sim| pods(sim, "web").iter().any(|p| !p["metadata"]["deletionTimestamp"].is_null());
    sim.until("an eviction", LIMIT, leaves).await.unwrap();
    let after = silent.elapsed().as_secs();
    assert!((299..=301).contains(&after), "tolerationSeconds is 300, it took {after} s");
    let serving = |sim: &Sim| nodes_of(sim, "web").iter().filter(|n| *n == "worker-2").count() == 6;
    sim.until("replacements", LIMIT, serving).await.unwrap();
    assert_eq!(nodes_of(&sim, "agent"), ["worker-1", "worker-2"], "a DaemonSet's pod bears it");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_came_while_its_node_was_away_starts_when_it_is_back() {
    let sim = Sim::builder().build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let node = |sim: &Sim| sim.get("v1", "Node", "", "worker-1").unwrap();
    let boot = node(&sim)["status"]["nodeInfo"]["bootID"].clone();
    let pod = |name: &str, args: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"nodeName": "worker-1", "restartPolicy": "Never", "hostPID": true,
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "c", "image": "tool:1", "args": args}]}})
    };
    sim.create(&pod("reboot", json!(["agent", "reboot", "--boot-id", boot]))).unwrap();
    let is_away = |sim: &Sim| node(sim)["status"]["conditions"].to_string().contains("NodeStatusUnknown");
    sim.until("a node that is away", LIMIT, is_away).await.unwrap();
    sim.create(&pod("late", json!(["agent", "serve", "--name", "late"]))).unwrap();
    let runs =
        |sim: &Sim| sim.get("v1", "Pod", "kube-system", "late").unwrap()["status"]["phase"] == "Running";
    sim.until("a running pod", LIMIT, runs).await.unwrap();
}
