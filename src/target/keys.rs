//! Chart values that the tool sets: the `cilium-config` key that each becomes, who reads it, what a change does, and
//! what differs between minors.

use serde_json::Value;

use super::Minor;

/// What the chart and the agents of one minor take: every difference between minors that generated values depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The agent option `devices` takes exclusions such as `!flannel+` (cilium/cilium 31748fcda0).
    pub excludes_devices: bool,
    /// What the chart writes behind the seconds of `operator.unmanagedPodWatcher.intervalSeconds`.
    watcher_unit: &'static str,
}

pub(super) const CILIUM_1_20: Dialect = Dialect { excludes_devices: true, watcher_unit: "s" };
pub(super) const CILIUM_1_19: Dialect = CILIUM_1_20;
pub(super) const CILIUM_1_18: Dialect = Dialect { excludes_devices: false, watcher_unit: "" };
pub(super) const CILIUM_1_17: Dialect = CILIUM_1_18;
pub(super) const CILIUM_1_16: Dialect = CILIUM_1_18;

/// Values that a chart took once, the last minor that did, and what is said instead. Most of them newer charts
/// ignore without a word (upgrade notes of each minor; templates/validate.yaml).
const RETIRED: &[(&str, Minor, &str)] = &[
    ("tunnel", (1, 14), "give routingMode and tunnelProtocol"),
    ("ipam.operator.clusterPoolIPv4PodCIDR", (1, 13), "give --target-pod-cidr"),
    ("ipam.operator.clusterPoolIPv6PodCIDR", (1, 13), "leave it out"),
    ("enableK8sEventHandover", (1, 14), "leave it out"),
    ("enableCnpStatusUpdates", (1, 14), "leave it out"),
    ("clustermesh.apiserver.tls.ca", (1, 14), "give tls.ca"),
    ("encryption.keyFile", (1, 15), "give encryption.ipsec.keyFile"),
    ("encryption.mountPath", (1, 15), "give encryption.ipsec.mountPath"),
    ("encryption.secretName", (1, 15), "give encryption.ipsec.secretName"),
    ("encryption.interface", (1, 15), "leave it out"),
    ("containerRuntime", (1, 15), "leave it out"),
    ("remoteNodeIdentity", (1, 15), "leave it out"),
    ("endpointStatus", (1, 15), "leave it out"),
    ("etcd.managed", (1, 15), "leave it out"),
    ("proxy.prometheus", (1, 15), "give envoy.prometheus"),
    ("bgp", (1, 16), "give bgpControlPlane"),
    ("externalIPs", (1, 16), "it comes with --kube-proxy-replacement"),
    ("encryption.wireguard.userspaceFallback", (1, 16), "leave it out"),
    ("enableCiliumEndpointSlice", (1, 17), "give ciliumEndpointSlice.enabled"),
    ("externalWorkloads", (1, 17), "leave it out"),
    ("hostPort", (1, 17), "it comes with --kube-proxy-replacement, or with cni.chainingMode=portmap"),
    ("nodePort.enabled", (1, 18), "it comes with --kube-proxy-replacement"),
    ("l2podAnnouncements.interface", (1, 18), "give l2podAnnouncements.interfacePattern"),
    ("encryption.ipsec.encryptedOverlay", (1, 19), "leave it out: the overlay is encrypted anyway"),
    ("encryption.strictMode.enabled", (1, 19), "give encryption.strictMode.egress.enabled"),
    ("encryption.strictMode.cidr", (1, 19), "give encryption.strictMode.egress.cidr"),
    (
        "encryption.strictMode.allowRemoteNodeIdentities",
        (1, 19),
        "give encryption.strictMode.egress.allowRemoteNodeIdentities",
    ),
];

/// The last minor whose chart took a value, and what to do instead; `None` where this minor takes it, or none ever did.
pub fn retired(path: &str, minor: Minor) -> Option<(Minor, &'static str)> {
    let row = RETIRED.iter().find(|(known, last, _)| *last < minor && covers(known, path))?;
    Some((row.1, row.2))
}

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

const ENCRYPTION: &str =
    "all agents must have it: traffic between old and new is dropped or in the clear until then";
