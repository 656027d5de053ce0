//! The embedded cluster's API, through kube clients in process and on a paused clock.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::sim::{Fault, Sim, When, Workload};
use futures::TryStreamExt;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Pod};
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy, WatchEvent, WatchParams,
};
use kube::core::params::Preconditions;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(500);

async fn at_rest(workloads: impl IntoIterator<Item = Workload>) -> Sim {
    let sim = Sim::builder().workloads(workloads).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    sim
}

fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("no answer of the API: {other}"),
    }
}

fn config_map(name: &str, labels: &Value, data: &Value) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}, "data": data})).unwrap()
}

#[tokio::test(start_paused = true)]
async fn pages_are_of_one_moment() {
    let sim = Sim::builder().build().unwrap();
    let api: Api<ConfigMap> = Api::namespaced(sim.client(), "default");
    for number in 0..25 {
        api.create(&PostParams::default(), &config_map(&format!("c-{number:02}"), &json!({}), &json!({})))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut params = ListParams::default().limit(10);
    loop {
        let page = api.list(&params).await.unwrap();
        seen.extend(page.items.iter().map(|c| c.metadata.name.clone().unwrap()));
        api.delete(&format!("c-{:02}", 25 - seen.len().div_ceil(10)), &DeleteParams::default())
            .await
            .unwrap();
        match page.metadata.continue_ {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(seen, (0..25).map(|n| format!("c-{n:02}")).collect::<Vec<_>>());
    let first = ListParams::default().limit(1);
    let token = async || api.list(&first).await.unwrap().metadata.continue_.unwrap();
    let next = async |token: &str| api.list(&first.clone().continue_token(token)).await;
    let old = token().await;
    tokio::time::advance(Duration::from_secs(299)).await;
    assert!(next(&old).await.is_ok(), "etcd keeps what was for five minutes");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(code(&next(&old).await.unwrap_err()), 410);
    let fresh = token().await;
    sim.compact();
    assert_eq!(code(&next(&fresh).await.unwrap_err()), 410);
}

#[tokio::test(start_paused = true)]
async fn writes_on_an_old_version_conflict() {
    let sim = Sim::builder().build().unwrap();
    let api: Api<ConfigMap> = Api::namespaced(sim.client(), "default");
    let old =
        api.create(&PostParams::default(), &config_map("c", &json!({}), &json!({"a": "1"}))).await.unwrap();
    let error =
        api.create(&PostParams::default(), &config_map("c", &json!({}), &json!({}))).await.unwrap_err();
    assert!(error.to_string().contains("configmaps \"c\" already exists"));
    api.patch("c", &PatchParams::default(), &Patch::Merge(json!({"data": {"a": "2"}}))).await.unwrap();
    assert_eq!(code(&api.replace("c", &PostParams::default(), &old).await.unwrap_err()), 409);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    api.create(&dry, &config_map("d", &json!({}), &json!({}))).await.unwrap();
    assert_eq!(code(&api.get("d").await.unwrap_err()), 404);
    let wrong = Preconditions { uid: Some("another".into()), ..Preconditions::default() };
    let error = api.delete("c", &DeleteParams::default().preconditions(wrong)).await.unwrap_err();
    assert_eq!(code(&error), 409);
}

#[tokio::test(start_paused = true)]
async fn patches_of_every_kind() {
    let sim = at_rest([]).await;
    let nodes: Api<Node> = Api::all(sim.client());
    let params = PatchParams::default();
    let taint = |key: &str| json!({"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}});
    let node = nodes.patch("worker-1", &params, &Patch::Strategic(taint("a"))).await.unwrap();
    assert_eq!(node.spec.unwrap().taints.unwrap().len(), 1);
    let operations = |expected: &str| {
        let patch = json!([{"op": "test", "path": "/spec/taints/0/key", "value": expected},
            {"op": "replace", "path": "/spec/taints/0/key", "value": "b"}]);
        Patch::<()>::Json(serde_json::from_value(patch).unwrap())
    };
    assert_eq!(code(&nodes.patch("worker-1", &params, &operations("b")).await.unwrap_err()), 422);
    let node = nodes.patch("worker-1", &params, &operations("a")).await.unwrap();
    assert_eq!(node.spec.unwrap().taints.unwrap()[0].key, "b");
    nodes.cordon("worker-1").await.unwrap();
    let is_tainted = |sim: &Sim| {
        let node = sim.get("v1", "Node", "", "worker-1").unwrap();
        node["spec"]["taints"]
            .as_array()
            .unwrap()
            .iter()
            .any(|t| t["key"] == "node.kubernetes.io/unschedulable")
    };
    sim.until("the taint of a cordoned node", LIMIT, is_tainted).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn apply_knows_owners() {
    let sim = Sim::builder().build().unwrap();
    let api: Api<ConfigMap> = Api::namespaced(sim.client(), "default");
    let applied = |data: Value| {
        Patch::Apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}),
        )
    };
    let (one, two) = (PatchParams::apply("one"), PatchParams::apply("two"));
    api.patch("c", &one, &applied(json!({"a": "1", "b": "1"}))).await.unwrap();
    let error = api.patch("c", &two, &applied(json!({"a": "2"}))).await.unwrap_err();
    assert!(error.to_string().contains("conflict with \"one\": .data.a"), "{error}");
    api.patch("c", &two.clone().force(), &applied(json!({"a": "2"}))).await.unwrap();
    let last = api.patch("c", &one, &applied(json!({}))).await.unwrap();
    assert_eq!(last.data.unwrap().into_iter().collect::<Vec<_>>(), [("a".to_owned(), "2".to_owned())]);
    let owners = last.metadata.managed_fields.unwrap();
    let fields = |manager: &str| {
        let owner = owners.iter().find(|o| o.manager.as_deref() == Some(manager)).unwrap();
        serde_json::to_value(&owner.fields_v1).unwrap()
    };
    assert_eq!((fields("one"), fields("two")), (json!({"f:data": {}}), json!({"f:data": {"f:a": {}}})));
}

#[tokio::test(start_paused = true)]
async fn watches_follow_a_selector() {
    let sim = Sim::builder().build().unwrap();
    let api: Api<ConfigMap> = Api::namespaced(sim.client(), "default");
    let start = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let params = WatchParams::default().labels("on=yes").timeout(5);
    let stream = api.watch(&params, &start).await.unwrap();
    api.create(&PostParams::default(), &config_map("c", &json!({"on": "no"}), &json!({}))).await.unwrap();
    for on in ["yes", "yes", "no"] {
        let patch = Patch::Merge(
            json!({"metadata": {"labels": {"on": on}}, "data": {"at": sim.log().len().to_string()}}),
        );
        api.patch("c", &PatchParams::default(), &patch).await.unwrap();
    }
    let seen: Vec<&str> = stream
        .map_ok(|event| match event {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            WatchEvent::Bookmark(_) => "bookmark",
            WatchEvent::Error(_) => "error",
        })
        .try_collect()
        .await
        .unwrap();
    // The last one comes two seconds before the end.
    assert_eq!(seen, ["added", "modified", "deleted", "bookmark"]);
    sim.compact();
    let late: Vec<_> = api.watch(&params, &start).await.unwrap().try_collect().await.unwrap();
    let [WatchEvent::Error(status)] = late.as_slice() else { panic!("one error is expected: {late:?}") };
    assert_eq!(status.code, 410);
}

#[tokio::test(start_paused = true)]
async fn deletions_take_along_what_is_owned() {
    let sim = at_rest([Workload::deployment("shop", "cart", 3).service(8080)]).await;
    let pods: Api<Pod> = Api::namespaced(sim.client(), "shop");
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 3);
    let sets: Api<k8s_openapi::api::apps::v1::Deployment> = Api::namespaced(sim.client(), "shop");
    let foreground =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..DeleteParams::default() };
    sets.delete("cart", &foreground).await.unwrap();
    let still_there = sim.get("apps/v1", "Deployment", "shop", "cart").unwrap();
    assert_eq!(still_there["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    let is_gone = |sim: &Sim| sim.get("apps/v1", "Deployment", "shop", "cart").is_none();
    sim.until("the deployment gone", LIMIT, is_gone).await.unwrap();
    assert!(pods.list(&ListParams::default()).await.unwrap().items.is_empty());
    let namespaces: Api<Namespace> = Api::all(sim.client());
    namespaces.delete("shop", &DeleteParams::default()).await.unwrap();
    let is_gone = |sim: &Sim| sim.get("v1", "Namespace", "", "shop").is_none();
    sim.until("the namespace gone", LIMIT, is_gone).await.unwrap();
    assert!(sim.list("v1", "Service").iter().all(|s| s["metadata"]["namespace"] != "shop"));
}

#[tokio::test(start_paused = true)]
async fn denials_show_in_reviews_and_calls() {
    let sim = Sim::builder().build().unwrap();
    sim.deny("patch", "nodes");
    let review: SelfSubjectAccessReview = serde_json::from_value(
        json!({"spec": {"resourceAttributes": {"verb": "patch", "resource": "nodes"}}, "metadata": {}}),
    )
    .unwrap();
    let api: Api<SelfSubjectAccessReview> = Api::all(sim.client());
    let answer = api.create(&PostParams::default(), &review).await.unwrap();
    assert!(!answer.status.unwrap().allowed);
    let nodes: Api<Node> = Api::all(sim.client());
    let error = nodes.cordon("worker-1").await.unwrap_err();
    assert!(error.to_string().contains("cannot patch resource \"nodes\""), "{error}");
    assert_eq!(sim.log().last().unwrap().status, Some(403));
}

#[tokio::test(start_paused = true)]
async fn faults_strike_as_often_as_told() {
    let sim = Sim::builder().build().unwrap();
    let nodes: Api<Node> = Api::all(sim.client());
    sim.fault(Fault::on("list", "nodes").after(1).times(2).answer(503));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(nodes.list(&ListParams::default()).await.map_or_else(|e| code(&e), |_| 200));
    }
    assert_eq!(codes, [200, 503, 503, 200]);
    let api: Api<ConfigMap> = Api::namespaced(sim.client(), "default");
    for (name, when, is_there) in [("before", When::Before, false), ("after", When::After, true)] {
        sim.fault(Fault::on("create", "configmaps").times(1).reset(when));
        api.create(&PostParams::default(), &config_map(name, &json!({}), &json!({}))).await.unwrap_err();
        assert_eq!(api.get_opt(name).await.unwrap().is_some(), is_there, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_can_be_read_alone() {
    let sim = at_rest([]).await;
    let nodes: Api<Node> = Api::all(sim.client());
    let list =
        nodes.list_metadata(&ListParams::default().labels("kubernetes.io/hostname in (cp-1)")).await.unwrap();
    assert_eq!(list.items[0].metadata.name.as_deref(), Some("cp-1"));
    let pods: Api<Pod> = Api::all(sim.client());
    let on_node = ListParams::default().fields("spec.nodeName=worker-1,status.phase=Running");
    assert_eq!(pods.list_metadata(&on_node).await.unwrap().items.len(), sim.pods_on("worker-1").len());
}

/// kubectl's typed clients send protobuf where an object does not come from a file.
#[tokio::test(start_paused = true)]
async fn a_typed_client_creates_in_protobuf_what_is_read_so() {
    let field = |number: u8, content: &[u8]| {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    };
    let body = |kind: &str| {
        let types = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [b"k8s\0".to_vec(), field(1, &types), field(2, &field(1, &field(1, b"typed")))].concat()
    };
    let sim = Sim::builder().build().unwrap();
    let create = async |plural: &str, kind: &str| {
        let path = format!("/api/v1/namespaces/default/{plural}");
        let request = http::Request::post(path).header("content-type", "application/vnd.kubernetes.protobuf");
        sim.client().request::<Value>(request.body(body(kind)).unwrap()).await
    };
    assert_eq!(create("configmaps", "ConfigMap").await.unwrap()["metadata"]["name"], "typed");
    assert_eq!(code(&create("pods", "Pod").await.unwrap_err()), 415);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_served_says_so() {
    let sim = Sim::builder().build().unwrap();
    let client = sim.client();
    for (path, expected) in [
        ("/apis/cilium.io/v2/ciliumnodes", 404),
        ("/openapi/v2", 404),
        ("/api/v1/namespaces/kube-system/pods/x/log", 501),
        ("/api/v1/pods?labelSelector=a%20b%20c", 400),
        ("/api/v1/nodes?fieldSelector=spec.podCIDR=x", 400),
    ] {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        assert_eq!(code(&client.request::<Value>(request).await.unwrap_err()), expected, "{path}");
    }
    let groups = client.list_api_groups().await.unwrap();
    assert!(groups.groups.iter().any(|g| g.name == "policy"));
    assert_eq!(client.apiserver_version().await.unwrap().minor, "34");
}

#[tokio::test(start_paused = true)]
async fn the_same_run_gives_the_same_bytes() {
    let run = || async {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let workloads = [Workload::deployment("shop", "cart", 5), Workload::stateful_set("shop", "db", 3)];
        let sim = Sim::builder().nodes(5).epoch(epoch).workloads(workloads).build().unwrap();
        sim.settled(LIMIT).await.unwrap();
        sim.list("v1", "Pod")
    };
    assert_eq!(run().await, run().await);
}
