//! `snapshot`: what is in the file, and what never is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use std::fs::{self, File};

use cni_migrate::sim::{Builder, Sim, Workload};
use cni_migrate::snapshot::{Answer, Header, read};
use serde_json::{Value, json};
use support::{Env, Output};

/// What must never be in a file.
const CANARY: &str = "C4N4RY";

fn shop() -> Env {
    Env::new(Sim::builder().nodes(2).workloads([Workload::deployment("shop", "web", 2)]))
}

fn take(env: &Env, args: &[&str]) -> (Output, Header, Vec<Value>) {
    let output = env.run(&[&["snapshot", "-o", "c.gz"], args].concat());
    assert_eq!(output.code, Some(0), "{output}");
    let (header, objects) = read("c.gz", File::open(env.home().join("c.gz")).unwrap()).unwrap();
    (output, header, objects.map(Result::unwrap).collect())
}

fn of<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|o| o["kind"] == kind).collect()
}

#[test]
fn everything_that_a_plan_depends_on_is_in_the_file_and_nothing_is_written() {
    let env = shop();
    env.sim.clear_log();
    let (output, header, objects) = take(&env, &[]);
    assert_eq!(env.writes(), Vec::<String>::new());
    assert!(env.sim.log().iter().all(|entry| entry.resource != "secrets"), "a Secret was asked for");
    let all_config_maps = |e: &cni_migrate::sim::Entry| e.resource == "configmaps" && e.verb == "list";
    assert!(env.sim.log().iter().filter(|e| all_config_maps(e)).all(|e| e.query.contains("metadata.name")));
    assert_eq!((header.cluster.as_str(), header.host.as_str()), ("sim", "127.0.0.1"));
    assert_eq!((&header.helm, &header.release), (&Answer::Is("3.18.0".to_owned()), &Answer::Is(None)));
    assert_eq!(header.refused, []);
    for (kind, wanted) in [
        ("Node", 2),
        ("DaemonSet", 2),
        ("Deployment", 2),
        ("Namespace", env.sim.list("v1", "Namespace").len()),
        ("Pod", env.sim.list("v1", "Pod").len()),
        ("ConfigMap", 2),
        ("ClusterRole", 1),
    ] {
        assert_eq!(of(&objects, kind).len(), wanted, "{kind}");
    }
    assert!(output.stdout.is_empty() && output.stderr.starts_with("c.gz: "), "{output}");
    assert!(output.stderr.contains(" a pod"), "{output}");
    let size = fs::metadata(env.home().join("c.gz")).unwrap().len();
    assert!(output.stderr.contains(&format!("{size} bytes")), "{output}");
}

#[test]
fn the_file_has_a_name_of_its_own_or_goes_to_standard_output() {
    let env = shop();
    let output = env.run(&["snapshot"]);
    assert_eq!(output.code, Some(0), "{output}");
    let names: Vec<String> = fs::read_dir(env.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("cluster-sim-20") && name.ends_with(".snapshot.gz"))
        .collect();
    assert_eq!(names.len(), 1, "{output}");
    assert!(output.stderr.starts_with(&names[0]), "{output}");
    // Text of the test's Output is lossy; that there is a gzip file is enough.
    let piped = env.run(&["snapshot", "-o", "-"]);
    assert!(piped.stdout.starts_with('\u{1f}') && piped.stderr.starts_with("standard output: "), "{piped}");
    let nowhere = env.run(&["snapshot", "-o", "absent/c.gz"]);
    assert_eq!(nowhere.code, Some(3), "{nowhere}");
    assert!(nowhere.stderr.contains("absent/c.gz could not be written"), "{nowhere}");
}

