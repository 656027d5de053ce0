//! A cluster from recorded objects: it has what was recorded, rests until somebody acts, and then lives on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeMap;
use std::time::Duration;

use cni_migrate::sim::{Builder, Sim, Workload};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);
const KINDS: &[(&str, &str)] = &[
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("policy/v1", "PodDisruptionBudget"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("cilium.io/v2", "CiliumNode"),
    ("cilium.io/v2", "CiliumEndpoint"),
];

fn recorded(sim: &Sim) -> Vec<Value> {
    KINDS.iter().flat_map(|(version, kind)| sim.list(version, kind)).collect()
}

/// Every object without what the store itself writes.
fn content(sim: &Sim) -> BTreeMap<String, Value> {
    let all = recorded(sim).into_iter().map(|mut object| {
        let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
        object["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
        (uid, object)
    });
    all.collect()
}

fn workloads() -> [Workload; 4] {
    [
        Workload::deployment("shop", "web", 3).min_available(2).service(80),
        Workload::stateful_set("shop", "db", 2).max_unavailable(1),
        Workload::daemon_set("shop", "agent"),
        Workload::bare_pod("shop", "alone"),
    ]
}

/// A settled cluster as a real one would be recorded: other hashes, and other words of other controllers.
async fn record() -> Vec<Value> {
    let sim = Sim::builder().workloads(workloads()).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let mut text = Value::from(recorded(&sim)).to_string();
    for owner in recorded(&sim) {
        for key in ["pod-template-hash", "controller-revision-hash"] {
            if let Some(hash) = owner["metadata"]["labels"][key].as_str() {
                let bare = hash.rsplit('-').next().unwrap();
                text = text.replace(bare, &bare.chars().rev().collect::<String>());
            }
        }
    }
    let text =
        text.replace("kubelet is posting ready status", "kubelet is posting ready status. AppArmor enabled");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_recorded_cluster_is_what_it_was_and_rests() {
    let objects = record().await;
    let sim = Builder::from_objects(objects.clone()).build().unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(sim.not_modelled(), Vec::<String>::new());
    let now = content(&sim);
    assert_eq!(now.len(), objects.len(), "nothing came or went");
    for mut object in objects {
        let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
        object["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
        assert_eq!(now[&uid], object);
    }
    assert_eq!(sim.links("worker-1"), ["cni0", "eth0", "flannel.1", "lo"]);
    assert_eq!(sim.files("worker-1", "/etc/cni/net.d"), ["/etc/cni/net.d/10-flannel.conflist"]);
}

#[tokio::test(start_paused = true)]
async fn a_recorded_cluster_lives_on_when_a_pod_goes() {
    let sim = Builder::from_objects(record().await).build().unwrap();
    let web = |sim: &Sim| -> Vec<Value> {
        let pods = sim.list("v1", "Pod").into_iter();
        pods.filter(|p| p["metadata"]["labels"]["app"] == "web").collect()
    };
    let before = web(&sim);
    let gone = before[0]["metadata"]["name"].as_str().unwrap();
    sim.delete("v1", "Pod", "shop", gone).unwrap();
    let is_replaced = |sim: &Sim| web(sim).iter().all(|p| p["metadata"]["name"] != gone);
    sim.until("a replacement", LIMIT, is_replaced).await.unwrap();
    sim.settled(LIMIT).await.unwrap();
    let after = web(&sim);
    let addresses =
        |pods: &[Value]| pods.iter().map(|p| p["status"]["podIP"].to_string()).collect::<Vec<_>>();
    let taken: Vec<String> = sim.list("v1", "Pod").iter().map(|p| p["status"]["podIP"].to_string()).collect();
    assert_eq!(after.len(), 3);
    let new = addresses(&after).into_iter().find(|a| !addresses(&before).contains(a)).unwrap();
    assert_eq!(taken.iter().filter(|a| **a == new).count(), 1, "{new} is nobody else's");
    let hash = &before[0]["metadata"]["labels"]["pod-template-hash"];
    assert!(after.iter().all(|p| p["metadata"]["labels"]["pod-template-hash"] == *hash));
}

#[tokio::test(start_paused = true)]
async fn a_frozen_cluster_holds_objects_as_they_are_and_nothing_moves() {
    let mut objects = record().await;
    let pending = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "gone", "uid": "u-1"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Pending"}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "sets.example.org", "uid": "u-2"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"plural": "sets", "kind": "Set"},
            "versions": [{"name": "v1", "served": true, "storage": true}]}});
    let custom = json!({"apiVersion": "example.org/v1", "kind": "Set",
        "metadata": {"name": "s", "namespace": "shop", "uid": "u-3"}});
    let unknown = json!({"apiVersion": "example.org/v1", "kind": "Other", "metadata": {"name": "o"}});
    objects.extend([pending.clone(), custom.clone(), unknown, definition]);
    let sim = Builder::from_objects(objects).frozen(true).build().unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let without_version = |mut object: Value| {
        object["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
        object
    };
    assert_eq!(without_version(sim.get("v1", "Pod", "gone", "p").unwrap()), pending);
    assert_eq!(without_version(sim.get("example.org/v1", "Set", "shop", "s").unwrap()), custom);
    assert_eq!(sim.not_modelled(), ["kind Other of example.org/v1: not served, 1 left out"]);
}
