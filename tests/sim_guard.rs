//! The safety checker finds each planted breach, and nothing where the rules are kept.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::sim::{Builder, Rule, Sim, Workload};
use http::Request;
use kube::Client;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

struct Caller {
    client: Client,
    agent: &'static str,
}

impl Caller {
    async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, kube::Error> {
        let kind = match method {
            "PATCH" if path.contains("fieldManager=") => "application/apply-patch+yaml",
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder().method(method).uri(path).header("user-agent", self.agent);
        let request = request.header("content-type", kind).body(body.to_string().into_bytes()).unwrap();
        self.client.request(request).await
    }

    async fn take_lease(&self, holder: &str) {
        let mut body = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "cni-migrate", "namespace": "kube-system"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}});
        if self.call("POST", LEASE, &body).await.is_err() {
            let path = format!("{LEASE}/cni-migrate");
            let there = self.call("GET", &path, &Value::Null).await.unwrap();
            body["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"].clone();
            self.call("PUT", &path, &body).await.unwrap();
        }
    }

    async fn patch_node(&self, body: Value) {
        self.call("PATCH", "/api/v1/nodes/worker-1", &body).await.unwrap();
    }
}

async fn cluster(workloads: impl IntoIterator<Item = Workload>) -> (Sim, Caller) {
    let sim = Sim::builder().workloads(workloads).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let caller = Caller { client: sim.client(), agent: "tool/1" };
    caller.take_lease("me").await;
    (sim, caller)
}

fn rules(sim: &Sim) -> Vec<Rule> {
    sim.violations().iter().map(|v| v.rule).collect()
}

fn pod(sim: &Sim, app: &str) -> String {
    let pods = sim.list("v1", "Pod").into_iter();
    let mut pods = pods
        .filter(|p| p["metadata"]["labels"]["app"] == app && p["metadata"]["deletionTimestamp"].is_null());
    pods.next().unwrap()["metadata"]["name"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_its_budget_needs_must_not_be_taken() {
    let (sim, caller) = cluster([Workload::deployment("shop", "web", 3).min_available("67%")]).await;
    let path = |name: &str| format!("/api/v1/namespaces/shop/pods/{name}");
    let name = pod(&sim, "web");
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "shop"}});
    caller.call("POST", &format!("{}/eviction", path(&name)), &eviction).await.unwrap_err();
    assert_eq!(rules(&sim), [], "what the server refuses breaks nothing");
    caller.call("DELETE", &path(&name), &json!({})).await.unwrap();
    assert_eq!(rules(&sim), [Rule::Budgets], "{:?}", sim.violations());
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_budget_is_not_believed() {
    let (live, _) = cluster([Workload::deployment("shop", "web", 2).min_available(2)]).await;
    let kinds = [
        ("v1", "Namespace"),
        ("v1", "Pod"),
        ("apps/v1", "ReplicaSet"),
        ("apps/v1", "Deployment"),
        ("policy/v1", "PodDisruptionBudget"),
    ];
    let mut objects: Vec<Value> = kinds.iter().flat_map(|(version, kind)| live.list(version, kind)).collect();
    let is_budget = |o: &&mut Value| o["kind"] == "PodDisruptionBudget" && o["metadata"]["name"] == "web";
    // The server believes a status that is wrong.
    objects.iter_mut().find(is_budget).unwrap()["status"]["disruptionsAllowed"] = json!(1);
    let sim = Builder::from_objects(objects).frozen(true).build().unwrap();
    let caller = Caller { client: sim.client(), agent: "tool/1" };
    caller.take_lease("me").await;
    let name = pod(&sim, "web");
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "shop"}});
    caller.call("POST", &format!("/api/v1/namespaces/shop/pods/{name}/eviction"), &eviction).await.unwrap();
    assert_eq!(rules(&sim), [Rule::Budgets], "{:?}", sim.violations());
}

