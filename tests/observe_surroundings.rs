//! What neither CNI owns is read into the snapshot, projected; what may not be read is named as unknown.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::kube::{Settings, connect};
use cni_migrate::model::{Snapshot, unread};
use cni_migrate::observe::{Observer, Scope};
use cni_migrate::sim::{Door, Sim};
use serde_json::{Value, json};

async fn cluster(objects: Vec<Value>) -> (Sim, Door) {
    let builder = objects.into_iter().fold(Sim::builder().nodes(2), cni_migrate::sim::Builder::object);
    let sim = builder.build().unwrap();
    sim.settled(Duration::from_secs(20)).await.unwrap();
    let door = sim.serve().await.unwrap();
    (sim, door)
}

async fn snapshot(door: &Door) -> Snapshot {
    let settings = Settings { kubeconfig: Some(door.kubeconfig().into()), ..Settings::default() };
    let connection = connect(&settings).await.unwrap();
    Observer::new(connection.0.reader, "sim").await.unwrap().snapshot(&Scope::All).await.unwrap()
}

fn named(api_version: &str, kind: &str, name: &str, content: &Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    object.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
    object
}

fn in_shop(api_version: &str, kind: &str, name: &str, content: &Value) -> Value {
    let mut object = named(api_version, kind, name, content);
    object["metadata"]["namespace"] = json!("shop");
    object
}

