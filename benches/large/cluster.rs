//! The objects of a large cluster with Flannel, by their numbers: 30 pods a node, 27 of them of Deployments with nine
//! replicas, one pod-network pod and two host-network pods of DaemonSets.

use serde_json::{Value, json};

/// Pods of each node.
pub const PODS_PER_NODE: usize = 30;
/// DaemonSets with their namespace, image and whether they are on the host's network.
const DAEMONS: [(&str, &str, &str, bool); 3] = [
    ("kube-flannel", "kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.28.9", true),
    ("kube-system", "kube-proxy", "registry.k8s.io/kube-proxy:v1.34.2", true),
    ("monitoring", "log-agent", "registry.example.com/obs/log-agent:4.0", false),
];
/// Pods of one Deployment.
const REPLICAS: usize = 9;
/// Deployments in one namespace.
const WORKLOADS: usize = 25;
/// When everything was made.
const MADE: &str = "2026-01-01T00:00:00Z";
/// Version of the API server and of all kubelets.
pub const VERSION: &str = "v1.34.2";

/// A cluster of so many nodes.
#[derive(Clone, Copy)]
pub struct Cluster {
    /// How many.
    pub nodes: usize,
}

/// A list: how many objects it has, and the object of a number.
pub type List = (usize, fn(Cluster, usize) -> Value);

impl Cluster {
    /// The list behind a path, where there is one.
    pub fn list(self, path: &str) -> Option<List> {
        let workloads = self.workloads();
        Some(match path {
            "/api/v1/namespaces" => (workloads.div_ceil(WORKLOADS) + SYSTEM.len(), namespace),
            "/api/v1/nodes" => (self.nodes, node),
            "/api/v1/pods" => (self.nodes * PODS_PER_NODE, pod),
            "/apis/policy/v1/poddisruptionbudgets" => (self.nodes, budget),
            "/api/v1/services" => (2 * self.nodes + 2, service),
            "/apis/networking.k8s.io/v1/networkpolicies" => (self.nodes * 2 / 5, policy),
            "/apis/networking.k8s.io/v1/servicecidrs" => {
                (1, |_, _| json!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["172.20.0.0/16"]}}))
            }
            "/apis/apps/v1/deployments" => (workloads, |_, n| deployment(n)),
            "/apis/apps/v1/replicasets" => (workloads, |_, n| replica_set(n)),
            "/apis/apps/v1/daemonsets" => (DAEMONS.len(), daemon_set),
            _ => return None,
        })
    }

    fn workloads(self) -> usize {
        self.nodes * (PODS_PER_NODE - DAEMONS.len()) / REPLICAS
    }
}

const SYSTEM: [&str; 4] = ["default", "kube-flannel", "kube-system", "monitoring"];

fn namespace(_: Cluster, number: usize) -> Value {
    let name =
        SYSTEM.get(number).map_or_else(|| format!("team-{}", number - SYSTEM.len()), ToString::to_string);
    json!({"metadata": {"name": name, "uid": uid(9, number), "labels": {"kubernetes.io/metadata.name": name}},
        "status": {"phase": "Active"}})
}

fn uid(kind: u8, number: usize) -> String {
    format!("{kind:08x}-7b1c-4d0e-9a6f-{number:012x}")
}

/// Half of a real object is a record of who wrote which field.
fn managed(fields: usize) -> Value {
    let paths: Vec<_> =
        (0..fields).map(|n| json!({format!("f:spec-of-some-field-{n}"): {".": {}, "f:name": {}}})).collect();
    json!([{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
        "time": MADE, "fieldsType": "FieldsV1", "fieldsV1": paths}])
}

/// The first Deployment is the cluster's DNS.
const DNS: usize = 0;

fn team(workload: usize) -> String {
    if workload == DNS { "kube-system".to_owned() } else { format!("team-{}", workload / WORKLOADS) }
}

