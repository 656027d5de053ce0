//! What the Cilium chart renders, for the values that a migration depends on (cilium/charts 1.16 to 1.20,
//! `templates/cilium-configmap.yaml`, `cilium-agent/daemonset.yaml`, `cilium-operator/deployment.yaml`).

use sha2::{Digest, Sha256};

use crate::sim::clock::hex;
use crate::sim::json::{merge, set, text};
use crate::sim::value::{Map, Value, json};

/// The chart's defaults for the values read here.
fn defaults() -> Value {
    json!({
        "policyEnforcementMode": "default", "routingMode": "tunnel", "tunnelProtocol": "vxlan", "tunnelPort": 0,
        "kubeProxyReplacement": "false", "rollOutCiliumPods": false, "MTU": 0,
        "agentNotReadyTaintKey": "node.cilium.io/agent-not-ready",
        "cluster": {"name": "default", "id": 0}, "ipv4": {"enabled": true}, "ipv6": {"enabled": false},
        "cni": {"customConf": false, "chainingMode": "none", "install": true, "exclusive": true, "uninstall": false,
            "hostConfDirMountPath": "/host/etc/cni/net.d", "logFile": "/var/run/cilium/cilium-cni.log"},
        "ipam": {"mode": "cluster-pool",
            "operator": {"clusterPoolIPv4PodCIDRList": ["10.0.0.0/8"], "clusterPoolIPv4MaskSize": 24}},
        "operator": {"replicas": 2, "removeNodeTaints": true,
            "unmanagedPodWatcher": {"restart": true, "intervalSeconds": 15}},
        "encryption": {"enabled": false, "type": "ipsec"}, "envoy": {"enabled": true}, "hubble": {"enabled": true}, "bpf": {}, "enableIPv4Masquerade": true,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}},
    })
}

/// Renders the objects of a release.
///
/// # Errors
/// The chart's own refusals, worded as helm prints them.
pub(crate) fn render(namespace: &str, version: &str, given: &Value) -> Result<Vec<Value>, String> {
    let mut values = defaults();
    merge(&mut values, given);
    refuse(&values, version)?;
    let config = config_map(&values);
    let checksum = hex(&Sha256::digest(config.to_string()));
    let mut annotations = json!({});
    if values["rollOutCiliumPods"] == true {
        annotations["cilium.io/cilium-configmap-checksum"] = checksum.into();
    }
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config"}, "data": config}),
        agent(&values, version, &annotations),
        operator(&values, version, &annotations),
    ];
    if values["envoy"]["enabled"] == true {
        objects.push(envoy());
    }
    for name in ["cilium", "cilium-operator"] {
        objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}));
        objects.push(cluster_role(name));
        objects.push(cluster_role_binding(name, namespace));
    }
    for object in &mut objects {
        if !text(object, "/kind").starts_with("Cluster") {
            set(object, "/metadata/namespace", namespace);
        }
    }
    Ok(objects)
}

/// `templates/validate.yaml`, the refusals that old values meet.
fn refuse(values: &Value, version: &str) -> Result<(), String> {
    let fail = |why: &str| Err(format!("execution error at (cilium/templates/validate.yaml): {why}"));
    if values.get("tunnel").is_some() {
        return fail(
            "tunnel was deprecated in v1.14 and has been removed in v1.15. Use routingMode and tunnelProtocol.",
        );
    }
    let replacement = printed(&values["kubeProxyReplacement"]);
    if !matches!(replacement.as_str(), "true" | "false") {
        return fail(&format!(
            "kubeProxyReplacement must be explicitly set to a valid value (true or false) to continue, not {replacement}"
        ));
    }
    let mut parts = version.trim_start_matches('v').split('.');
    if parts.next() != Some("1") || parts.next().is_none() {
        return Err(format!(
            "chart \"cilium\" version {version:?} not found in https://helm.cilium.io/ repository"
        ));
    }
    Ok(())
}

