//! Tables of the smaller groups.

use crate::sim::value::{Value, json};

use super::Printer;
use super::cells::{age, amount, first_three, number, selector, since, text_or};
use super::core::balancer;
use crate::sim::clock::Clock;
use crate::sim::json::{annotation, condition, flag, int, list, name, text};

pub(super) const PRINTERS: &[Printer] = &[
    ("poddisruptionbudgets.policy", budget),
    ("endpointslices.discovery.k8s.io", slice),
    ("leases.coordination.k8s.io", |o, clock| {
        vec![json!(name(o)), json!(text(o, "/spec/holderIdentity")), age(o, clock)]
    }),
    ("events", event),
    ("clusterrolebindings.rbac.authorization.k8s.io", binding),
    ("rolebindings.rbac.authorization.k8s.io", binding),
    ("networkpolicies.networking.k8s.io", |o, clock| {
        vec![json!(name(o)), selector(o, "/spec/podSelector"), age(o, clock)]
    }),
    ("ingresses.networking.k8s.io", ingress),
    ("servicecidrs.networking.k8s.io", |o, clock| {
        vec![json!(name(o)), joined(o, "/spec/cidrs"), age(o, clock)]
    }),
    ("priorityclasses.scheduling.k8s.io", priority_class),
    ("storageclasses.storage.k8s.io", storage_class),
    ("apiservices.apiregistration.k8s.io", api_service),
    ("validatingwebhookconfigurations.admissionregistration.k8s.io", webhooks),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", webhooks),
];

fn joined(object: &Value, pointer: &str) -> Value {
    let all: Vec<&str> = list(object, pointer).iter().filter_map(Value::as_str).collect();
    json!(all.join(","))
}

fn budget(o: &Value, clock: &Clock) -> Vec<Value> {
    vec![
        json!(name(o)),
        amount(o, "/spec/minAvailable", "N/A"),
        amount(o, "/spec/maxUnavailable", "N/A"),
        number(o, "/status/disruptionsAllowed"),
        age(o, clock),
    ]
}

fn slice(o: &Value, clock: &Clock) -> Vec<Value> {
    let port = |port: &Value| match port.get("port").and_then(Value::as_i64) {
        Some(number) => number.to_string(),
        None => port.get("name").and_then(Value::as_str).unwrap_or("*").to_owned(),
    };
    let ports: Vec<String> = list(o, "/ports").iter().map(port).collect();
    let addresses = list(o, "/endpoints").iter().flat_map(|e| list(e, "/addresses"));
    let addresses: Vec<String> = addresses.filter_map(Value::as_str).map(str::to_owned).collect();
    let kind = json!(text(o, "/addressType"));
    vec![json!(name(o)), kind, first_three(&ports), first_three(&addresses), age(o, clock)]
}

fn event(o: &Value, clock: &Clock) -> Vec<Value> {
    let seen = |pointer: &str| (!text(o, pointer).is_empty()).then(|| since(o, pointer, clock));
    let first = seen("/firstTimestamp").unwrap_or_else(|| since(o, "/eventTime", clock));
    let last = seen("/series/lastObservedTime").or_else(|| seen("/lastTimestamp"));
    let count = match o.get("series") {
        Some(series) => int(series, "/count"),
        None => int(o, "/count").max(1),
    };
    let mut target = text(o, "/involvedObject/kind").to_lowercase();
    if !text(o, "/involvedObject/name").is_empty() {
        target = format!("{target}/{}", text(o, "/involvedObject/name"));
    }
    let component = text_or(o, "/source/component", text(o, "/reportingComponent"));
    let source = match text_or(o, "/source/host", text(o, "/reportingInstance")) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    };
    vec![
        json!(last.unwrap_or_else(|| first.clone())),
        json!(text(o, "/type")),
        json!(text(o, "/reason")),
        json!(target),
        json!(text(o, "/involvedObject/fieldPath")),
        json!(source),
        json!(text(o, "/message").trim()),
        json!(first),
        json!(count),
        json!(name(o)),
    ]
}

fn binding(o: &Value, clock: &Clock) -> Vec<Value> {
    let role = format!("{}/{}", text(o, "/roleRef/kind"), text(o, "/roleRef/name"));
    let subjects = |kind: &str| {
        let of_kind = list(o, "/subjects").iter().filter(|s| text(s, "/kind") == kind);
        let shown = of_kind.map(|s| match kind {
            "ServiceAccount" => format!("{}/{}", text(s, "/namespace"), text(s, "/name")),
            _ => text(s, "/name").to_owned(),
        });
        json!(shown.collect::<Vec<_>>().join(", "))
    };
    let mut cells = vec![json!(name(o)), json!(role), age(o, clock)];
    cells.extend(["User", "Group", "ServiceAccount"].map(subjects));
    cells
}

fn ingress(o: &Value, clock: &Clock) -> Vec<Value> {
    let rules = list(o, "/spec/rules");
    let hosts = rules.iter().take(3).map(|r| text(r, "/host")).filter(|h| !h.is_empty());
    let hosts = match (hosts.collect::<Vec<_>>().join(","), rules.len()) {
        (hosts, _) if hosts.is_empty() => "*".to_owned(),
        (hosts, count) if count > 3 => format!("{hosts} + {} more...", count - 3),
        (hosts, _) => hosts,
    };
    let ports = if list(o, "/spec/tls").is_empty() { "80" } else { "80, 443" };
    vec![
        json!(name(o)),
        json!(text_or(o, "/spec/ingressClassName", "<none>")),
        json!(hosts),
        json!(balancer(o).join(",")),
        json!(ports),
        age(o, clock),
    ]
}

fn priority_class(o: &Value, clock: &Clock) -> Vec<Value> {
    let is_default = json!(flag(o, "/globalDefault"));
    vec![json!(name(o)), number(o, "/value"), is_default, age(o, clock), json!(text(o, "/preemptionPolicy"))]
}

fn storage_class(o: &Value, clock: &Clock) -> Vec<Value> {
    let is_default =
        ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
            .iter()
            .any(|key| annotation(o, key) == Some("true"));
    let name = if is_default { format!("{} (default)", name(o)) } else { name(o).to_owned() };
    vec![
        json!(name),
        json!(text(o, "/provisioner")),
        json!(text_or(o, "/reclaimPolicy", "Delete")),
        json!(text_or(o, "/volumeBindingMode", "Immediate")),
        json!(flag(o, "/allowVolumeExpansion")),
        age(o, clock),
    ]
}

fn api_service(o: &Value, clock: &Clock) -> Vec<Value> {
    let service = o.pointer("/spec/service").map_or_else(
        || "Local".to_owned(),
        |service| format!("{}/{}", text(service, "/namespace"), text(service, "/name")),
    );
    let available = match condition(o, "Available").map(|c| (text(c, "/status"), text(c, "/reason"))) {
        None => "Unknown".to_owned(),
        Some((status, reason)) if status == "True" || reason.is_empty() => status.to_owned(),
        Some((status, reason)) => format!("{status} ({reason})"),
    };
    vec![json!(name(o)), json!(service), json!(available), age(o, clock)]
}

fn webhooks(o: &Value, clock: &Clock) -> Vec<Value> {
    vec![json!(name(o)), json!(list(o, "/webhooks").len()), age(o, clock)]
}
