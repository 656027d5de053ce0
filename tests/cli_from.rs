//! `--from`: a snapshot gives the answer that the cluster gave when it was taken, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use std::fs::File;

use cni_migrate::sim::{Builder, HelmFault, Sim, Workload};
use cni_migrate::snapshot::{Body, Header, Part, read, write};
use jiff::SignedDuration;
use serde_json::{Value, json};
use support::{Env, Output};

const WRITE: [&str; 5] = ["--yes=sim", "--timeout=60s", "--drain-timeout=60s", "--probe-image", "probe:test"];

/// Every verb that looks, in the formats for people and for machines.
const LOOKS: [&[&str]; 10] = [
    &["preflight"],
    &["preflight", "-o", "json"],
    &["preflight", "-o", "markdown", "--target-pod-cidr=10.244.0.0/16"],
    &["plan"],
    &["plan", "-o", "json"],
    &["plan", "-o", "markdown"],
    &["status"],
    &["status", "-o", "json"],
    &["values-diff"],
    &["values-diff", "-o", "json", "--hubble"],
];

fn said(output: &Output) -> (Option<i32>, &str, &str) {
    (output.code, &output.stdout, &output.stderr)
}

/// Takes a snapshot, and compares what is said of it with what is said of the cluster.
fn same(env: &Env) {
    let taken = env.run(&["snapshot", "-o", "c.gz"]);
    assert_eq!(taken.code, Some(0), "{taken}");
    env.sim.clear_log();
    let replayed: Vec<Output> =
        LOOKS.iter().map(|args| env.run(&[args, &["--from", "c.gz"][..]].concat())).collect();
    assert!(env.sim.log().is_empty(), "a snapshot was asked for, and not the cluster");
    for (args, replayed) in LOOKS.iter().zip(&replayed) {
        let live = env.run(args);
        assert_eq!(said(replayed), said(&live), "{args:?}\n-- live\n{live}\n-- replayed\n{replayed}");
    }
}

fn shop() -> Builder {
    Sim::builder()
        .nodes(3)
        .workloads([Workload::deployment("shop", "web", 2), Workload::stateful_set("shop", "db", 2)])
}

#[test]
fn of_a_fresh_cluster() {
    same(&Env::new(shop()));
}

#[test]
fn of_a_cluster_halfway() {
    let env = Env::new(shop());
    let install = env.run(&["install", "--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(install.code, Some(0), "{install}");
    let node = env.run(&[&["node", "worker-1"], &WRITE[..]].concat());
    assert_eq!(node.code, Some(0), "{node}");
    // At each look a step is so many seconds older; one of long ago is so many hours old at all of them.
    let begun = env.sim.now() - SignedDuration::from_mins(150);
    for (name, steps) in
        [("cni-migrate-journal", "/steps"), ("cni-migrate-journal-001", "/nodes/worker-1/steps")]
    {
        let document = env.sim.get("v1", "ConfigMap", "kube-system", name).unwrap();
        let mut record: Value = serde_json::from_str(document["data"]["record"].as_str().unwrap()).unwrap();
        for step in record.pointer_mut(steps).unwrap().as_object_mut().unwrap().values_mut() {
            step["at"] = json!(begun.to_string());
        }
        env.sim
            .patch(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": document["metadata"],
                "data": {"record": record.to_string()}}))
            .unwrap();
    }
    same(&env);
    // Of an old file the steps do not grow older.
    let (header, objects) = read("c.gz", File::open(env.home().join("c.gz")).unwrap()).unwrap();
    let (mut part, mut body) = (Part::default(), Body::default());
    for object in objects {
        part.push(&object.unwrap());
    }
    body.add(part);
    let taken_at = begun + SignedDuration::from_mins(5);
    write(&Header { taken_at, ..header }, &body, &mut File::create(env.home().join("old.gz")).unwrap())
        .unwrap();
    let status = env.run(&["status", "--from", "old.gz"]);
    let line = status.stdout.lines().find(|line| line.starts_with("worker-1")).unwrap();
    assert!(line.contains(" 5m "), "{status}");
}

#[test]
fn of_a_cluster_with_awkward_things() {
    let meta = |name: &str| json!({"namespace": "shop", "name": name});
    let objects = [
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta("stuck"),
            "spec": {"minAvailable": "100%", "selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}}),
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta("double"),
            "spec": {"maxUnavailable": 1, "selector": {}}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("allow"),
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"ipBlock": {"cidr": "10.244.0.0/16"}}]}]}}),
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "hook"}, "webhooks": [{"name": "hook.example", "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "shop", "name": "absent"}}}]}),
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.metrics.example"},
            "spec": {"group": "metrics.example", "version": "v1", "service": {"namespace": "shop", "name": "absent"}}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta("awkward"), "spec": {
            "nodeSelector": {"kubernetes.io/hostname": "worker-1"}, "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "main", "image": "main:1", "ports": [{"containerPort": 80, "hostPort": 8080}]}],
            "volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory"}}]}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": {
            "local": {"path": "/disk"}, "claimRef": {"namespace": "shop", "name": "disk"}}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "kubeadm-config"},
            "data": {"ClusterConfiguration": "networking: {}"}}),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("multus"), "spec": {
            "selector": {"matchLabels": {"app": "multus"}}, "template": {"metadata": {"labels": {"app": "multus"}},
                "spec": {"containers": [{"name": "m", "image": "multus-cni:v4", "command": ["/thin"]}]}}}}),
    ];
    let env = Env::new(objects.into_iter().fold(shop(), Builder::object));
    env.sim
        .patch(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-2"}, "spec": {
            "unschedulable": true, "providerID": "kind://docker/x/y"}}))
        .unwrap();
    same(&env);
}

