//! Tables of the core group, but pods.

use crate::sim::value::{Map, Text, Value, json};

use super::Printer;
use super::cells::{age, labels, none_if_empty, text_or};
use crate::sim::clock::Clock;
use crate::sim::json::{annotation, flag, int, is_deleting, list, name, text};

pub(super) const PRINTERS: &[Printer] = &[
    ("namespaces", namespace),
    ("nodes", node),
    ("services", service),
    ("configmaps", config_map),
    ("secrets", secret),
    ("serviceaccounts", |o, clock| vec![json!(name(o)), age(o, clock)]),
    ("persistentvolumes", volume),
    ("persistentvolumeclaims", claim),
];

const UNSET: &str = "<unset>";

fn namespace(o: &Value, clock: &Clock) -> Vec<Value> {
    vec![json!(name(o)), json!(text(o, "/status/phase")), age(o, clock)]
}

fn node(o: &Value, clock: &Clock) -> Vec<Value> {
    let ready = list(o, "/status/conditions").iter().find(|c| text(c, "/type") == "Ready");
    let mut status = match ready.map(|c| text(c, "/status")) {
        Some("True") => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if flag(o, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let info = |member: &str| text_or(o, &format!("/status/nodeInfo/{member}"), "<unknown>").to_owned();
    let mut kernel = info("kernelVersion");
    let architecture = text(o, "/status/nodeInfo/architecture");
    if !architecture.is_empty() {
        kernel = format!("{kernel} ({architecture})");
    }
    vec![
        json!(name(o)),
        json!(status),
        json!(none_if_empty(roles(o).join(","))),
        age(o, clock),
        json!(text(o, "/status/nodeInfo/kubeletVersion")),
        json!(address(o, "InternalIP")),
        json!(address(o, "ExternalIP")),
        json!(info("osImage")),
        json!(kernel),
        json!(info("containerRuntimeVersion")),
    ]
}

fn roles<'a>(node: &'a Value) -> Vec<&'a str> {
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten();
    let role = |(key, value): (&'a Text, &'a Value)| match key.strip_prefix("node-role.kubernetes.io/") {
        Some(role) => Some(role),
        None if key == "kubernetes.io/role" => value.as_str(),
        None => None,
    };
    let mut all: Vec<&str> = labels.filter_map(role).filter(|role| !role.is_empty()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn address<'a>(node: &'a Value, kind: &str) -> &'a str {
    let found = list(node, "/status/addresses").iter().find(|a| text(a, "/type") == kind);
    found.map_or("<none>", |a| text(a, "/address"))
}

fn service(o: &Value, clock: &Clock) -> Vec<Value> {
    let port = |port: &Value| match int(port, "/nodePort") {
        0 => format!("{}/{}", int(port, "/port"), text(port, "/protocol")),
        node => format!("{}:{node}/{}", int(port, "/port"), text(port, "/protocol")),
    };
    let ports: Vec<String> = list(o, "/spec/ports").iter().map(port).collect();
    vec![
        json!(name(o)),
        json!(text(o, "/spec/type")),
        json!(text_or(o, "/spec/clusterIPs/0", "<none>")),
        json!(external_address(o)),
        json!(none_if_empty(ports.join(","))),
        age(o, clock),
        labels(o, "/spec/selector"),
    ]
}

fn external_address(service: &Value) -> String {
    let strings = |pointer: &str| list(service, pointer).iter().filter_map(Value::as_str).map(str::to_owned);
    let given: Vec<String> = strings("/spec/externalIPs").collect();
    match text(service, "/spec/type") {
        "ClusterIP" | "NodePort" => none_if_empty(given.join(",")),
        "LoadBalancer" => {
            let mut all = balancer(service);
            all.extend(given);
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        "ExternalName" => text(service, "/spec/externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses and names that a load balancer gave, sorted.
pub(super) fn balancer(object: &Value) -> Vec<String> {
    let entries = list(object, "/status/loadBalancer/ingress").iter();
    let mut all: Vec<String> = entries
        .map(|e| text_or(e, "/ip", text(e, "/hostname")).to_owned())
        .filter(|found| !found.is_empty())
        .collect();
    all.sort();
    all.dedup();
    all
}

fn members(object: &Value, pointer: &str) -> usize {
    object.pointer(pointer).and_then(Value::as_object).map_or(0, Map::len)
}

fn config_map(o: &Value, clock: &Clock) -> Vec<Value> {
    vec![json!(name(o)), json!(members(o, "/data") + members(o, "/binaryData")), age(o, clock)]
}

fn secret(o: &Value, clock: &Clock) -> Vec<Value> {
    vec![json!(name(o)), json!(text(o, "/type")), json!(members(o, "/data")), age(o, clock)]
}

fn access_modes(object: &Value, pointer: &str) -> String {
    let has = |mode: &str| list(object, pointer).iter().any(|m| m == mode);
    let known = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let all: Vec<&str> = known.iter().filter(|(mode, _)| has(mode)).map(|(_, short)| *short).collect();
    all.join(",")
}

fn phase(object: &Value) -> &str {
    if is_deleting(object) { "Terminating" } else { text(object, "/status/phase") }
}

/// The older annotation goes before the field.
fn class(object: &Value) -> &str {
    annotation(object, "volume.beta.kubernetes.io/storage-class")
        .unwrap_or_else(|| text(object, "/spec/storageClassName"))
}

fn volume(o: &Value, clock: &Clock) -> Vec<Value> {
    let claim = match o.pointer("/spec/claimRef") {
        Some(claim) => format!("{}/{}", text(claim, "/namespace"), text(claim, "/name")),
        None => String::new(),
    };
    vec![
        json!(name(o)),
        json!(text_or(o, "/spec/capacity/storage", "0")),
        json!(access_modes(o, "/spec/accessModes")),
        json!(text(o, "/spec/persistentVolumeReclaimPolicy")),
        json!(phase(o)),
        json!(claim),
        json!(class(o)),
        json!(text_or(o, "/spec/volumeAttributesClassName", UNSET)),
        json!(text(o, "/status/reason")),
        age(o, clock),
        json!(text_or(o, "/spec/volumeMode", UNSET)),
    ]
}

fn claim(o: &Value, clock: &Clock) -> Vec<Value> {
    let volume = text(o, "/spec/volumeName");
    let (capacity, modes) = match volume {
        "" => (String::new(), String::new()),
        _ => (text_or(o, "/status/capacity/storage", "0").to_owned(), access_modes(o, "/status/accessModes")),
    };
    vec![
        json!(name(o)),
        json!(phase(o)),
        json!(volume),
        json!(capacity),
        json!(modes),
        json!(class(o)),
        json!(text_or(o, "/spec/volumeAttributesClassName", UNSET)),
        age(o, clock),
        json!(text_or(o, "/spec/volumeMode", UNSET)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cordoned_node_shows_its_roles_and_both_states() {
        let clock = Clock::new(jiff::Timestamp::UNIX_EPOCH);
        let object = json!({"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": "",
            "node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/": ""}},
            "spec": {"unschedulable": true}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let cells = node(&object, &clock);
        assert_eq!(cells[1..3], [json!("Ready,SchedulingDisabled"), json!("control-plane,worker")]);
    }
}
