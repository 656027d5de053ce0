//! Manifests of the probe pods. Pure. All but the host clients pass the restricted Pod Security Standard.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::agent::{PORT, Spec};
pub(super) use crate::model::PROBE_LABEL as LABEL;

/// Name of the server pod of a node.
pub(super) fn server_name(node: &str) -> String {
    format!("server-{}", short(node))
}

/// Name of a client pod.
pub(super) fn client_name(node: &str, host: bool, round: usize) -> String {
    format!("client-{}-{}-{round}", short(node), if host { "node" } else { "pod" })
}

/// Node names may be longer than a pod name leaves room for.
fn short(node: &str) -> String {
    Sha256::digest(node).iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// The server of a node.
pub(super) fn server(namespace: &str, node: &str, image: &str) -> Value {
    let mut container = container(image, &["agent", "serve", "--name", node].map(str::to_owned));
    container["ports"] = json!([{"containerPort": PORT, "name": "probe"}]);
    // The kubelet's own probe is a first path: node to pod on the same node.
    container["readinessProbe"] =
        json!({"tcpSocket": {"port": PORT}, "periodSeconds": 1, "timeoutSeconds": 1});
    pod(namespace, &server_name(node), "server", node, false, "Always", &container)
}

/// A client on a node.
pub(super) fn client(namespace: &str, name: &str, node: &str, host: bool, image: &str, spec: &Spec) -> Value {
    let spec = serde_json::to_string(spec).unwrap_or_default();
    let container = container(image, &["agent", "probe", "--spec", &spec].map(str::to_owned));
    pod(namespace, name, "client", node, host, "Never", &container)
}

fn container(image: &str, args: &[String]) -> Value {
    json!({
        "name": "probe", "image": image, "imagePullPolicy": "IfNotPresent",
        "command": ["kubectl-cni_migrate"], "args": args,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        },
    })
}

fn pod(
    namespace: &str,
    name: &str,
    role: &str,
    node: &str,
    host: bool,
    restart: &str,
    container: &Value,
) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": namespace,
            "labels": {LABEL: role, "app.kubernetes.io/managed-by": "kubectl-cni-migrate"},
        },
        "spec": {
            // Bound to the node without the scheduler: the node is cordoned.
            "nodeName": node,
            "hostNetwork": host,
            "restartPolicy": restart,
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    })
}

/// The namespace of the probe pods.
pub(super) fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {
            "app.kubernetes.io/managed-by": "kubectl-cni-migrate",
            "pod-security.kubernetes.io/enforce": "restricted",
        }},
    })
}

/// The Service over all servers.
pub(super) fn service(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {LABEL: "server"}, "ports": [{"port": PORT, "targetPort": PORT, "protocol": "TCP"}]},
    })
}