#[tokio::test(start_paused = true)]
async fn only_the_holder_of_the_lease_writes_while_it_holds_it() {
    let (sim, caller) = cluster([]).await;
    let other = Caller { client: sim.client(), agent: "other/1" };
    caller.patch_node(json!({"metadata": {"annotations": {"a": "1"}}})).await;
    assert_eq!(rules(&sim), []);
    other.patch_node(json!({"metadata": {"annotations": {"a": "2"}}})).await;
    assert_eq!(rules(&sim), [Rule::SingleWriter]);
    other.take_lease("thief").await;
    assert_eq!(rules(&sim).len(), 2, "taken while the other renews it");
    tokio::time::sleep(Duration::from_secs(20)).await;
    other.patch_node(json!({"metadata": {"annotations": {"a": "3"}}})).await;
    assert_eq!(rules(&sim).len(), 3, "it has run out");
    other.take_lease("").await;
    other.patch_node(json!({"metadata": {"annotations": {"a": "4"}}})).await;
    let all = sim.violations();
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all.last().unwrap().what.contains("nobody holds the Lease"), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_switched_node_is_proven_before_it_takes_pods() {
    let (sim, caller) = cluster([]).await;
    let cordon = |on: Value| json!({"spec": {"unschedulable": on}});
    let label = |value: Value| json!({"metadata": {"labels": {"io.cilium.migration/cilium-default": value}}});
    caller.patch_node(cordon(true.into())).await;
    caller.patch_node(cordon(Value::Null)).await;
    assert_eq!(rules(&sim), [], "a node that was not switched");
    caller.patch_node(cordon(true.into())).await;
    caller.patch_node(label("true".into())).await;
    caller.patch_node(label(Value::Null)).await;
    caller.patch_node(cordon(Value::Null)).await;
    assert_eq!(rules(&sim), [Rule::ProvenBeforeUncordon]);
    caller.patch_node(cordon(true.into())).await;
    probe(&sim, &caller, "10.96.0.10:1").await;
    caller.patch_node(cordon(Value::Null)).await;
    assert_eq!(rules(&sim).len(), 2, "a probe that got no answer proves nothing");
    caller.patch_node(cordon(true.into())).await;
    probe(&sim, &caller, "10.96.0.1:443").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    caller.patch_node(cordon(Value::Null)).await;
    assert_eq!(rules(&sim).len(), 2, "{:?}", sim.violations());
}

/// Runs a probe client to one address on the node and clears it away.
async fn probe(sim: &Sim, caller: &Caller, address: &str) {
    let spec =
        json!({"attempts": 2, "intervalMs": 10, "targets": [{"id": "t", "kind": "tcp", "address": address}]});
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "client", "namespace": "kube-system", "labels": {"cni-migrate.dev/probe": "client"}},
        "spec": {"nodeName": "worker-1", "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "tool:1", "args": ["agent", "probe", "--spec", spec.to_string()]}]}});
    caller.take_lease("me").await;
    caller.call("POST", "/api/v1/namespaces/kube-system/pods", &pod).await.unwrap();
    let is_over = |sim: &Sim| {
        sim.get("v1", "Pod", "kube-system", "client").is_some_and(|p| p["status"]["phase"] == "Succeeded")
    };
    sim.until("an answer", LIMIT, is_over).await.unwrap();
    caller.call("DELETE", "/api/v1/namespaces/kube-system/pods/client", &json!({})).await.unwrap();
    sim.until("no client", LIMIT, |sim| sim.get("v1", "Pod", "kube-system", "client").is_none())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_what_is_listed_or_made_or_comes_back_is_deleted() {
    let (sim, caller) =
        cluster([Workload::deployment("shop", "web", 2), Workload::bare_pod("shop", "alone")]).await;
    let config = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}});
    let configs = "/api/v1/namespaces/shop/configmaps";
    caller.call("POST", configs, &config("mine")).await.unwrap();
    caller.call("PATCH", &format!("{configs}/applied?fieldManager=tool"), &config("applied")).await.unwrap();
    sim.create(&config("theirs")).unwrap();
    sim.create(&config("listed")).unwrap();
    let uid = sim.get("v1", "ConfigMap", "shop", "listed").unwrap()["metadata"]["uid"].clone();
    let inventory = json!({"inventory": {"objects": [{"kind": "ConfigMap", "namespace": "shop", "name": "listed", "uid": uid}]}});
    sim.create(&json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"record": inventory.to_string()},
        "metadata": {"name": "cni-migrate-journal", "namespace": "kube-system"}}))
        .unwrap();
    let delete = async |path: String| caller.call("DELETE", &path, &json!({})).await.unwrap();
    delete(format!("{configs}/mine")).await;
    delete(format!("{configs}/applied")).await;
    delete(format!("{configs}/listed")).await;
    delete(format!("/api/v1/namespaces/shop/pods/{}", pod(&sim, "web"))).await;
    assert_eq!(rules(&sim), [], "{:?}", sim.violations());
    delete(format!("{configs}/theirs")).await;
    delete("/api/v1/namespaces/shop/pods/alone".to_owned()).await;
    delete("/api/v1/namespaces/shop/pods".to_owned()).await;
    assert_eq!(rules(&sim), [Rule::Deletions; 3], "{:?}", sim.violations());
}
