//! Rules that objects must keep, with the server's words for each breach (`k8s.io/kubernetes/pkg/apis/*/validation`,
//! `k8s.io/apimachinery/pkg/api/validation`): those of metadata, budgets, leases, nodes, workloads and pods that callers
//! of this tool can meet.

use crate::sim::value::{Value, json};

use super::json::{int, list, text};
use super::resource::Resource;

pub(crate) mod events;
mod names;

use names::subdomain_problem;
pub(crate) use names::{LABEL_VALUE, is_label_value, label_key_problems};

/// One breach: `reason` as in `details.causes`, the field, and the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Problem {
    /// `FieldValueInvalid`; the value as the message shows it.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {value}: {why}");
        Self { reason: "FieldValueInvalid", field: field.into(), message }
    }

    /// `FieldValueRequired`.
    pub(crate) fn required(field: impl Into<String>, why: &str) -> Self {
        let message =
            if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self { reason: "FieldValueRequired", field: field.into(), message }
    }

    /// `FieldValueNotSupported`.
    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let all: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", all.join(", "));
        Self { reason: "FieldValueNotSupported", field: field.into(), message }
    }

    /// `FieldValueForbidden`.
    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", field: field.into(), message: format!("Forbidden: {why}") }
    }
}

const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// The breaches of a new object.
pub(crate) fn new_object(info: &Resource, object: &Value) -> Vec<Problem> {
    let mut found = name(info, object);
    found.extend(metadata(object));
    found.extend(of_kind(info, object));
    found
}

/// The breaches of a changed object. The server looks at metadata once for all kinds and once more for each kind, and
/// tells each breach as often.
pub(crate) fn changed_object(info: &Resource, old: &Value, new: &Value) -> Vec<Problem> {
    let times = if info.kind == "Node" { 4 } else { 2 };
    let mut found = Vec::new();
    let mut meta = metadata(new);
    meta.extend(immutable_metadata(old, new));
    for _ in 0..times {
        found.extend(meta.clone());
    }
    let own = of_kind(info, new);
    if info.kind == "Node" {
        found.extend(own.clone());
    }
    found.extend(own);
    found
}

fn immutable_metadata(old: &Value, new: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let given = text(new, "/metadata/uid");
    if !given.is_empty() && given != text(old, "/metadata/uid") {
        found.push(Problem::invalid("metadata.uid", &given.into(), "field is immutable"));
    }
    let before = list(old, "/metadata/finalizers");
    let is_new = |f: &&Value| !before.contains(f);
    let added: Vec<String> =
        list(new, "/metadata/finalizers").iter().filter(is_new).map(Value::to_string).collect();
    if super::json::is_deleting(old) && !added.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        );
        found.push(Problem::forbidden("metadata.finalizers", &why));
    }
    found
}

fn name(info: &Resource, object: &Value) -> Vec<Problem> {
    // These take any name that is a path segment.
    if info.group == "rbac.authorization.k8s.io" {
        return Vec::new();
    }
    let mut found = Vec::new();
    let prefix = text(object, "/metadata/generateName");
    // A prefix may end as no name may.
    let trimmed = prefix.strip_suffix('-').map(|p| format!("{p}a"));
    if !prefix.is_empty()
        && let Some(why) = subdomain_problem(trimmed.as_deref().unwrap_or(prefix))
    {
        found.push(Problem::invalid("metadata.generateName", &prefix.into(), &why));
    }
    let name = super::json::name(object);
    if name.is_empty() {
        found.push(Problem::required("metadata.name", "name or generateName is required"));
    } else if let Some(why) = subdomain_problem(name) {
        found.push(Problem::invalid("metadata.name", &name.into(), &why));
    }
    found
}

fn metadata(object: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let members = |pointer: &str| object.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
    for (key, value) in members("/metadata/labels") {
        found.extend(label("metadata.labels", key, value));
    }
    for (key, _) in members("/metadata/annotations") {
        let problems = label_key_problems(&key.to_lowercase()).into_iter();
        found.extend(problems.map(|why| Problem::invalid("metadata.annotations", &json!(key), &why)));
    }
    for (at, finalizer) in list(object, "/metadata/finalizers").iter().enumerate() {
        let known = ["orphan", "foregroundDeletion", "kubernetes"];
        let text = finalizer.as_str().unwrap_or_default();
        if !known.contains(&text) && !text.contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            found.push(Problem::invalid(format!("metadata.finalizers[{at}]"), finalizer, why));
        }
    }
    found.extend(owners(list(object, "/metadata/ownerReferences")));
    found
}

