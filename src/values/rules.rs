//! What no values may do while pods of the old CNI still run.

use ipnet::IpNet;
use serde_json::Value;

use super::settings::Setting;
use super::{Detected, Origin, Phase, Values, tree};
use crate::error::{Error, Result};
use crate::model::{Encryption, Intent, overlaps};
use crate::target::{Target, WIREGUARD_PORT, retired};

/// Refuses values with which the phase is not safe; the error names all of them.
pub(super) fn check(
    target: &Target,
    phase: Phase,
    detected: &Detected,
    intent: &Intent,
    settings: &[Setting],
    values: &Values,
) -> Result<()> {
    let mut faults = Vec::new();
    faults.extend(ports(detected, &values.tree));
    faults.extend(ranges(detected, &values.tree));
    faults.extend(families(detected, intent));
    faults.extend(wireguard(detected, intent, &values.tree));
    faults.extend(service_host(phase, intent, &values.tree));
    faults.extend(retired_keys(target, values));
    if faults.is_empty() {
        faults.extend(settings.iter().filter(|setting| setting.locked).filter_map(|s| changed(s, values)));
    }
    if phase == Phase::Migration {
        faults.extend(overrides(&values.tree));
        if intent.features.encryption.is_none() {
            faults.extend(encryption(&values.tree));
        }
    }
    match faults.as_slice() {
        [] => Ok(()),
        [one] => Err(Error::no(one.clone())),
        many => Err(many.iter().fold(
            Error::no(format!("{} values make this phase of the migration unsafe", many.len())),
            |error, fault| error.hint(fault.clone()),
        )),
    }
}

/// Two overlays on one UDP port: the second one cannot bind it, and the agent does not start.
fn ports(detected: &Detected, tree: &Value) -> Option<String> {
    let given = tree::get(tree, "tunnelPort").and_then(Value::as_u64).filter(|port| *port != 0);
    let protocol = tree::get(tree, "tunnelProtocol").and_then(Value::as_str);
    let port = given.unwrap_or(if protocol == Some("geneve") { 6081 } else { 8472 });
    detected.overlay_port.filter(|old| u64::from(*old) == port).map(|old| {
        format!(
            "tunnelPort: Cilium would use UDP port {old}, which {} {} uses on every node; choose another port",
            detected.source, detected.backend
        )
    })
}

/// Values of the user's that this chart does not take any more; it would ignore most of them without a word.
fn retired_keys(target: &Target, values: &Values) -> Vec<String> {
    let given = values.provenance.iter().filter_map(|(path, origin)| match origin {
        Origin::User { from } => Some((path, from)),
        _ => None,
    });
    let fault = |(path, from): (&String, &String)| {
        let ((major, minor), instead) = retired(path, target.minor)?;
        Some(format!("{path} ({from}): {major}.{minor} was the last Cilium to take it; {instead}"))
    };
    given.filter_map(fault).collect()
}

fn is_true(tree: &Value, path: &str) -> bool {
    tree::get(tree, path).is_some_and(|value| same(value, &Value::Bool(true)))
}

/// By a value of the user's own; the flag is minded by the settings.
fn encryption(tree: &Value) -> Option<String> {
    is_true(tree, "encryption.enabled").then(|| {
        "encryption.enabled: pods of the old CNI do not take part, and nodes that switch lose each other; \
         ask for it with --encryption, which begins with the final values"
            .to_owned()
    })
}

/// Cilium's WireGuard has a port that cannot be changed.
fn wireguard(detected: &Detected, intent: &Intent, tree: &Value) -> Option<String> {
    let given = is_true(tree, "encryption.enabled")
        && tree::get(tree, "encryption.type").and_then(Value::as_str) == Some("wireguard");
    if !given && intent.features.encryption != Some(Encryption::Wireguard) {
        return None;
    }
    let overlay = tree::get(tree, "tunnelPort").and_then(Value::as_u64);
    if overlay == Some(u64::from(WIREGUARD_PORT)) {
        return Some(format!(
            "tunnelPort: UDP port {WIREGUARD_PORT} is Cilium's WireGuard; choose another port"
        ));
    }
    (detected.overlay_port == Some(WIREGUARD_PORT)).then(|| {
        format!(
            "encryption.type: Cilium's WireGuard needs UDP port {WIREGUARD_PORT}, which {} {} uses on every node; \
             move {} to another port first, or ask for --encryption ipsec",
            detected.source, detected.backend, detected.source
        )
    })
}

