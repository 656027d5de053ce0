//! What no values may do while pods of the old CNI still run.

use ipnet::IpNet;
use serde_json::Value;

use super::settings::Setting;
use super::{Detected, Origin, Phase, Values, tree};
use crate::error::{Error, Result};
use crate::model::{Intent, overlaps};

/// Refuses values with which the phase is not safe; the error names all of them.
pub(super) fn check(
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
    if faults.is_empty() {
        faults.extend(settings.iter().filter(|setting| setting.locked).filter_map(|s| changed(s, values)));
    }
    if phase == Phase::Migration {
        faults.extend(overrides(&values.tree));
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