#[test]
fn of_a_cluster_with_cilium_on_it() {
    let env = Env::new(shop());
    let install = env.run(&["install", "--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(install.code, Some(0), "{install}");
    env.sim
        .create(&json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNodeConfig",
            "metadata": {"namespace": "kube-system", "name": "other"},
            "spec": {"nodeSelector": {"matchLabels": {"a": "b"}}, "defaults": {"debug": "true"}}}))
        .unwrap();
    same(&env);
}

#[test]
fn where_rights_are_missing() {
    let env = Env::new(shop());
    for (verb, resource) in
        [("list", "services"), ("list", "configmaps"), ("get", "serviceaccounts"), ("delete", "nodes")]
    {
        env.sim.deny(verb, resource);
    }
    same(&env);
}

#[test]
fn where_there_is_no_helm_or_one_that_fails() {
    let env = Env::new(shop());
    std::fs::remove_file(env.home().join("bin/helm")).unwrap();
    same(&env);
    let env = Env::new(shop());
    env.sim.helm_fault(HelmFault::Refuse("broken".into()));
    same(&env);
}

#[test]
fn a_snapshot_of_disguised_names_has_the_same_findings() {
    let env = Env::new(shop());
    let ids = |args: &[&str]| {
        let output = env.run(&[&["preflight", "-o", "json"], args].concat());
        let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output}"));
        let findings = report["findings"].as_array().unwrap().iter();
        (output.code, findings.map(|f| (f["id"].clone(), f["result"].clone())).collect::<Vec<_>>())
    };
    let taken = env.run(&["snapshot", "-o", "c.gz", "--anonymise"]);
    assert_eq!(taken.code, Some(0), "{taken}");
    assert_eq!(ids(&["--from", "c.gz"]), ids(&[]));
}

#[test]
fn a_file_that_is_none_is_refused_in_one_line() {
    let env = Env::new(Sim::builder().nodes(1));
    env.write("plain.txt", "nodes: 3\n");
    for (file, words) in [
        ("absent.gz", "snapshot absent.gz could not be read: No such file"),
        ("plain.txt", "snapshot plain.txt, line 1: is not gzip"),
    ] {
        let output = env.run(&["plan", "--from", file]);
        assert_eq!(output.code, Some(2), "{output}");
        assert!(output.stderr.starts_with(&format!("error: {words}")), "{output}");
    }
    let taken = env.run(&["snapshot", "-o", "c.gz"]);
    assert_eq!(taken.code, Some(0), "{taken}");
    let other = env.run(&["preflight", "--from", "c.gz", "--release", "other", "-o", "json"]);
    assert!(other.stdout.contains("the snapshot was taken with release kube-system/cilium"), "{other}");
    let write = env.run(&["install", "--from", "c.gz"]);
    assert_eq!(write.code, Some(2), "{write}");
    let manifests = env.run(&["values-diff", "--manifests", "--from", "c.gz"]);
    assert_eq!(manifests.code, Some(2), "{manifests}");
}

#[test]
fn a_migration_that_was_begun_is_rehearsed_to_its_end() {
    let env = Env::new(shop());
    let install = env.run(&["install", "--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(install.code, Some(0), "{install}");
    let node = env.run(&[&["node", "worker-1"], &WRITE[..]].concat());
    assert_eq!(node.code, Some(0), "{node}");
    let taken = env.run(&["snapshot", "-o", "c.gz"]);
    assert_eq!(taken.code, Some(0), "{taken}");
    let rehearsed = env.run(&["rehearse", "--from", "c.gz", "--seeds", "1", "-o", "json"]);
    assert_eq!(rehearsed.code, Some(0), "{rehearsed}");
    let answer: Value = serde_json::from_str(&rehearsed.stdout).unwrap();
    let writes = answer["writes"].as_array().unwrap();
    let of_helm: Vec<&Value> = writes.iter().filter(|w| w["resource"] == "helm").collect();
    assert_eq!(
        of_helm,
        [&json!({"verb": "create", "resource": "helm", "name": "cilium"})],
        "the final values"
    );
    let evicted =
        |node: &str| writes.iter().filter(|w| w["resource"] == "pods/eviction" && w["node"] == node).count();
    assert_eq!((evicted("worker-1"), evicted("worker-2") > 0), (0, true), "worker-1 is done: {rehearsed}");
}
