//! Chart values that the tool sets: the `cilium-config` key that each becomes, who reads it, what a change does.

use serde_json::Value;

/// Who reads a key of `cilium-config`, and so must restart for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Agent,
    Operator,
}

/// One chart value.
struct Key {
    path: &'static str,
    /// Key in `cilium-config` (templates/cilium-configmap.yaml of the chart) and its reader.
    config: Option<(&'static str, Reader)>,
    effect: &'static str,
}

const fn agent(path: &'static str, key: &'static str, effect: &'static str) -> Key {
    Key { path, config: Some((key, Reader::Agent)), effect }
}

const fn operator(path: &'static str, key: &'static str, effect: &'static str) -> Key {
    Key { path, config: Some((key, Reader::Operator)), effect }
}

const fn chart(path: &'static str, effect: &'static str) -> Key {
    Key { path, config: None, effect }
}

const OVERLAY: &str =
    "every tunnel is rebuilt: pods on different nodes lose each other until all agents restarted";
const POOL: &str = "nodes that have a block keep it; Cilium allows ranges to be appended only";
const DEVICES: &str = "agents attach to, and take the MTU of, other interfaces";
const CNI_DIRS: &str = "agents use other directories of the host for the CNI file or plugin";

const UNRELATED: &str = "nothing that the migration depends on; see the chart's documentation";

const KEYS: &[Key] = &[
    agent("policyEnforcementMode", "enable-policy", "network policies take effect at once"),
    agent("cni.customConf", "custom-cni-conf", "agents write the CNI file on every node"),
    agent("cni.exclusive", "cni-exclusive", "agents rename other CNIs' files, or leave them"),
    agent(
        "cni.chainingMode",
        "cni-chaining-mode",
        "agents rewrite the CNI file; hostPorts need portmap or no kube-proxy",
    ),
    chart("cni.uninstall", "a stopping agent removes its CNI file, or leaves it"),
    chart("cni.confPath", CNI_DIRS),
    chart("cni.binPath", CNI_DIRS),
    agent("routingMode", "routing-mode", OVERLAY),
    agent("tunnelProtocol", "tunnel-protocol", OVERLAY),
    agent("tunnelPort", "tunnel-port", OVERLAY),
    agent("ipam.mode", "ipam", "every pod needs a new address"),
    operator("ipam.operator.clusterPoolIPv4PodCIDRList", "cluster-pool-ipv4-cidr", POOL),
    operator("ipam.operator.clusterPoolIPv4MaskSize", "cluster-pool-ipv4-mask-size", POOL),
    agent(
        "bpf.hostLegacyRouting",
        "enable-host-legacy-routing",
        "each node's pods are cut off shortly; needs no kube-proxy",
    ),
    agent(
        "kubeProxyReplacement",
        "kube-proxy-replacement",
        "existing connections to services break, node by node",
    ),
    agent("ipv6.enabled", "enable-ipv6", "pods get, or lose, IPv6 addresses when they restart"),
    agent("devices", "devices", DEVICES),
    agent("forceDeviceDetection", "force-device-detection", DEVICES),
    agent("MTU", "mtu", "new pods get another MTU"),
    agent(
        "cluster.name",
        "cluster-name",
        "security identities are made anew: established policy verdicts may flap",
    ),
    operator(
        "operator.unmanagedPodWatcher.restart",
        "unmanaged-pod-watcher-interval",
        "the operator restarts unmanaged kube-dns pods",
    ),
    operator(
        "operator.setNodeTaints",
        "set-cilium-node-taints",
        "nodes whose agent is not ready take no new pods",
    ),
    chart("operator.replicas", "the operator is scaled"),
    chart("rollOutCiliumPods", "Helm restarts agents by itself when cilium-config changes, or leaves it"),
    chart(
        "encryption",
        "all agents must have it: traffic between old and new is dropped or in the clear until then",
    ),
    chart("hubble", "Hubble components are added, changed or removed"),
    chart("envoy", "L7 traffic is proxied elsewhere; connections through the proxy break"),
    chart("operator", "the operator restarts; no traffic is touched"),
    chart("image", "agents restart on another image"),
    chart("resources", "agents restart, two at a time"),
];

/// What setting a value to `to` does to a running cluster, in a few words; `None` is the chart's default.
///
/// A key beneath a known one shares its effect.
pub fn effect(path: &str, to: Option<&Value>) -> &'static str {
    let off = matches!(to, Some(Value::Bool(false)));
    match path {
        "policyEnforcementMode" if to.and_then(Value::as_str) == Some("never") => {
            "network policies stop to count"
        }
        "cni.customConf" if !off => "agents write the CNI file on labelled nodes only",
        "operator.unmanagedPodWatcher.restart" if off => "the operator leaves unmanaged pods alone",
        "operator.setNodeTaints" if off => "nodes take new pods whether their agent is ready or not",
        _ => KEYS.iter().find(|key| covers(key.path, path)).map_or(UNRELATED, |key| key.effect),
    }
}

