//! Times from a seed: the same seed gives the same bytes, another seed another story; and named faults in such a story.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::sim::{Builder, NamedFault, Objects, SAMPLES, Sim, SimError, Timings};
use http::Request;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::Instant;

const LIMIT: Duration = Duration::from_secs(3600);
const NODE: &str = "worker-1";

fn shop() -> Objects {
    (SAMPLES[0].build)().unwrap()
}

/// A shop with a seed, and the tool's ways to write.
struct Story {
    sim: Sim,
    client: Client,
    begun: Instant,
}

impl Story {
    fn new(seed: u64) -> Self {
        let epoch = "2026-06-01T00:00:00Z".parse().unwrap();
        let sim =
            Builder::from_objects(shop()).seed(seed).timings(Timings::real()).epoch(epoch).build().unwrap();
        Self { client: sim.client(), sim, begun: Instant::now() }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, kube::Error> {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        self.client.request(request.body(body.to_string().into_bytes()).unwrap()).await
    }

    async fn install(&self) {
        let values = json!({"cni": {"customConf": true}, "tunnelPort": 8473,
            "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.245.0.0/16"]}}});
        let order = json!({"name": "cilium", "namespace": "kube-system", "version": "1.19.6", "action": "install",
            "values": values});
        self.call("POST", "/sim/helm/releases", &order).await.unwrap();
        self.sim.settled(LIMIT).await.unwrap();
        let config = json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNodeConfig", "metadata": {"name": "cilium-default"},
            "spec": {"nodeSelector": {"matchLabels": {"io.cilium.migration/cilium-default": "true"}},
                "defaults": {"write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
                    "custom-cni-conf": "false", "cni-chaining-mode": "none", "cni-exclusive": "true"}}});
        self.call("POST", "/apis/cilium.io/v2/namespaces/kube-system/ciliumnodeconfigs", &config)
            .await
            .unwrap();
    }

    async fn patch(&self, node: &str, body: Value) {
        self.call("PATCH", &format!("/api/v1/nodes/{node}"), &body).await.unwrap();
    }

    /// Evicts everything that a drain evicts, again each second where a budget refuses.
    async fn drain(&self, node: &str) {
        loop {
            let daemon = |p: &Value| {
                matches!(p["metadata"]["ownerReferences"][0]["kind"].as_str(), Some("DaemonSet" | "Node"))
            };
            let pods: Vec<Value> = self.sim.pods_on(node).into_iter().filter(|p| !daemon(p)).collect();
            if pods.is_empty() {
                return;
            }
            for pod in pods.iter().filter(|p| p["metadata"]["deletionTimestamp"].is_null()) {
                let (space, name) = (
                    pod["metadata"]["namespace"].as_str().unwrap(),
                    pod["metadata"]["name"].as_str().unwrap(),
                );
                let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": space, "name": name}});
                // A refusal is asked again.
                let _ = self
                    .call("POST", &format!("/api/v1/namespaces/{space}/pods/{name}/eviction"), &eviction)
                    .await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn delete_on(&self, node: &str, is_it: impl Fn(&Value) -> bool) {
        for pod in self.sim.pods_on(node).into_iter().filter(|p| is_it(p)) {
            let (space, name) =
                (pod["metadata"]["namespace"].as_str().unwrap(), pod["metadata"]["name"].as_str().unwrap());
            self.call("DELETE", &format!("/api/v1/namespaces/{space}/pods/{name}"), &json!({}))
                .await
                .unwrap();
        }
    }

    async fn switch(&self, node: &str) -> Result<(), SimError> {
        self.patch(node, json!({"spec": {"unschedulable": true}})).await;
        self.drain(node).await;
        self.patch(node, json!({"metadata": {"labels": {"io.cilium.migration/cilium-default": "true"}}}))
            .await;
        self.delete_on(node, |p| p["metadata"]["labels"]["k8s-app"] == "cilium").await;
        let path = "/etc/cni/net.d/05-cilium.conflist";
        let limit = Duration::from_secs(300);
        self.sim.until("the switch", limit, |sim| sim.files(node, path).len() == 1).await?;
        self.delete_on(node, |p| p["spec"]["hostNetwork"] != true).await;
        self.sim.settled(LIMIT).await?;
        self.patch(node, json!({"spec": {"unschedulable": null}})).await;
        Ok(())
    }

    /// Every request with its content, every object at the end, and the time it took.
    fn bytes(&self) -> String {
        let mut all: Vec<String> =
            self.sim.log().iter().map(|e| format!("{} {} {:?}", e.summary(), e.digest(), e.status)).collect();
        for (version, kind) in [("v1", "Pod"), ("v1", "Node"), ("cilium.io/v2", "CiliumEndpoint")] {
            all.extend(self.sim.list(version, kind).iter().map(Value::to_string));
        }
        format!("{}\n{:?}", all.join("\n"), self.begun.elapsed())
    }
}

async fn migrated(seed: u64) -> String {
    let story = Story::new(seed);
    story.install().await;
    for node in ["worker-1", "worker-2", "worker-3", "cp-1"] {
        story.switch(node).await.unwrap();
    }
    let pods = story.sim.list("v1", "Pod").into_iter().filter(|p| p["spec"]["hostNetwork"] != true);
    for pod in pods {
        assert!(pod["status"]["podIP"].as_str().unwrap().starts_with("10.245."), "{pod}");
    }
    story.bytes()
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_bytes() {
    let first = migrated(7).await;
    assert!(first == migrated(7).await, "two migrations of seed 7 differ");
    assert!(first != migrated(8).await, "the seed changes nothing");
}

#[tokio::test(start_paused = true)]
async fn an_agent_takes_as_long_as_on_the_lab() {
    let story = Story::new(1);
    story.install().await;
    story.patch(NODE, json!({"spec": {"unschedulable": true}})).await;
    let before = agent(&story.sim).unwrap()["metadata"]["uid"].clone();
    story.delete_on(NODE, |p| p["metadata"]["labels"]["k8s-app"] == "cilium").await;
    let begun = Instant::now();
    let is_new = |sim: &Sim| agent(sim).is_some_and(|a| a["metadata"]["uid"] != before);
    story.sim.until("another agent", LIMIT, is_new).await.unwrap();
    story.sim.settled(LIMIT).await.unwrap();
    let took = begun.elapsed().as_secs();
    assert!((8..=17).contains(&took), "{took} s");
}

async fn told(fault: &str) -> Story {
    let story = Story::new(3);
    story.sim.play(&NamedFault::parse(fault, &shop()).unwrap());
    story.install().await;
    story
}

fn agent(sim: &Sim) -> Option<Value> {
    sim.pods_on(NODE).into_iter().rfind(|p| p["metadata"]["labels"]["k8s-app"] == "cilium")
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_crashes_once_its_node_is_switched() {
    let story = told("agent-crash-loop=worker-1").await;
    story.switch(NODE).await.unwrap_err();
    let state = &agent(&story.sim).unwrap()["status"]["containerStatuses"][0];
    assert_eq!(state["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert!(state["restartCount"].as_i64().unwrap() > 10, "{state}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_when_it_is_switched() {
    let story = told("node-stays-down=worker-1").await;
    story.switch(NODE).await.unwrap_err();
    let node = story.sim.get("v1", "Node", "", NODE).unwrap();
    let ready =
        node["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Ready").unwrap();
    assert_eq!(ready["status"], "Unknown");
}

#[tokio::test(start_paused = true)]
async fn a_budget_whose_pods_never_become_ready_again() {
    let story = told("budget-never-frees=shop/web").await;
    story.patch(NODE, json!({"spec": {"unschedulable": true}})).await;
    let drained = tokio::time::timeout(Duration::from_secs(1800), story.drain(NODE)).await;
    let refused =
        story.sim.log().iter().filter(|e| e.resource == "pods/eviction" && e.status == Some(429)).count();
    assert!(drained.is_err() || refused == 0, "at most one pod of the budget is on the node");
    let budget = story.sim.get("policy/v1", "PodDisruptionBudget", "shop", "web").unwrap();
    assert_eq!(budget["status"]["disruptionsAllowed"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_denies_evictions() {
    let story = told("webhook-refuses=create/pods/eviction").await;
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": "shop", "name": "db-0"}});
    let call = story.call("POST", "/api/v1/namespaces/shop/pods/db-0/eviction", &eviction);
    let error = call.await.unwrap_err().to_string();
    assert!(error.contains("admission webhook \"policy.example.com\" denied the request"), "{error}");
}
