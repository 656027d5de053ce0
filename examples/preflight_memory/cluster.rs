//! An API server that invents a large cluster with Flannel, page by page, and counts what it sends.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

const NODES: usize = 5_000;
const PODS: usize = 150_000;
const BUDGETS: usize = 5_000;
const SERVICES: usize = 10_000;
const POLICIES: usize = 2_000;
/// Pods of one workload.
const REPLICAS: usize = 10;
/// Workloads in one namespace.
const WORKLOADS: usize = 25;
/// Objects in a page; the client asks for as many.
const PAGE: usize = 500;

static SENT: AtomicU64 = AtomicU64::new(0);

/// Tells its address and serves until it is killed.
pub(super) fn serve() -> std::io::Result<ExitCode> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // A client that goes away ends its connection only.
        std::thread::spawn(move || answer_all(&stream).ok());
    }
    Ok(ExitCode::SUCCESS)
}

fn answer_all(stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut out = stream;
    while let Some(request) = lines.next() {
        let request = request?;
        for header in lines.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (code, body) = answer(path).map_or_else(
            || {
                (
                    404,
                    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
                "message": "not there", "code": 404}),
                )
            },
            |body| (200, body),
        );
        let body = body.to_string();
        SENT.fetch_add(body.len() as u64, Ordering::Relaxed);
        write!(
            out,
            "HTTP/1.1 {code} OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
    Ok(())
}

fn answer(path: &str) -> Option<Value> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let number = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.parse::<usize>().ok());
    let from = number("continue=").unwrap_or(0);
    Some(match path {
        "/version" => json!({"major": "1", "minor": "34", "gitVersion": "v1.34.2"}),
        "/apis" => json!({"groups": []}),
        "/bytes" => json!({"bytes": SENT.load(Ordering::Relaxed)}),
        "/api/v1/namespaces/kube-system" => json!({"metadata": {"name": "kube-system", "uid": "cluster"}}),
        "/api/v1/nodes" => page(from, NODES, node),
        "/api/v1/pods" => page(from, PODS, pod),
        "/apis/policy/v1/poddisruptionbudgets" => page(from, BUDGETS, budget),
        "/api/v1/services" => page(from, SERVICES, service),
        "/apis/networking.k8s.io/v1/networkpolicies" => page(from, POLICIES, policy),
        "/apis/apps/v1/deployments" => page(from, PODS / REPLICAS, |number| owner(number, "")),
        "/apis/apps/v1/replicasets" => {
            page(from, PODS / REPLICAS, |number| owner(number, &format!("-{number:010x}")))
        }
        "/apis/apps/v1/daemonsets" => page(from, 1, daemon_set),
        "/api/v1/configmaps" if query.contains("kube-flannel-cfg") => page(from, 1, config),
        _ => return None,
    })
}

fn page(from: usize, all: usize, one: fn(usize) -> Value) -> Value {
    let to = (from + PAGE).min(all);
    let token = if to < all { to.to_string() } else { String::new() };
    json!({"metadata": {"continue": token}, "items": (from..to).map(one).collect::<Vec<_>>()})
}

fn uid(kind: u8, number: usize) -> String {
    format!("{kind:08x}-7b1c-4d0e-9a6f-{number:012x}")
}

