//! The eviction table of `kubernetes/pkg/registry/core/pod/storage/eviction.go`, on a paused clock.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::sim::{Sim, Workload};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(500);

async fn at_rest(workload: Workload) -> Sim {
    let sim = Sim::builder().workloads([workload]).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    sim
}

fn pods(sim: &Sim) -> Vec<Value> {
    sim.list("v1", "Pod").into_iter().filter(|p| p["metadata"]["namespace"] == "shop").collect()
}

fn first_pod(sim: &Sim) -> String {
    pods(sim)[0]["metadata"]["name"].as_str().unwrap().to_owned()
}

fn budget(sim: &Sim) -> Value {
    sim.get("policy/v1", "PodDisruptionBudget", "shop", "web").unwrap()
}

/// The whole answer, as a client would see it that looks at the body too.
async fn evict(sim: &Sim, pod: &str, options: Value, query: &str) -> Result<Value, kube::core::Status> {
    let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": "shop"},
        "deleteOptions": options});
    let path = format!("/api/v1/namespaces/shop/pods/{pod}/eviction{query}");
    let request = http::Request::post(path).body(body.to_string().into_bytes()).unwrap();
    match sim.client().request::<Value>(request).await {
        Ok(value) => Ok(value),
        Err(kube::Error::Api(status)) => Err(*status),
        Err(other) => panic!("no answer of the API: {other}"),
    }
}

fn cause(status: &kube::core::Status) -> (String, String) {
    let causes = &status.details.as_ref().unwrap().causes;
    (causes[0].reason.clone(), causes[0].message.clone())
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_spent_and_comes_back() {
    let sim = at_rest(Workload::deployment("shop", "web", 3).min_available(2)).await;
    let names: Vec<String> =
        pods(&sim).iter().map(|p| p["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    evict(&sim, &names[0], json!({}), "?dryRun=All").await.unwrap();
    assert_eq!(budget(&sim)["status"]["disruptionsAllowed"], 1);
    let answer = evict(&sim, &names[0], json!({}), "").await.unwrap();
    assert_eq!(answer["status"], "Success");
    assert_eq!(budget(&sim)["status"]["disruptedPods"].as_object().unwrap().len(), 1);
    let refusal = evict(&sim, &names[1], json!({}), "").await.unwrap_err();
    assert_eq!((refusal.code, refusal.reason.as_str()), (429, "TooManyRequests"));
    assert_eq!(refusal.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    let (reason, _) = cause(&refusal);
    assert_eq!(reason, "DisruptionBudget");
    let is_back = |sim: &Sim| budget(sim)["status"]["disruptionsAllowed"] == 1;
    sim.until("the budget back", LIMIT, is_back).await.unwrap();
    evict(&sim, &names[1], json!({}), "").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_never_frees_says_what_it_needs() {
    let sim = at_rest(Workload::deployment("shop", "web", 2).min_available(2)).await;
    let refusal = evict(&sim, &first_pod(&sim), json!({}), "").await.unwrap_err();
    assert_eq!(cause(&refusal).1, "The disruption budget web needs 2 healthy pods and has 2 currently");
    assert_eq!(refusal.details.unwrap().retry_after_seconds, 0);
}

#[tokio::test(start_paused = true)]
async fn two_budgets_are_an_error_of_the_server() {
    let sim = at_rest(Workload::deployment("shop", "web", 3).min_available(1)).await;
    let all = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "all", "namespace": "shop"}, "spec": {"minAvailable": 0, "selector": {}}});
    sim.create(&all).unwrap();
    let pod = first_pod(&sim);
    let refusal = evict(&sim, &pod, json!({}), "").await.unwrap_err();
    assert!(refusal.message.contains("more than one PodDisruptionBudget"), "{refusal:?}");
    assert_eq!((refusal.code, sim.log().last().unwrap().status), (500, Some(500)));
    assert!(sim.get("v1", "Pod", "shop", &pod).is_some_and(|p| p["metadata"]["deletionTimestamp"].is_null()));
}

#[tokio::test(start_paused = true)]
async fn preconditions_and_names_are_checked() {
    let sim = at_rest(Workload::deployment("shop", "web", 3).max_unavailable(2)).await;
    let pod = first_pod(&sim);
    let refusal = evict(&sim, &pod, json!({"preconditions": {"uid": "another"}}), "").await.unwrap_err();
    assert_eq!(refusal.code, 409);
    // The real server, too, spends the budget before it looks at the preconditions.
    assert_eq!(budget(&sim)["status"]["disruptionsAllowed"], 1);
    assert_eq!(evict(&sim, "nobody", json!({}), "").await.unwrap_err().code, 404);
    evict(&sim, &pod, json!({"gracePeriodSeconds": 7}), "").await.unwrap();
    let gone = sim.get("v1", "Pod", "shop", &pod).unwrap();
    assert_eq!(gone["metadata"]["deletionGracePeriodSeconds"], 7);
    let condition =
        gone["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "DisruptionTarget");
    assert_eq!(condition.unwrap()["reason"], "EvictionByEvictionAPI");
}

#[tokio::test(start_paused = true)]
async fn an_unready_pod_goes_where_the_rest_is_enough() {
    let sim = at_rest(Workload::deployment("shop", "web", 3).min_available(2)).await;
    let pod = first_pod(&sim);
    let unready = |pod: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "namespace": "shop"},
            "status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    };
    sim.patch(&unready(&pod)).unwrap();
    let is_seen = |sim: &Sim| budget(sim)["status"]["currentHealthy"] == 2;
    sim.until("the unready pod seen", LIMIT, is_seen).await.unwrap();
    evict(&sim, &pod, json!({}), "").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_in_a_budget_cannot_be_counted() {
    let sim = at_rest(Workload::deployment("shop", "web", 1)).await;
    sim.create(
        &json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"run": "j"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}),
    )
    .unwrap();
    sim.create(&json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"run": "j"}}}}))
        .unwrap();
    let has_failed = |sim: &Sim| {
        budget(sim)["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|c| c["reason"] == "SyncFailed"))
    };
    sim.until("the budget given up", LIMIT, has_failed).await.unwrap();
}