fn label(field: &str, key: &str, value: &Value) -> Vec<Problem> {
    let problems = label_key_problems(key).into_iter();
    let mut found: Vec<Problem> = problems.map(|why| Problem::invalid(field, &json!(key), &why)).collect();
    if !is_label_value(value.as_str().unwrap_or_default()) {
        found.push(Problem::invalid(field, value, LABEL_VALUE));
    }
    found
}

fn owners(owners: &[Value]) -> Vec<Problem> {
    let field = "metadata.ownerReferences";
    let mut found = Vec::new();
    for owner in owners {
        for (member, why) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if text(owner, &format!("/{member}")).is_empty() {
                found.push(Problem::invalid(format!("{field}.{member}"), &json!(""), why));
            }
        }
    }
    let controllers: Vec<&Value> = owners.iter().filter(|o| super::json::flag(o, "/controller")).collect();
    if let [first, second, ..] = controllers.as_slice() {
        let name = |owner: &Value| format!("{}/{}", text(owner, "/kind"), text(owner, "/name"));
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
            name(first),
            name(second)
        );
        found.push(Problem::invalid(field, &owners.into(), &why));
    }
    found
}

fn of_kind(info: &Resource, object: &Value) -> Vec<Problem> {
    match info.kind.as_str() {
        "PodDisruptionBudget" => budget(object),
        "Lease" => lease(object),
        "Node" => node(object),
        "ConfigMap" => config_map(object),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => workload(info, object),
        "Pod" => pod_spec(&object["spec"], "spec"),
        "Service" => service(object),
        "Event" if !info.custom => events::event(object),
        _ => Vec::new(),
    }
}

fn at_least(object: &Value, pointer: &str, least: i64, why: &str) -> Option<Problem> {
    let number = object.pointer(pointer)?.as_i64()?;
    let field = pointer[1..].replace('/', ".");
    (number < least).then(|| Problem::invalid(field, &json!(number), why))
}

fn budget(budget: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let spec = &budget["spec"];
    let is_there = |member: &str| spec.get(member).is_some_and(|v| !v.is_null());
    if is_there("minAvailable") && is_there("maxUnavailable") {
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            spec["minAvailable"],
            spec["selector"],
            spec["maxUnavailable"],
            spec["unhealthyPodEvictionPolicy"]
        );
        let message = format!("Invalid value: {shown}: minAvailable and maxUnavailable cannot be both set");
        found.push(Problem { reason: "FieldValueInvalid", field: "spec".to_owned(), message });
    }
    for member in ["minAvailable", "maxUnavailable"] {
        found.extend(amount(&spec[member], &format!("spec.{member}")));
    }
    found.extend(selector(&spec["selector"], "spec.selector"));
    let policy = &spec["unhealthyPodEvictionPolicy"];
    let policies = ["AlwaysAllow", "IfHealthyBudget"];
    if policy.as_str().is_some_and(|p| !policies.contains(&p)) {
        found.push(Problem::unsupported("spec.unhealthyPodEvictionPolicy", policy, &policies));
    }
    for member in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
        found.extend(at_least(budget, &format!("/status/{member}"), 0, NOT_NEGATIVE));
    }
    found
}

fn amount(value: &Value, field: &str) -> Option<Problem> {
    if value.as_i64().is_some_and(|n| n < 0) {
        return Some(Problem::invalid(field, value, NOT_NEGATIVE));
    }
    let percent = value.as_str()?;
    let digits = percent.strip_suffix('%').filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
    let Some(digits) = digits else {
        let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                   regex used for validation is '[0-9]+%')";
        return Some(Problem::invalid(field, value, why));
    };
    let is_more = digits.parse::<u32>().map_or(true, |n| n > 100);
    is_more.then(|| Problem::invalid(field, value, "must not be greater than 100%"))
}

fn selector(selector: &Value, field: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        found.extend(label(&format!("{field}.matchLabels"), key, value));
    }
    for (at, expression) in list(selector, "/matchExpressions").iter().enumerate() {
        let field = format!("{field}.matchExpressions[{at}]");
        let has_values = !list(expression, "/values").is_empty();
        match (text(expression, "/operator"), has_values) {
            ("In" | "NotIn", false) => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                found.push(Problem::required(format!("{field}.values"), why));
            }
            ("Exists" | "DoesNotExist", true) => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                found.push(Problem::forbidden(format!("{field}.values"), why));
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            (other, _) => {
                let why = "not a valid selector operator";
                found.push(Problem::invalid(format!("{field}.operator"), &json!(other), why));
            }
        }
    }
    found
}