/// Half of a real object is a record of who wrote which field.
fn managed(fields: usize) -> Value {
    let paths: Vec<_> =
        (0..fields).map(|n| json!({format!("f:spec-of-some-field-{n}"): {".": {}, "f:name": {}}})).collect();
    json!([{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": paths}])
}

fn namespace(workload: usize) -> String {
    format!("team-{}", workload / WORKLOADS)
}

fn node_name(number: usize) -> String {
    format!("ip-10-0-{}-{}.eu-central-1.compute.internal", number / 250, number % 250)
}

fn node(number: usize) -> Value {
    let name = node_name(number);
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": "KubeletHasNo", "message":
        "kubelet has something to say about this", "lastHeartbeatTime": "2026-01-01T00:00:00Z"})
    };
    let images: Vec<_> = (0..30)
        .map(|n| json!({"names": [format!("registry.example.com/team/application-{n}@sha256:{n:064x}")], "sizeBytes": 123_456_789}))
        .collect();
    json!({
        "metadata": {"name": name, "uid": uid(1, number), "managedFields": managed(40), "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            "node.kubernetes.io/instance-type": "m5.4xlarge", "topology.kubernetes.io/region": "eu-central-1",
            "topology.kubernetes.io/zone": format!("eu-central-1{}", number % 3)},
            "annotations": {"flannel.alpha.coreos.com/backend-type": "vxlan",
                "flannel.alpha.coreos.com/backend-data": format!("{{\"VNI\":1,\"VtepMAC\":\"0e:00:00:00:{:02x}:{:02x}\"}}", number / 256, number % 256),
                "flannel.alpha.coreos.com/public-ip": format!("10.0.{}.{}", number / 250, number % 250),
                "volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
        "spec": {"podCIDR": cidr(number), "podCIDRs": [cidr(number)], "providerID": format!("aws:///eu-central-1a/i-{number:017x}")},
        "status": {"capacity": {"cpu": "16", "memory": "65Gi", "pods": "110"}, "images": images,
            "addresses": [{"type": "InternalIP", "address": format!("10.0.{}.{}", number / 250, number % 250)}],
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True")],
            "nodeInfo": {"bootID": uid(2, number), "kernelVersion": "6.8.0-45-generic", "osImage": "Ubuntu 24.04 LTS",
                "operatingSystem": "linux", "architecture": "amd64", "kubeletVersion": "v1.34.2"}},
    })
}

fn cidr(node: usize) -> String {
    format!("10.{}.{}.0/24", 64 + node / 256, node % 256)
}

fn pod(number: usize) -> Value {
    let workload = number / REPLICAS;
    let (node, place) = (number % NODES, number / NODES);
    let app = format!("application-{workload}");
    let set = format!("{app}-{workload:010x}");
    let variables: Vec<_> = (0..25)
        .map(|n| json!({"name": format!("SETTING_{n}"), "value": "some value of the application"}))
        .collect();
    json!({
        "metadata": {"namespace": namespace(workload), "name": format!("{set}-{number:05x}"), "uid": uid(3, number),
            "creationTimestamp": "2026-01-01T00:00:00Z", "generateName": format!("{set}-"), "resourceVersion": "123456789",
            "managedFields": managed(40), "annotations": {"checksum/config": format!("{number:064x}")},
            "labels": {"app.kubernetes.io/name": app, "app.kubernetes.io/managed-by": "Helm",
                "pod-template-hash": format!("{workload:010x}")},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": set, "uid": uid(4, workload),
                "controller": true, "blockOwnerDeletion": true}]},
        "spec": {"nodeName": node_name(node), "serviceAccountName": "default", "terminationGracePeriodSeconds": 30,
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
            "volumes": [{"name": "token", "projected": {"sources": []}}, {"name": "config", "configMap": {"name": "config"}}],
            "containers": [{"name": "main", "image": "registry.example.com/team/application:v1", "env": variables,
                "ports": [{"containerPort": 8080}], "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]},
        "status": {"phase": "Running", "podIP": ip(node, place), "podIPs": [{"ip": ip(node, place)}],
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "containerStatuses": [{"name": "main", "ready": true, "restartCount": 0, "imageID": format!("sha256:{workload:064x}"),
                "containerID": format!("containerd://{number:064x}"), "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]},
    })
}

/// A Deployment or its ReplicaSet, by the end of the name.
fn owner(workload: usize, end: &str) -> Value {
    let pod = pod(workload * REPLICAS);
    json!({
        "metadata": {"namespace": namespace(workload), "name": format!("application-{workload}{end}"), "uid": uid(4, workload),
            "generation": 1, "managedFields": managed(20), "labels": selector(workload)},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": selector(workload)},
            "template": {"metadata": {"labels": pod["metadata"]["labels"]}, "spec": pod["spec"]}},
        "status": {"replicas": REPLICAS, "readyReplicas": REPLICAS, "availableReplicas": REPLICAS, "observedGeneration": 1},
    })
}

fn ip(node: usize, place: usize) -> String {
    format!("10.{}.{}.{}", 64 + node / 256, node % 256, place + 2)
}

fn selector(workload: usize) -> Value {
    json!({"app.kubernetes.io/name": format!("application-{workload}")})
}

fn budget(workload: usize) -> Value {
    json!({"metadata": {"namespace": namespace(workload), "name": format!("application-{workload}"), "generation": 1},
        "spec": {"selector": {"matchLabels": selector(workload)}, "minAvailable": 8},
        "status": {"disruptionsAllowed": 2, "currentHealthy": 10, "desiredHealthy": 8, "expectedPods": 10,
            "observedGeneration": 1}})
}

fn service(workload: usize) -> Value {
    json!({"metadata": {"namespace": namespace(workload), "name": format!("application-{workload}"), "managedFields": managed(10)},
        "spec": {"clusterIP": "10.96.0.1", "selector": selector(workload), "ports": [{"port": 80}]}, "status": {"loadBalancer": {}}})
}

fn policy(workload: usize) -> Value {
    json!({"metadata": {"namespace": namespace(workload), "name": "allow", "managedFields": managed(10)},
        "spec": {"podSelector": {"matchLabels": selector(workload)}, "ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]}})
}

fn daemon_set(_: usize) -> Value {
    json!({"metadata": {"namespace": "kube-flannel", "name": "kube-flannel-ds", "uid": uid(5, 0)},
        "spec": {"template": {"spec": {"containers": [{"image": "ghcr.io/flannel-io/flannel:v0.28.9", "command": ["/opt/bin/flanneld"]}]}}}})
}

fn config(_: usize) -> Value {
    let net_conf = r#"{"Network":"10.64.0.0/10","Backend":{"Type":"vxlan"}}"#;
    json!({"metadata": {"namespace": "kube-flannel", "name": "kube-flannel-cfg"}, "data": {"net-conf.json": net_conf}})
}
