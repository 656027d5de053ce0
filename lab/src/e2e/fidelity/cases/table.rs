//! Tables of many kinds in several states: what `kubectl get` prints.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

/// Where a kind is, an object of it, and what its status becomes.
type Shown = (&'static str, Value, Vec<Value>);

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let (resource, mut object, statuses) = match chance.below(4) {
        0 => pod(chance),
        1 => chance.one(&workloads()),
        2 => chance.one(&others()),
        _ => chance.one(&wide()),
    };
    script.about(resource);
    let collection = match resource.strip_prefix('/') {
        Some(_) => resource.to_owned(),
        None => script.path(resource),
    };
    object["metadata"]["name"] = script.space.clone().into();
    script.post(&format!("{collection}?includeObject=None"), &object);
    script.header("accept", TABLE);
    let path = format!("{collection}/{}", script.space);
    for status in statuses {
        script.patch(MERGE, &format!("{path}/status?includeObject=None"), &json!({"status": status}));
        script.header("accept", TABLE);
    }
    script.get(&format!("{path}?includeObject=None"));
    script.header("accept", TABLE);
}

fn pod(chance: &mut Chance) -> Shown {
    let mut pod = objects::bound("x", &json!({}), "nowhere");
    pod["spec"]["initContainers"] = json!([{"name": "first", "image": "registry.example/first:1"}]);
    pod["spec"]["containers"] = json!([{"name": "main", "image": "registry.example/web:1"},
        {"name": "side", "image": "registry.example/side:1"}]);
    let running = json!({"running": {"startedAt": "2026-01-02T03:04:05Z"}});
    let container = |name: &str, ready: bool, state: &Value, restarts: u64| json!({"name": name, "ready": ready, "state": state, "restartCount": restarts, "image": "i", "imageID": ""});
    let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    let state = chance.one(&[
        running.clone(),
        done.clone(),
        json!({"waiting": {"reason": "ImagePullBackOff"}}),
        json!({"terminated": {"exitCode": 3}}),
        json!({"terminated": {"exitCode": 0, "signal": 9}}),
        json!({"terminated": {"exitCode": 1, "reason": "Error"}}),
    ]);
    let phase = chance.pick(&["Running", "Pending", "Succeeded", "Failed"]);
    let ready = chance.pick(&["True", "False"]);
    let initialized = chance.pick(&["True", "True", "False"]);
    let first = if initialized == "True" { &done } else { &state };
    let conditions =
        json!([{"type": "Ready", "status": ready}, {"type": "Initialized", "status": initialized}]);
    let status = json!({"phase": phase, "conditions": conditions, "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}],
        "initContainerStatuses": [container("first", false, first, 0)],
        "containerStatuses": [container("main", ready == "True", &running, 0), container("side", false, &state, chance.below(3))]});
    ("pods", pod, vec![status])
}

fn workloads() -> Vec<Shown> {
    let kind = |kind: &str, spec: Value| {
        let mut object = objects::deployment("x", 2);
        object["kind"] = kind.into();
        object["spec"].as_object_mut().map(|spec| spec.remove("replicas"));
        for (member, value) in spec.as_object().into_iter().flatten() {
            object["spec"][member] = value.clone();
        }
        object
    };
    let counts = json!({"replicas": 3, "readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2});
    let nodes = json!({"desiredNumberScheduled": 5, "currentNumberScheduled": 4, "numberReady": 3, "numberMisscheduled": 0,
        "updatedNumberScheduled": 2, "numberAvailable": 1});
    let plain = json!({"replicas": 3, "readyReplicas": 2, "availableReplicas": 2});
    vec![
        ("apps/v1 deployments", kind("Deployment", json!({"replicas": 3})), vec![counts.clone()]),
        ("apps/v1 replicasets", kind("ReplicaSet", json!({"replicas": 3})), vec![plain]),
        (
            "apps/v1 statefulsets",
            kind("StatefulSet", json!({"replicas": 3, "serviceName": "x"})),
            vec![counts],
        ),
        ("apps/v1 daemonsets", kind("DaemonSet", json!({})), vec![nodes]),
    ]
}

fn others() -> Vec<Shown> {
    let budget = |member: &str, amount: Value| {
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {},
            "spec": {member: amount, "selector": {"matchLabels": {"a": "b"}}}})
    };
    let endpoints: Vec<Value> = (1..6).map(|n| json!({"addresses": [format!("10.0.0.{n}")]})).collect();
    let slice = |endpoints: &[Value], ports: Value| {
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {}, "addressType": "IPv4",
            "endpoints": endpoints, "ports": ports})
    };
    let service = |spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": spec});
    vec![
        ("policy/v1 poddisruptionbudgets", budget("maxUnavailable", json!("30%")), vec![]),
        ("policy/v1 poddisruptionbudgets", budget("minAvailable", json!(2)), vec![]),
        (
            "discovery.k8s.io/v1 endpointslices",
            slice(&endpoints, json!([{"name": "http", "port": 80}])),
            vec![],
        ),
        ("discovery.k8s.io/v1 endpointslices", slice(&endpoints[..2], json!([])), vec![]),
        ("services", service(json!({"clusterIP": "None", "selector": {"b": "2", "a": "1"}})), vec![]),
        ("services", service(json!({"type": "ExternalName", "externalName": "example.org"})), vec![]),
        ("configmaps", objects::config_map("x", &json!({"a": "1", "b": "2"})), vec![]),
        ("coordination.k8s.io/v1 leases", objects::lease("x", "me"), vec![]),
        (
            "rbac.authorization.k8s.io/v1 rolebindings",
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
                "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
                    {"kind": "Group", "name": "g"}]}),
            vec![],
        ),
        (
            "rbac.authorization.k8s.io/v1 roles",
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {}, "rules": []}),
            vec![],
        ),
        (
            "networking.k8s.io/v1 networkpolicies",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {},
                "spec": {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["c", "b"]}]}}}),
            vec![],
        ),
    ]
}

/// Kinds without a namespace.
fn wide() -> Vec<Shown> {
    let mut node = objects::node("x");
    node["metadata"]["labels"] = json!({"node-role.kubernetes.io/b": "", "node-role.kubernetes.io/a": ""});
    node["spec"] = json!({"unschedulable": true});
    let condition =
        json!([{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T03:04:05Z"}]);
    let addresses = json!([{"type": "InternalIP", "address": "192.0.2.7"}]);
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "example.org/p",
        "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    vec![
        (
            "/api/v1/nodes",
            node,
            vec![json!({"conditions": condition}), json!({"addresses": addresses, "phase": "Running"})],
        ),
        ("/apis/storage.k8s.io/v1/storageclasses", class, vec![]),
        (
            "/apis/scheduling.k8s.io/v1/priorityclasses",
            json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {}, "value": 7}),
            vec![],
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {}, "rules": []}),
            vec![],
        ),
    ]
}