/// Secrets wherever people put them.
fn planted() -> Vec<Value> {
    let meta = |name: &str| {
        json!({"namespace": "shop", "name": name, "annotations": {"acme.example/token": CANARY,
            "kubectl.kubernetes.io/last-applied-configuration": CANARY}})
    };
    let pod = json!({
        "containers": [{"name": "main", "image": "main:1", "command": ["run", CANARY], "args": ["--token", CANARY],
            "env": [{"name": "TOKEN", "value": CANARY}], "livenessProbe": {"exec": {"command": [CANARY]}},
            "lifecycle": {"preStop": {"exec": {"command": [CANARY]}}}}],
        "initContainers": [{"name": "first", "image": "first:1", "command": [CANARY]}],
        "volumes": [{"name": "v", "csi": {"driver": "d", "volumeAttributes": {"password": CANARY}}},
            {"name": "h", "hostPath": {"path": CANARY}}],
        "imagePullSecrets": [{"name": CANARY}],
    });
    let template =
        json!({"metadata": {"labels": {"app": "planted"}, "annotations": {"a": CANARY}}, "spec": pod});
    let spec = |more: Value| {
        let mut spec = json!({"selector": {"matchLabels": {"app": "planted"}}, "template": template});
        json_patch::merge(&mut spec, &more);
        spec
    };
    let config = |namespace: &str, name: &str, key: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name},
            "data": {key: CANARY}})
    };
    vec![
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("d"), "spec": spec(json!({"replicas": 1}))}),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("s"), "spec": spec(json!({}))}),
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("t"),
            "spec": spec(json!({"replicas": 1, "serviceName": "t"}))}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta("alone"), "spec": pod}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("secret"), "data": {"a": CANARY}}),
        config("shop", "settings", "password"),
        config("kube-system", "kubeadm-config", "ClusterConfiguration"),
        config("kube-system", "cilium-config", "kvstore-password"),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("svc"), "spec": {"externalName": CANARY,
            "ports": [{"port": 80}]}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv"}, "spec": {
            "csi": {"driver": "d", "volumeHandle": CANARY, "volumeAttributes": {"key": CANARY}}}}),
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "hook"}, "webhooks": [{"name": "h.example", "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": format!("https://x/?token={CANARY}"), "caBundle": CANARY}}]}),
    ]
}

#[test]
fn no_secret_gets_into_the_file_wherever_it_was_written() {
    let env = Env::new(planted().into_iter().fold(Sim::builder().nodes(2), Builder::object));
    env.sim
        .patch(&json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-1",
            "annotations": {"acme.example/password": CANARY}}, "spec": {"providerID": format!("aws:///{CANARY}")}}))
        .unwrap();
    env.sim
        .patch(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-proxy",
            "namespace": "kube-system"}, "data": {"kubeconfig.conf": CANARY, "config.conf": format!("token: {CANARY}")}}))
        .unwrap();
    let (_, header, objects) = take(&env, &[]);
    assert!(of(&objects, "DaemonSet").len() == 3 && of(&objects, "StatefulSet").len() == 1, "all were read");
    for object in &objects {
        assert!(!object.to_string().contains(CANARY), "{object:#}");
    }
    assert!(!serde_json::to_string(&header).unwrap().contains(CANARY));
    assert_eq!(of(&objects, "Secret"), Vec::<&Value>::new());
    assert!(objects.iter().all(|o| o["metadata"]["name"] != "settings"), "a ConfigMap that nobody asked for");
}

#[test]
fn what_could_not_be_read_is_told_and_noted() {
    let env = shop();
    env.sim.deny("list", "deployments");
    env.sim.deny("list", "services");
    let (output, header, objects) = take(&env, &[]);
    let paths: Vec<_> = header.refused.iter().map(|r| (r.path.as_str(), r.failure.code)).collect();
    assert_eq!(paths, [("/apis/apps/v1/deployments", Some(403)), ("/api/v1/services", Some(403))]);
    assert!(
        output.stderr.contains("Warning: /api/v1/services is not in it: services is forbidden"),
        "{output}"
    );
    assert!(of(&objects, "Service").is_empty() && !of(&objects, "Pod").is_empty());
    env.sim.deny("list", "pods");
    let output = env.run(&["snapshot", "-o", "none.gz"]);
    assert_eq!(output.code, Some(3), "{output}");
    assert!(output.stderr.contains("listing /api/v1/pods: not allowed"), "{output}");
    assert!(!env.home().join("none.gz").exists());
}

#[test]
fn names_are_disguised_on_demand() {
    let env = shop();
    let (_, header, objects) = take(&env, &["--anonymise"]);
    assert!(header.anonymised);
    let text = json!(objects).to_string() + &serde_json::to_string(&header).unwrap();
    for name in ["shop", "worker-1", "cp-1", "\"web", "\"sim\""] {
        assert!(!text.contains(name), "{name}");
    }
    let names: Vec<_> = of(&objects, "Node").iter().map(|n| n["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["node-00001", "node-00002"]);
    assert!(of(&objects, "DaemonSet").iter().any(|d| d["metadata"]["name"] == "kube-flannel-ds"), "{text}");
}