fn node_name(number: usize) -> String {
    format!("ip-10-0-{}-{}.eu-central-1.compute.internal", number / 250, number % 250)
}

fn address(node: usize) -> String {
    format!("10.0.{}.{}", node / 250, node % 250 + 1)
}

fn node(_: Cluster, number: usize) -> Value {
    let name = node_name(number);
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": "KubeletHasNo", "message":
        "kubelet has something to say about this", "lastHeartbeatTime": MADE})
    };
    let images: Vec<_> = (0..30)
        .map(|n| json!({"names": [format!("registry.example.com/team/application-{n}@sha256:{n:064x}")], "sizeBytes": 123_456_789}))
        .collect();
    let resources = json!({"cpu": "16", "memory": "65Gi", "pods": "110"});
    json!({
        "metadata": {"name": name, "uid": uid(1, number), "managedFields": managed(40), "creationTimestamp": MADE,
            "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "m5.4xlarge", "topology.kubernetes.io/region": "eu-central-1",
                "topology.kubernetes.io/zone": format!("eu-central-1{}", number % 3)},
            "annotations": {"flannel.alpha.coreos.com/backend-type": "vxlan",
                "flannel.alpha.coreos.com/backend-data":
                    format!("{{\"VNI\":1,\"VtepMAC\":\"0e:00:00:00:{:02x}:{:02x}\"}}", number / 256, number % 256),
                "flannel.alpha.coreos.com/public-ip": address(number),
                "volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
        "spec": {"podCIDR": cidr(number), "podCIDRs": [cidr(number)],
            "providerID": format!("aws:///eu-central-1a/i-{number:017x}")},
        "status": {"capacity": resources, "allocatable": resources, "images": images,
            "addresses": [{"type": "InternalIP", "address": address(number)}],
            "conditions": [condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True")],
            "nodeInfo": {"bootID": uid(2, number), "kernelVersion": "6.8.0-45-generic", "osImage": "Ubuntu 24.04 LTS",
                "operatingSystem": "linux", "architecture": "amd64", "kubeletVersion": VERSION}},
    })
}

fn cidr(node: usize) -> String {
    format!("10.{}.{}.0/24", 64 + node / 256, node % 256)
}

/// First the pods of the Deployments, one after the other on consecutive nodes; then those of the DaemonSets.
fn pod(cluster: Cluster, number: usize) -> Value {
    let (node, place) = (number % cluster.nodes, number / cluster.nodes);
    match place.checked_sub(PODS_PER_NODE - DAEMONS.len()) {
        Some(daemon) => daemon_pod(number, node, place, daemon),
        None => replica(number, node, place),
    }
}

fn replica(number: usize, node: usize, place: usize) -> Value {
    let workload = number / REPLICAS;
    let set = set_name(workload);
    let template = template(workload, true);
    let mut metadata = json!({"namespace": team(workload), "name": format!("{set}-{number:05x}"),
        "uid": uid(3, number), "creationTimestamp": MADE, "generateName": format!("{set}-"),
        "resourceVersion": "123456789", "managedFields": managed(40),
        "annotations": {"checksum/config": format!("{number:064x}")},
        "ownerReferences": [owner("ReplicaSet", &set, &uid(4, workload))]});
    metadata["labels"] = template["metadata"]["labels"].clone();
    running(&metadata, template["spec"].clone(), node, &ip(node, place), number)
}

fn daemon_pod(number: usize, node: usize, place: usize, daemon: usize) -> Value {
    let (namespace, name, _, on_host) = DAEMONS[daemon];
    let mut labels = daemon_labels(daemon);
    labels["controller-revision-hash"] = json!("6c9f7d8b5");
    let metadata = json!({"namespace": namespace, "name": format!("{name}-{node:05x}"), "uid": uid(3, number),
        "creationTimestamp": MADE, "managedFields": managed(40), "labels": labels,
        "ownerReferences": [owner("DaemonSet", name, &uid(6, daemon))]});
    let address = if on_host { address(node) } else { ip(node, place) };
    running(&metadata, daemon_spec(daemon), node, &address, number)
}

fn running(metadata: &Value, mut spec: Value, node: usize, ip: &str, number: usize) -> Value {
    spec["nodeName"] = json!(node_name(node));
    let name = spec["containers"][0]["name"].clone();
    json!({
        "metadata": metadata, "spec": spec,
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "hostIP": address(node), "startTime": MADE,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": MADE}],
            "containerStatuses": [{"name": name, "ready": true, "restartCount": 0,
                "imageID": format!("sha256:{number:064x}"), "containerID": format!("containerd://{number:064x}"),
                "state": {"running": {"startedAt": MADE}}}]},
    })
}