fn covers(known: &str, path: &str) -> bool {
    path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What agents must report of `cilium-config` once they run with these values, as key and value.
///
/// On a node that a CiliumNodeConfig selects its `spec.defaults` win over these.
pub fn expected_agent_config(values: &Value) -> Vec<(&'static str, String)> {
    expected_config(values, Reader::Agent)
}

/// The same for the operator.
pub fn expected_operator_config(values: &Value) -> Vec<(&'static str, String)> {
    expected_config(values, Reader::Operator)
}

fn expected_config(values: &Value, reader: Reader) -> Vec<(&'static str, String)> {
    KEYS.iter()
        .filter_map(|key| {
            let (name, _) = key.config.filter(|(_, who)| *who == reader)?;
            let value = values.pointer(&format!("/{}", key.path.replace('.', "/")))?;
            Some((name, rendered(key.path, value, values)?))
        })
        .collect()
}

/// The text that the chart's template makes of a value, or `None` where it leaves the key out.
fn rendered(path: &str, value: &Value, values: &Value) -> Option<String> {
    match (path, value) {
        ("cni.exclusive", _) if values.pointer("/cni/customConf") == Some(&Value::Bool(true)) => None,
        ("cni.chainingMode", Value::String(mode)) if mode == "none" => None,
        ("operator.setNodeTaints" | "forceDeviceDetection", Value::Bool(false))
        | (_, Value::Null | Value::Object(_)) => None,
        ("tunnelPort" | "MTU", Value::Number(number)) if number.as_u64() == Some(0) => None,
        ("operator.unmanagedPodWatcher.restart", Value::Bool(false)) => Some("0".to_owned()),
        ("operator.unmanagedPodWatcher.restart", _) => {
            let seconds = values.pointer("/operator/unmanagedPodWatcher/intervalSeconds");
            Some(format!("{}s", seconds.and_then(Value::as_u64).unwrap_or(15)))
        }
        ("policyEnforcementMode", Value::String(mode)) => Some(mode.to_lowercase()),
        (_, Value::Array(items)) => {
            Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }
        (_, Value::String(text)) => Some(text.clone()),
        (_, scalar) => Some(scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_become_the_charts_keys() {
        let values = json!({
            "policyEnforcementMode": "Default",
            "cni": {"customConf": false, "exclusive": true, "chainingMode": "none"},
            "devices": ["!flannel+", "!veth+"],
            "tunnelPort": 8473,
            "MTU": 0,
            "operator": {"unmanagedPodWatcher": {"restart": true}, "setNodeTaints": true},
        });
        let agent = [
            ("enable-policy", "default"),
            ("custom-cni-conf", "false"),
            ("cni-exclusive", "true"),
            ("tunnel-port", "8473"),
            ("devices", "!flannel+ !veth+"),
        ];
        assert_eq!(expected_agent_config(&values), agent.map(|(key, value)| (key, value.to_owned())));
        let operator = [("unmanaged-pod-watcher-interval", "15s"), ("set-cilium-node-taints", "true")];
        assert_eq!(expected_operator_config(&values), operator.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn custom_configuration_hides_exclusiveness() {
        let values = json!({"cni": {"customConf": true, "exclusive": true}});
        assert_eq!(expected_agent_config(&values), [("custom-cni-conf", "true".to_owned())]);
    }

    #[test]
    fn effects_follow_the_new_value_and_are_inherited() {
        let text = |path, to: Value| effect(path, Some(&to));
        assert_eq!(text("policyEnforcementMode", json!("default")), "network policies take effect at once");
        assert_eq!(text("policyEnforcementMode", json!("never")), "network policies stop to count");
        assert_eq!(text("hubble.relay.enabled", json!(true)), effect("hubble", None));
        assert_ne!(effect("operator.replicas", None), effect("operator", None));
        assert_eq!(effect("tunnelPortX", None), UNRELATED);
    }
}