/// Without kube-proxy the Service of the API server does not answer an agent that starts.
fn service_host(phase: Phase, intent: &Intent, tree: &Value) -> Option<String> {
    let wanted = intent.features.kube_proxy_replacement
        || (phase == Phase::Final && is_true(tree, "kubeProxyReplacement"));
    let given = ["k8sServiceHost", "k8sServiceHostRef.name", "k8s.apiServerURLs"]
        .iter()
        .any(|path| tree::get(tree, path).and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
    (wanted && !given).then(|| {
        "k8sServiceHost is missing: without kube-proxy an agent does not reach the API server by its Service; give an \
         address that all nodes reach: --set k8sServiceHost=HOST,k8sServicePort=6443"
            .to_owned()
    })
}

/// Why values are right but must not be rolled out yet.
pub fn not_yet(phase: Phase, detected: &Detected, values: &Value) -> Option<Error> {
    let replaces = phase == Phase::Final && is_true(values, "kubeProxyReplacement");
    (replaces && detected.kube_proxy).then(|| {
        Error::no("kubeProxyReplacement: kube-proxy still runs; both would translate the same connections")
            .hint(
                "once every node is migrated take kube-proxy away; what it set up keeps serving until then: \
                 kubectl -n kube-system delete daemonset,configmap kube-proxy",
            )
            .hint("or leave kube-proxy in place and finalize without its replacement")
    })
}

/// Cilium's range within the old one: both CNIs would route, and give away, the same addresses.
fn ranges(detected: &Detected, tree: &Value) -> Vec<String> {
    let path = "ipam.operator.clusterPoolIPv4PodCIDRList";
    let given: Vec<&str> = match tree::get(tree, path) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => text.split_whitespace().collect(),
        _ => Vec::new(),
    };
    let mut faults = Vec::new();
    for text in given {
        let Ok(range) = text.parse::<IpNet>() else {
            faults.push(format!("{path}: {text:?} is not an address range such as 10.245.0.0/16"));
            continue;
        };
        for old in detected.networks.iter().filter(|old| overlaps(old, &range)) {
            faults.push(format!(
                "{path}: {range} overlaps {old}, from which pods on {} have their addresses; choose another range",
                detected.source
            ));
        }
    }
    faults
}

/// The generated values speak IPv4 only, so a second family would be lost in silence.
fn families(detected: &Detected, intent: &Intent) -> Option<String> {
    if !matches!(intent.pod_cidr, IpNet::V4(_)) {
        return Some(format!(
            "{} is not an IPv4 range; the migration of IPv6 is not supported",
            intent.pod_cidr
        ));
    }
    let six = detected.networks.iter().find(|network| matches!(network, IpNet::V6(_)))?;
    Some(format!(
        "pods on {} have addresses from {six}, which they would lose; the migration of IPv6 is not supported",
        detected.source
    ))
}

/// A locked setting that is not what the phase needs.
fn changed(setting: &Setting, values: &Values) -> Option<String> {
    let found = tree::get(&values.tree, setting.path);
    if found.is_some_and(|found| same(found, &setting.value)) {
        return None;
    }
    let from = match values.provenance.get(setting.path) {
        Some(Origin::User { from }) => format!(" ({from})"),
        _ => String::new(),
    };
    let reason = match &setting.origin {
        Origin::Required { reason, .. } => reason,
        Origin::Detected { from } | Origin::User { from } => from,
    };
    let found = found.map_or_else(|| "missing".to_owned(), ToString::to_string);
    Some(format!("{}{from} is {found}, this phase needs {}: {reason}", setting.path, setting.value))
}

/// Whether the chart renders both alike: `"false"` and `false` are one to it, and so are `Never` and `never`.
fn same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
    a == b || (!a.is_array() && !b.is_array() && text(a) == text(b))
}

/// Options that keep agents from heeding a CiliumNodeConfig (chart values.yaml `daemon`; cilium-dbg build-config).
fn overrides(tree: &Value) -> Vec<String> {
    const KEYS: [&str; 4] =
        ["write-cni-conf-when-ready", "custom-cni-conf", "cni-chaining-mode", "cni-exclusive"];
    let text = |path| tree::get(tree, path).and_then(Value::as_str);
    let lists = |list: &str, key: &str| list.split(',').any(|item| item.trim() == key);
    let mut faults = Vec::new();
    let mut fault = |path: &str| {
        faults.push(format!(
            "{path}: agents would ignore the CiliumNodeConfig that switches a node; leave it out"
        ));
    };
    if text("daemon.configSources").is_some_and(|sources| !sources.contains("cilium-node-config")) {
        fault("daemon.configSources");
    }
    if let Some(allowed) = text("daemon.allowedConfigOverrides") {
        if !KEYS.iter().all(|key| lists(allowed, key)) {
            fault("daemon.allowedConfigOverrides");
        }
    } else if text("daemon.blockedConfigOverrides")
        .is_some_and(|blocked| KEYS.iter().any(|k| lists(blocked, k)))
    {
        fault("daemon.blockedConfigOverrides");
    }
    faults
}