fn owner(kind: &str, name: &str, uid: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true,
        "blockOwnerDeletion": true})
}

fn name_of(workload: usize) -> String {
    if workload == DNS { "coredns".to_owned() } else { format!("application-{workload}") }
}

fn hash(workload: usize) -> String {
    format!("{workload:010x}")
}

fn set_name(workload: usize) -> String {
    format!("{}-{}", name_of(workload), hash(workload))
}

fn selector(workload: usize) -> Value {
    if workload == DNS {
        return json!({"k8s-app": "kube-dns"});
    }
    json!({"app.kubernetes.io/name": name_of(workload)})
}

/// The template of a Deployment, or with the hash that its ReplicaSet has.
fn template(workload: usize, is_hashed: bool) -> Value {
    let mut labels = selector(workload);
    labels["app.kubernetes.io/managed-by"] = json!("Helm");
    if is_hashed {
        labels["pod-template-hash"] = json!(hash(workload));
    }
    let variables: Vec<_> = (0..25)
        .map(|n| json!({"name": format!("SETTING_{n}"), "value": "some value of the application"}))
        .collect();
    let port = if workload == DNS { 53 } else { 8080 };
    let toleration = |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    json!({
        "metadata": {"labels": labels},
        "spec": {"serviceAccountName": "default", "terminationGracePeriodSeconds": 30, "restartPolicy": "Always",
            "tolerations": [toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")],
            "volumes": [{"name": "token", "projected": {"sources": []}},
                {"name": "config", "configMap": {"name": "config"}}],
            "containers": [{"name": "main", "image": format!("registry.example.com/team/application-{}:v1", workload % 30),
                "env": variables, "ports": [{"containerPort": port}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]},
    })
}

fn status() -> Value {
    json!({"replicas": REPLICAS, "readyReplicas": REPLICAS, "availableReplicas": REPLICAS,
        "updatedReplicas": REPLICAS, "observedGeneration": 1})
}

fn deployment(workload: usize) -> Value {
    json!({
        "metadata": {"namespace": team(workload), "name": name_of(workload), "uid": uid(5, workload), "generation": 1,
            "creationTimestamp": MADE, "managedFields": managed(20), "labels": selector(workload),
            "annotations": {"deployment.kubernetes.io/revision": "1"}},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": selector(workload)},
            "template": template(workload, false)},
        "status": status(),
    })
}

fn replica_set(workload: usize) -> Value {
    let labels = template(workload, true)["metadata"]["labels"].clone();
    json!({
        "metadata": {"namespace": team(workload), "name": set_name(workload), "uid": uid(4, workload), "generation": 1,
            "creationTimestamp": MADE, "managedFields": managed(20), "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [owner("Deployment", &name_of(workload), &uid(5, workload))]},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template(workload, true)},
        "status": status(),
    })
}

fn ip(node: usize, place: usize) -> String {
    format!("10.{}.{}.{}", 64 + node / 256, node % 256, place + 2)
}

/// Of every third Deployment.
fn budget(_: Cluster, number: usize) -> Value {
    let workload = 3 * number;
    json!({"metadata": {"namespace": team(workload), "name": name_of(workload), "uid": uid(7, number), "generation": 1},
        "spec": {"selector": {"matchLabels": selector(workload)}, "minAvailable": REPLICAS - 2},
        "status": {"disruptionsAllowed": 2, "currentHealthy": REPLICAS, "desiredHealthy": REPLICAS - 2,
            "expectedPods": REPLICAS, "observedGeneration": 1}})
}

/// The API server's own, that of DNS, and those of the first Deployments.
fn service(cluster: Cluster, number: usize) -> Value {
    let ip = format!("172.20.{}.{}", number / 250, number % 250 + 1);
    let (namespace, name) = match 2 * cluster.nodes {
        own if number == own => ("default".to_owned(), "kubernetes".to_owned()),
        own if number == own + 1 => ("kube-system".to_owned(), "kube-dns".to_owned()),
        _ => (team(number), name_of(number)),
    };
    let port = match name.as_str() {
        "kubernetes" => 443,
        "kube-dns" => 53,
        _ => 80,
    };
    let mut service = json!({
        "metadata": {"namespace": namespace, "name": name, "uid": uid(8, number), "managedFields": managed(10)},
        "spec": {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"port": port, "protocol": "TCP"}]},
        "status": {"loadBalancer": {}}});
    if name != "kubernetes" {
        service["spec"]["selector"] = selector(if name == "kube-dns" { DNS } else { number });
    }
    service
}

fn policy(_: Cluster, number: usize) -> Value {
    json!({"metadata": {"namespace": team(number), "name": format!("allow-{number}"), "managedFields": managed(10)},
        "spec": {"podSelector": {"matchLabels": selector(number)}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]}})
}