/// Helm prints scalars into the ConfigMap as text.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(printed).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn config_map(values: &Value) -> Value {
    let mut data = Map::new();
    let mut put = |key: &str, value: String| drop(data.insert(key, value.into()));
    for (key, pointer) in [
        ("enable-ipv4", "/ipv4/enabled"),
        ("enable-ipv6", "/ipv6/enabled"),
        ("custom-cni-conf", "/cni/customConf"),
        ("cluster-name", "/cluster/name"),
        ("cluster-id", "/cluster/id"),
        ("routing-mode", "/routingMode"),
        ("tunnel-protocol", "/tunnelProtocol"),
        ("enable-ipv4-masquerade", "/enableIPv4Masquerade"),
        ("kube-proxy-replacement", "/kubeProxyReplacement"),
        ("ipam", "/ipam/mode"),
        ("cluster-pool-ipv4-cidr", "/ipam/operator/clusterPoolIPv4PodCIDRList"),
        ("cluster-pool-ipv4-mask-size", "/ipam/operator/clusterPoolIPv4MaskSize"),
        ("enable-hubble", "/hubble/enabled"),
        ("agent-not-ready-taint-key", "/agentNotReadyTaintKey"),
        ("cni-chaining-mode", "/cni/chainingMode"),
    ] {
        put(key, printed(values.pointer(pointer).unwrap_or(&Value::Null)));
    }
    put("enable-policy", printed(&values["policyEnforcementMode"]).to_lowercase());
    for (key, pointer) in [
        ("tunnel-port", "/tunnelPort"),
        ("mtu", "/MTU"),
        ("devices", "/devices"),
        ("enable-host-legacy-routing", "/bpf/hostLegacyRouting"),
        ("enable-bpf-masquerade", "/bpf/masquerade"),
        ("enable-l7-proxy", "/l7Proxy"),
        ("force-device-detection", "/forceDeviceDetection"),
        ("enable-node-selector-labels", "/nodeSelectorLabels"),
    ] {
        if let Some(value) = values.pointer(pointer).filter(|v| !v.is_null() && **v != 0) {
            put(key, printed(value));
        }
    }
    let encryption = &values["encryption"];
    if encryption["enabled"] == true {
        put(&format!("enable-{}", printed(&encryption["type"])), "true".into());
    }
    let cni = &values["cni"];
    if cni["customConf"] != true && cni["install"] == true {
        put(
            "write-cni-conf-when-ready",
            format!("{}/05-cilium.conflist", printed(&cni["hostConfDirMountPath"])),
        );
        put("cni-exclusive", printed(&cni["exclusive"]));
        put("cni-log-file", printed(&cni["logFile"]));
    }
    if cni["uninstall"] == true {
        put("cni-uninstall", "true".into());
    }
    let operator = &values["operator"];
    let removes = operator["removeNodeTaints"] == true;
    if removes {
        put("remove-cilium-node-taints", "true".into());
    }
    if operator["setNodeTaints"] == true || (operator["setNodeTaints"].is_null() && removes) {
        put("set-cilium-node-taints", "true".into());
    }
    put("set-cilium-is-up-condition", "true".into());
    let watcher = &operator["unmanagedPodWatcher"];
    let interval =
        if watcher["restart"] == true { format!("{}s", watcher["intervalSeconds"]) } else { "0".to_owned() };
    put("unmanaged-pod-watcher-interval", interval);
    for (key, value) in values["extraConfig"].as_object().into_iter().flatten() {
        put(key, printed(value));
    }
    Value::Object(data)
}

