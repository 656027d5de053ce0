//! Which endpoints a Service has, and in which slices they stand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeSet;
use std::time::Duration;

use cni_migrate::sim::{Sim, Workload};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(600);

/// Of each slice, the pods whose endpoints it has.
fn slices(sim: &Sim) -> Vec<Vec<String>> {
    let pods = |slice: &Value| -> Vec<String> {
        let all = slice["endpoints"].as_array().unwrap().iter();
        all.map(|e| e["targetRef"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = sim.list("discovery.k8s.io/v1", "EndpointSlice");
    all.iter().filter(|s| s["metadata"]["namespace"] == "shop").map(pods).collect()
}

fn selected(sim: &Sim) -> BTreeSet<String> {
    let all = sim.list("v1", "Pod").into_iter().filter(|p| p["metadata"]["labels"]["app"] == "web");
    all.map(|p| p["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn is_complete(sim: &Sim) -> bool {
    let all: Vec<String> = slices(sim).concat();
    let pods: BTreeSet<String> = all.iter().cloned().collect();
    pods.len() == all.len() && pods == selected(sim)
}

async fn scale(sim: &Sim, replicas: usize) {
    sim.patch(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": replicas},
        "metadata": {"name": "web", "namespace": "shop"}}))
        .unwrap();
    let is_there = |sim: &Sim| selected(sim).len() == replicas && is_complete(sim);
    sim.until("an endpoint for each pod", LIMIT, is_there).await.unwrap();
}

/// As many as `--max-endpoints-per-slice` of kube-controller-manager allows.
#[tokio::test(start_paused = true)]
async fn a_slice_has_a_hundred_endpoints_at_most() {
    let web = Workload::deployment("shop", "web", 150).service(8080);
    let sim = Sim::builder().workloads([web]).build().unwrap();
    sim.until("an endpoint for each pod", LIMIT, |sim| selected(sim).len() == 150 && is_complete(sim))
        .await
        .unwrap();
    assert_eq!(slices(&sim).iter().map(Vec::len).collect::<Vec<_>>(), [100, 50]);
    scale(&sim, 152).await;
    assert_eq!(slices(&sim).iter().map(Vec::len).collect::<Vec<_>>(), [100, 52], "where there is room");
    scale(&sim, 0).await;
    assert_eq!(slices(&sim), [Vec::<String>::new()], "an empty one goes, but for the last");
    scale(&sim, 3).await;
    assert_eq!(slices(&sim).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn endpoints_follow_the_labels_and_the_readiness_of_their_pods() {
    let web = Workload::deployment("shop", "web", 3).service(8080);
    let sim = Sim::builder().workloads([web]).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let left = slices(&sim).concat().remove(0);
    let label = |app: &str| {
        sim.patch(&json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": left, "namespace": "shop", "labels": {"app": app}}}))
            .unwrap();
    };
    label("other");
    sim.until("one endpoint less", LIMIT, |sim| slices(sim).concat().len() == 2).await.unwrap();
    assert!(!slices(&sim).concat().contains(&left));
    label("web");
    sim.until("it is back", LIMIT, |sim| slices(sim).concat().contains(&left)).await.unwrap();
    sim.patch(&json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": left, "namespace": "shop"},
        "status": {"conditions": [{"type": "Ready", "status": "False"}]}}))
        .unwrap();
    let unready = |sim: &Sim| {
        let all = sim.list("discovery.k8s.io/v1", "EndpointSlice");
        let mut endpoints = all.iter().flat_map(|slice| slice["endpoints"].as_array().unwrap());
        let own = endpoints.find(|e| e["targetRef"]["name"] == left.as_str()).unwrap();
        own["conditions"] == json!({"ready": false, "serving": false, "terminating": false})
    };
    sim.until("it is told not to be ready", LIMIT, unready).await.unwrap();
}