fn lease(lease: &Value) -> Vec<Problem> {
    let duration = at_least(lease, "/spec/leaseDurationSeconds", 1, "must be greater than 0");
    let transitions = at_least(lease, "/spec/leaseTransitions", 0, NOT_NEGATIVE);
    duration.into_iter().chain(transitions).collect()
}

fn node(node: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let taints = list(node, "/spec/taints");
    for (at, taint) in taints.iter().enumerate() {
        let field = format!("metadata.taints[{at}]");
        let (key, effect) = (text(taint, "/key"), text(taint, "/effect"));
        let problems = label_key_problems(key).into_iter();
        found.extend(problems.map(|why| Problem::invalid(format!("{field}.key"), &json!(key), &why)));
        if effect.is_empty() {
            found.push(Problem::required(format!("{field}.effect"), ""));
        } else if !effects.contains(&effect) {
            found.push(Problem::unsupported(format!("{field}.effect"), &json!(effect), &effects));
        }
        let same = |t: &Value| text(t, "/key") == key && text(t, "/effect") == effect;
        if taints[..at].iter().any(same) {
            let shown = format!(
                "{{\"Key\":{key:?},\"Value\":{:?},\"Effect\":{effect:?},\"TimeAdded\":null}}",
                text(taint, "/value")
            );
            let message = format!("Duplicate value: {shown}: taints must be unique by key and effect pair");
            found.push(Problem { reason: "FieldValueDuplicate", field, message });
        }
    }
    found
}

fn config_map(map: &Value) -> Vec<Problem> {
    let keys = map["data"].as_object().into_iter().flatten().map(|(key, _)| key);
    keys.filter(|key| *key == "..")
        .map(|key| Problem::invalid(format!("data[{key}]"), &json!(key), "must not be '..'"))
        .collect()
}

fn service(service: &Value) -> Vec<Problem> {
    let ports = list(service, "/spec/ports");
    let is_nameless = |(_, port): &(usize, &Value)| ports.len() > 1 && text(port, "/name").is_empty();
    let nameless = ports.iter().enumerate().filter(is_nameless);
    nameless.map(|(at, _)| Problem::required(format!("spec.ports[{at}].name"), "")).collect()
}

fn workload(info: &Resource, object: &Value) -> Vec<Problem> {
    let mut found: Vec<Problem> = at_least(object, "/spec/replicas", 0, NOT_NEGATIVE).into_iter().collect();
    if info.kind != "Job" {
        let labels = object.pointer("/spec/template/metadata/labels").unwrap_or(&Value::Null);
        let selector = super::selector::Labels::from_object(&object["spec"]["selector"]);
        if selector.is_some_and(|s| !s.matches_map(labels)) {
            let why = "`selector` does not match template `labels`";
            found.push(Problem::invalid("spec.template.metadata.labels", labels, why));
        }
    }
    found.extend(pod_spec(&object["spec"]["template"]["spec"], "spec.template.spec"));
    found
}

fn pod_spec(spec: &Value, field: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let containers = list(spec, "/containers");
    if containers.is_empty() {
        found.push(Problem::required(format!("{field}.containers"), ""));
    }
    for (at, container) in containers.iter().enumerate() {
        let field = format!("{field}.containers[{at}]");
        let name = text(container, "/name");
        if name.is_empty() {
            found.push(Problem::required(format!("{field}.name"), ""));
        } else if let Some(why) = names::label_problem(name) {
            found.push(Problem::invalid(format!("{field}.name"), &json!(name), &why));
        }
        if text(container, "/image").is_empty() {
            found.push(Problem::required(format!("{field}.image"), ""));
        }
    }
    let policies = ["Always", "OnFailure", "Never"];
    let policy = text(spec, "/restartPolicy");
    if !policies.contains(&policy) {
        found.push(Problem::unsupported(format!("{field}.restartPolicy"), &json!(policy), &policies));
    }
    if int(spec, "/terminationGracePeriodSeconds") < 0 {
        let seconds = &spec["terminationGracePeriodSeconds"];
        found.push(Problem::invalid(format!("{field}.terminationGracePeriodSeconds"), seconds, NOT_NEGATIVE));
    }
    found
}