fn agent(values: &Value, version: &str, annotations: &Value) -> Value {
    let labels = json!({
        "k8s-app": "cilium", "app.kubernetes.io/name": "cilium-agent", "app.kubernetes.io/part-of": "cilium",
    });
    let mut annotations = annotations.clone();
    annotations["kubectl.kubernetes.io/default-container"] = json!("cilium-agent");
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "cilium", "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "cilium"}},
            "updateStrategy": values["updateStrategy"],
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {
                    "hostNetwork": true, "terminationGracePeriodSeconds": 1, "serviceAccountName": "cilium",
                    "priorityClassName": "system-node-critical", "tolerations": [{"operator": "Exists"}],
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "initContainers": [{"name": "config", "image": format!("quay.io/cilium/cilium:v{version}"),
                        "command": ["cilium-dbg", "build-config"]}],
                    "containers": [{"name": "cilium-agent", "image": format!("quay.io/cilium/cilium:v{version}"),
                        "command": ["cilium-agent"], "args": ["--config-dir=/tmp/cilium/config-map"],
                        "volumeMounts": [{"name": "etc-cni-netd", "mountPath": values["cni"]["hostConfDirMountPath"]}]}],
                    "volumes": [{"name": "etc-cni-netd", "hostPath": {"path": "/etc/cni/net.d"}}],
                },
            },
        },
    })
}

fn operator(values: &Value, version: &str, annotations: &Value) -> Value {
    let selector = json!({"io.cilium/app": "operator", "name": "cilium-operator"});
    let mut labels = selector.clone();
    merge(
        &mut labels,
        &json!({"app.kubernetes.io/name": "cilium-operator", "app.kubernetes.io/part-of": "cilium"}),
    );
    let tolerations = [
        "node-role.kubernetes.io/control-plane",
        "node-role.kubernetes.io/master",
        "node.kubernetes.io/not-ready",
        "node.cloudprovider.kubernetes.io/uninitialized",
        &printed(&values["agentNotReadyTaintKey"]),
    ]
    .map(|key| json!({"key": key, "operator": "Exists"}));
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cilium-operator", "labels": labels},
        "spec": {
            "replicas": values["operator"]["replicas"], "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "50%"}},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {
                    "hostNetwork": true, "serviceAccountName": "cilium-operator", "tolerations": tolerations,
                    "priorityClassName": "system-cluster-critical",
                    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "kubernetes.io/hostname",
                         "labelSelector": {"matchLabels": {"io.cilium/app": "operator"}}}]}},
                    "containers": [{"name": "cilium-operator", "image": format!("quay.io/cilium/operator-generic:v{version}"),
                        "command": ["cilium-operator-generic"], "args": ["--config-dir=/tmp/cilium/config-map"]}],
                },
            },
        },
    })
}

fn envoy() -> Value {
    let labels = json!({"k8s-app": "cilium-envoy", "app.kubernetes.io/name": "cilium-envoy"});
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "cilium-envoy", "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "cilium-envoy"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"hostNetwork": true, "tolerations": [{"operator": "Exists"}], "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "cilium-envoy", "image": "quay.io/cilium/cilium-envoy:v1"}]},
            },
        },
    })
}

fn cluster_role(name: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": ["cilium.io"], "resources": ["*"], "verbs": ["*"]}],
    })
}

fn cluster_role_binding(name: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(values: &Value) -> Value {
        render("kube-system", "1.19.6", values).unwrap()[0]["data"].clone()
    }

    #[test]
    fn custom_conf_leaves_the_cni_file_to_node_configs() {
        let migration = config(&json!({"cni": {"customConf": true}, "tunnelPort": 8473,
            "operator": {"setNodeTaints": false, "unmanagedPodWatcher": {"restart": false}}}));
        assert_eq!(migration["custom-cni-conf"], "true");
        assert_eq!(migration["tunnel-port"], "8473");
        assert_eq!(migration["unmanaged-pod-watcher-interval"], "0");
        for absent in ["write-cni-conf-when-ready", "cni-exclusive", "set-cilium-node-taints", "mtu"] {
            assert!(migration.get(absent).is_none(), "{absent}");
        }
        let last = config(&json!({}));
        assert_eq!(last["write-cni-conf-when-ready"], "/host/etc/cni/net.d/05-cilium.conflist");
        assert_eq!(last["set-cilium-node-taints"], "true");
        assert!(last.get("tunnel-port").is_none());
    }

    #[test]
    fn old_values_are_refused() {
        assert!(render("kube-system", "1.19.6", &json!({"tunnel": "vxlan"})).is_err());
        assert!(render("kube-system", "1.19.6", &json!({"kubeProxyReplacement": "strict"})).is_err());
    }
}