fn daemon_labels(daemon: usize) -> Value {
    let name = DAEMONS[daemon].1;
    if name == "kube-flannel-ds" {
        json!({"app": "flannel", "k8s-app": "flannel"})
    } else {
        json!({"k8s-app": name})
    }
}

fn daemon_spec(daemon: usize) -> Value {
    let (_, name, image, on_host) = DAEMONS[daemon];
    // By its name the embedded cluster knows Flannel's container.
    let container = if name == "kube-flannel-ds" { "kube-flannel" } else { "main" };
    let mut container = json!({"name": container, "image": image,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}});
    if name == "kube-flannel-ds" {
        container["command"] = json!(["/opt/bin/flanneld"]);
        container["args"] = json!(["--ip-masq", "--kube-subnet-mgr"]);
    }
    json!({"hostNetwork": on_host, "tolerations": [{"operator": "Exists"}], "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30, "containers": [container]})
}

fn daemon_set(cluster: Cluster, daemon: usize) -> Value {
    let (namespace, name, ..) = DAEMONS[daemon];
    let labels = daemon_labels(daemon);
    let nodes = cluster.nodes;
    json!({
        "metadata": {"namespace": namespace, "name": name, "uid": uid(6, daemon), "generation": 1, "labels": labels},
        "spec": {"selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": daemon_spec(daemon)}},
        "status": {"desiredNumberScheduled": nodes, "currentNumberScheduled": nodes, "numberReady": nodes,
            "numberAvailable": nodes, "updatedNumberScheduled": nodes, "numberMisscheduled": 0,
            "observedGeneration": 1},
    })
}

/// Flannel's configuration.
pub fn config() -> Value {
    let net_conf = r#"{"Network":"10.64.0.0/10","EnableNFTables":false,"Backend":{"Type":"vxlan"}}"#;
    let cni = json!({"name": "cbr0", "cniVersion": "0.3.1", "plugins": [
        {"type": "flannel", "delegate": {"hairpinMode": true, "isDefaultGateway": true}},
        {"type": "portmap", "capabilities": {"portMappings": true}}]});
    json!({"metadata": {"namespace": "kube-flannel", "name": "kube-flannel-cfg", "uid": uid(10, 0)},
        "data": {"net-conf.json": net_conf, "cni-conf.json": cni.to_string()}})
}