const NODE_SELECTORS: &str = "nodes get other security identities; agents and operator must restart";

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
    chart("k8sServiceHost", "agents and operator reach the API server at another address"),
    chart("k8sServicePort", "agents and operator reach the API server at another address"),
    agent(
        "bpf.masquerade",
        "enable-bpf-masquerade",
        "pods' traffic out of the cluster is translated elsewhere",
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
    agent("nodeSelectorLabels", "enable-node-selector-labels", NODE_SELECTORS),
    operator("nodeSelectorLabels", "enable-node-selector-labels", NODE_SELECTORS),
    agent("encryption.enabled", "enable-ipsec", ENCRYPTION),
    agent("encryption.enabled", "enable-wireguard", ENCRYPTION),
    agent("hubble.enabled", "enable-hubble", "agents observe flows, or stop to"),
    chart("encryption", ENCRYPTION),
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
    expected_config(values, Reader::Agent, "")
}

/// The same for the operator of a minor.
pub fn expected_operator_config(values: &Value, dialect: &Dialect) -> Vec<(&'static str, String)> {
    expected_config(values, Reader::Operator, dialect.watcher_unit)
}

fn expected_config(values: &Value, reader: Reader, unit: &str) -> Vec<(&'static str, String)> {
    KEYS.iter()
        .filter_map(|key| {
            let (name, _) = key.config.filter(|(_, who)| *who == reader)?;
            let value = values.pointer(&format!("/{}", key.path.replace('.', "/")))?;
            Some((name, rendered(name, key.path, value, values, unit)?))
        })
        .collect()
}

/// The text that the chart's template makes of a value, or `None` where it leaves the key out.
fn rendered(name: &str, path: &str, value: &Value, values: &Value, unit: &str) -> Option<String> {
    match (path, value) {
        ("encryption.enabled", on) => {
            let kind = values.pointer("/encryption/type").and_then(Value::as_str).unwrap_or("ipsec");
            (*on == Value::Bool(true) && name == format!("enable-{kind}")).then(|| "true".to_owned())
        }
        ("cni.exclusive", _) if values.pointer("/cni/customConf") == Some(&Value::Bool(true)) => None,
        ("cni.chainingMode", Value::String(mode)) if mode == "none" => None,
        ("operator.setNodeTaints" | "forceDeviceDetection", Value::Bool(false))
        | (_, Value::Null | Value::Object(_)) => None,
        ("tunnelPort" | "MTU", Value::Number(number)) if number.as_u64() == Some(0) => None,
        ("operator.unmanagedPodWatcher.restart", Value::Bool(false)) => Some("0".to_owned()),
        ("operator.unmanagedPodWatcher.restart", _) => {
            let seconds = values.pointer("/operator/unmanagedPodWatcher/intervalSeconds");
            Some(format!("{}{unit}", seconds.and_then(Value::as_u64).unwrap_or(15)))
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
        let expected = operator.map(|(key, value)| (key, value.to_owned()));
        assert_eq!(expected_operator_config(&values, &CILIUM_1_20), expected);
        assert_eq!(expected_operator_config(&values, &CILIUM_1_18)[0].1, "15", "a number until 1.18");
    }

    #[test]
    fn encryption_is_said_by_its_type() {
        let config = |values: Value| expected_agent_config(&values);
        let on = |name| vec![(name, "true".to_owned())];
        assert_eq!(
            config(json!({"encryption": {"enabled": true, "type": "wireguard"}})),
            on("enable-wireguard")
        );
        assert_eq!(config(json!({"encryption": {"enabled": true}})), on("enable-ipsec"));
        assert_eq!(config(json!({"encryption": {"enabled": false}})), []);
    }

    #[test]
    fn node_selectors_concern_agents_and_operator() {
        let values = json!({"nodeSelectorLabels": true});
        assert_eq!(expected_agent_config(&values), expected_operator_config(&values, &CILIUM_1_16));
        assert_eq!(expected_agent_config(&values).len(), 1);
    }

    #[test]
    fn retired_values_are_retired_by_minor() {
        assert_eq!(retired("tunnel", (1, 16)).unwrap().0, (1, 14));
        assert_eq!(retired("hostPort.enabled", (1, 17)), None);
        assert!(retired("hostPort.enabled", (1, 18)).unwrap().1.contains("portmap"));
        assert_eq!(retired("encryption.strictMode.egress.enabled", (1, 20)), None);
        assert_eq!(retired("tunnelPort", (1, 20)), None);
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