#[tokio::test]
async fn policies_services_and_what_calls_them_are_read() {
    let hooks = json!({"webhooks": [
        {"name": "a.x.io", "clientConfig": {"service": {"namespace": "shop", "name": "guard"}}},
        {"name": "b.x.io", "clientConfig": {"url": "https://guard.example"}, "failurePolicy": "Fail"},
        {"name": "c.x.io", "clientConfig": {"service": {"namespace": "shop", "name": "guard"}}, "failurePolicy": "Ignore"},
    ]});
    let (_sim, door) = cluster(vec![
        in_shop(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "db",
            &json!({"spec": {
            "podSelector": {"matchLabels": {"app": "db"}},
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.244.0.0/16"}}, {"podSelector": {}}]}],
            "egress": [{"to": [{"ipBlock": {"cidr": "192.168.10.0/24"}}]}, {}]}}),
        ),
        in_shop(
            "v1",
            "Service",
            "guard",
            &json!({"spec": {"selector": {"app": "guard"}, "externalIPs": ["203.0.113.9"],
            "ports": [{"port": 443}]}}),
        ),
        named("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "guard", &hooks),
        named(
            "apiregistration.k8s.io/v1",
            "APIService",
            "v1beta1.metrics.k8s.io",
            &json!({"spec": {"service": {"namespace": "kube-system", "name": "metrics-server"}}}),
        ),
        named("apiregistration.k8s.io/v1", "APIService", "v1.apps", &json!({"spec": {}})),
    ])
    .await;
    let snapshot = snapshot(&door).await;
    assert_eq!(snapshot.unknown, []);
    let policy = &snapshot.policies[0];
    assert_eq!((&*policy.namespace, &*policy.name), ("shop", "db"));
    assert_eq!(policy.selector.as_ref().unwrap().labels.len(), 1);
    assert_eq!(policy.blocks, ["10.244.0.0/16", "192.168.10.0/24"].map(|c| c.parse().unwrap()));
    let guard = snapshot.services.iter().find(|s| &*s.name == "guard").unwrap();
    assert_eq!(guard.external_ips, ["203.0.113.9".parse::<std::net::IpAddr>().unwrap()]);
    let webhooks: Vec<_> = snapshot.webhooks.iter().map(|w| (&*w.name, w.fail_closed)).collect();
    assert_eq!(webhooks, [("a.x.io", true), ("c.x.io", false)], "an absent failurePolicy is Fail");
    let apis: Vec<_> = snapshot.api_services.iter().map(|a| (&*a.name, a.available)).collect();
    assert_eq!(apis, [("v1beta1.metrics.k8s.io", false)]);
}

#[tokio::test]
async fn places_that_bind_pods_are_read() {
    let claim = |name: &str| json!({"namespace": "shop", "name": name});
    let mut web = in_shop(
        "v1",
        "Pod",
        "web",
        &json!({"spec": {
        "nodeSelector": {"kubernetes.io/hostname": "worker-1"}, "tolerations": [{"operator": "Exists"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "containers": [{"name": "web", "image": "web:1"}]}}),
    );
    web["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}]}}});
    let term =
        |key: &str| json!({"matchExpressions": [{"key": key, "operator": "In", "values": ["worker-1"]}]});
    let mut by_affinity =
        in_shop("v1", "Pod", "named", &json!({"spec": {"containers": [{"name": "web", "image": "web:1"}]}}));
    by_affinity["spec"]["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [term("kubernetes.io/hostname"), term("kubernetes.io/hostname")]}}});
    let (_sim, door) = cluster(vec![
        named("v1", "Namespace", "shop", &json!({})),
        named(
            "v1",
            "PersistentVolume",
            "here",
            &json!({"spec": {"local": {"path": "/d"}, "claimRef": claim("data")}}),
        ),
        named("v1", "PersistentVolume", "free", &json!({"spec": {"hostPath": {"path": "/d"}}})),
        named("v1", "PersistentVolume", "far", &json!({"spec": {"nfs": {}, "claimRef": claim("far")}})),
        in_shop("v1", "PersistentVolumeClaim", "data", &json!({"spec": {"volumeName": "here"}})),
        web,
        by_affinity,
    ])
    .await;
    let snapshot = snapshot(&door).await;
    let volumes: Vec<_> = snapshot.local_volumes.iter().map(|v| (&*v.name, &*v.claim)).collect();
    assert_eq!(volumes, [("here", "data")]);
    let level =
        |name: &str| snapshot.namespaces.iter().find(|n| &*n.name == name).unwrap().pod_security.as_deref();
    assert_eq!((level("shop"), level("kube-flannel")), (None, Some("privileged")));
    let web = snapshot.pods.iter().find(|pod| &*pod.name == "web").unwrap();
    assert!(web.pinned && web.tolerates_all, "{web:?}");
    assert_eq!(web.claims.len(), 1);
    let dns = snapshot.pods.iter().find(|pod| pod.label("k8s-app") == Some("kube-dns")).unwrap();
    assert!(!dns.pinned && !dns.tolerates_all, "{dns:?}");
    let flannel = snapshot.pods.iter().find(|pod| pod.label("app") == Some("flannel")).unwrap();
    assert!(flannel.tolerates_all, "its toleration is for every taint of NoSchedule: {flannel:?}");
    let named = snapshot.pods.iter().find(|pod| &*pod.name == "named").unwrap();
    assert!(named.pinned && !named.tolerates_all, "every alternative names a node: {named:?}");
    assert_eq!((&*snapshot.nodes[0].os, &*snapshot.nodes[0].provider), ("linux", ""));
}

#[tokio::test]
async fn what_may_not_be_listed_is_unknown_and_stops_nothing() {
    let (sim, door) = cluster(Vec::new()).await;
    let kinds = [
        ("networkpolicies", unread::NETWORK_POLICIES),
        ("services", unread::SERVICES),
        ("mutatingwebhookconfigurations", unread::WEBHOOKS),
        ("apiservices", unread::API_SERVICES),
        ("namespaces", unread::NAMESPACES),
        ("persistentvolumes", unread::VOLUMES),
    ];
    for (plural, _) in kinds {
        sim.deny("list", plural);
    }
    sim.deny("get", "customresourcedefinitions");
    let snapshot = snapshot(&door).await;
    for kind in kinds.iter().map(|(_, kind)| *kind).chain([unread::NODE_CONFIG_CRD]) {
        let why = snapshot.unread(kind).unwrap_or_else(|| panic!("{kind}: {:?}", snapshot.unknown));
        assert!(why.contains("denied") || why.contains("forbidden"), "{kind}: {why}");
    }
    assert_eq!(snapshot.unread(unread::DAEMON_SETS), None);
}
