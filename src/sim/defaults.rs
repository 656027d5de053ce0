//! Defaults that belong to the kinds: what the API server fills in when it reads an object, whoever wrote it
//! (`k8s.io/kubernetes/pkg/apis/*/v1/defaults.go`). What admission adds is in `admission.rs`.

use base64::prelude::*;

use crate::sim::value::{Map, Value, json};

use super::json::{list, name, set, set_default, text, unset};
use super::resource::Resource;

/// Fills defaults in.
pub(crate) fn fill(info: &Resource, object: &mut Value) {
    match info.kind.as_str() {
        "Pod" => {
            pod_spec(object, "/spec");
            set_default(object, "/spec/enableServiceLinks", true);
            requests(object);
            set_default(object, "/status/phase", "Pending");
        }
        "Namespace" if !name(object).is_empty() => {
            let label = name(object).to_owned();
            set(object, "/metadata/labels/kubernetes.io~1metadata.name", label);
        }
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => {
            pod_spec(object, "/spec/template/spec");
            workload(&info.kind, object);
        }
        "Service" => service(object),
        "Secret" => secret(object),
        "PriorityClass" => set_default(object, "/preemptionPolicy", "PreemptLowerPriority"),
        "RoleBinding" | "ClusterRoleBinding" => subjects(object),
        "Node" => {
            if let Some(capacity) = object.pointer("/status/capacity").cloned() {
                set_default(object, "/status/allocatable", capacity);
            }
        }
        "CustomResourceDefinition" => {
            set_default(object, "/spec/conversion/strategy", "None");
            let kind = text(object, "/spec/names/kind").to_owned();
            set_default(object, "/spec/names/singular", kind.to_lowercase());
            set_default(object, "/spec/names/listKind", format!("{kind}List"));
        }
        _ => {}
    }
}

/// Texts of a Secret are written only: they become bytes.
fn secret(secret: &mut Value) {
    set_default(secret, "/type", "Opaque");
    let Some(Value::Object(texts)) = secret.get("stringData").cloned() else { return };
    for (key, text) in texts {
        let data = BASE64_STANDARD.encode(text.as_str().unwrap_or_default());
        set(secret, &format!("/data/{}", key.replace('~', "~0").replace('/', "~1")), data);
    }
    unset(secret, "", "stringData");
}

fn pod_spec(object: &mut Value, spec: &str) {
    for (field, default) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
    ] {
        set_default(object, &format!("{spec}/{field}"), default);
    }
    // The older name of the same field.
    let account = text(object, &format!("{spec}/serviceAccountName")).to_owned();
    if !account.is_empty() {
        set(object, &format!("{spec}/serviceAccount"), account);
    }
    for group in ["containers", "initContainers"] {
        for_each(object, &format!("{spec}/{group}"), container);
    }
    for_each(object, &format!("{spec}/volumes"), volume);
}

fn for_each(object: &mut Value, pointer: &str, change: impl Fn(&mut Value)) {
    if let Some(Value::Array(items)) = object.pointer_mut(pointer) {
        items.iter_mut().for_each(change);
    }
}

fn container(container: &mut Value) {
    set_default(container, "/terminationMessagePath", "/dev/termination-log");
    set_default(container, "/terminationMessagePolicy", "File");
    set_default(container, "/resources", json!({}));
    quantities(container);
    let image = text(container, "/image").rsplit('/').next().unwrap_or_default();
    let is_latest = !image.contains('@') && image.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    set_default(container, "/imagePullPolicy", if is_latest { "Always" } else { "IfNotPresent" });
    for_each(container, "/ports", |port| set_default(port, "/protocol", "TCP"));
    for_each(container, "/env", |variable| {
        if variable.pointer("/valueFrom/fieldRef").is_some() {
            set_default(variable, "/valueFrom/fieldRef/apiVersion", "v1");
        }
    });
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container.get(probe).is_some_and(Value::is_object) {
            self::probe(&mut container[probe]);
        }
    }
}

/// Numbers are quantities too, and are kept as texts.
fn quantities(container: &mut Value) {
    for kind in ["/resources/limits", "/resources/requests"] {
        let all = container.pointer_mut(kind).and_then(Value::as_object_mut);
        for amount in all.into_iter().flat_map(Map::values_mut).filter(|a| matches!(a, Value::Number(_))) {
            *amount = amount.to_string().into();
        }
    }
}

fn probe(probe: &mut Value) {
    for (field, default) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        set_default(probe, &format!("/{field}"), default);
    }
    if probe.get("httpGet").is_some() {
        set_default(probe, "/httpGet/path", "/");
        set_default(probe, "/httpGet/scheme", "HTTP");
    }
}

fn volume(volume: &mut Value) {
    let has_source = volume.as_object().is_some_and(|v| v.keys().any(|key| key != "name"));
    if !has_source {
        set(volume, "/emptyDir", json!({}));
    }
    for (source, field, default) in [
        ("configMap", "defaultMode", json!(420)),
        ("secret", "defaultMode", json!(420)),
        ("projected", "defaultMode", json!(420)),
        ("hostPath", "type", json!("")),
    ] {
        if volume.get(source).is_some() {
            set_default(volume, &format!("/{source}/{field}"), default);
        }
    }
}

/// What is limited and not requested is requested up to the limit.
fn requests(pod: &mut Value) {
    for_each(pod, "/spec/containers", |container| {
        let limits = container.pointer("/resources/limits").and_then(Value::as_object).cloned();
        for (resource, limit) in limits.into_iter().flatten() {
            set_default(container, &format!("/resources/requests/{}", resource.replace('/', "~1")), limit);
        }
    });
}

fn workload(kind: &str, object: &mut Value) {
    match kind {
        "Deployment" => {
            set_default(object, "/spec/replicas", 1);
            set_default(object, "/spec/revisionHistoryLimit", 10);
            set_default(object, "/spec/progressDeadlineSeconds", 600);
            set_empty(object, "/spec/strategy/type", "RollingUpdate");
            if text(object, "/spec/strategy/type") == "RollingUpdate" {
                set_default(object, "/spec/strategy/rollingUpdate/maxSurge", "25%");
                set_default(object, "/spec/strategy/rollingUpdate/maxUnavailable", "25%");
            }
        }
        "DaemonSet" => {
            set_default(object, "/spec/revisionHistoryLimit", 10);
            set_empty(object, "/spec/updateStrategy/type", "RollingUpdate");
            if text(object, "/spec/updateStrategy/type") == "RollingUpdate" {
                set_default(object, "/spec/updateStrategy/rollingUpdate/maxUnavailable", 1);
                set_default(object, "/spec/updateStrategy/rollingUpdate/maxSurge", 0);
            }
        }
        "StatefulSet" => {
            set_default(object, "/spec/replicas", 1);
            set_default(object, "/spec/revisionHistoryLimit", 10);
            set_empty(object, "/spec/podManagementPolicy", "OrderedReady");
            set_empty(object, "/spec/updateStrategy/type", "RollingUpdate");
        }
        "Job" => {
            set_default(object, "/spec/completions", 1);
            set_default(object, "/spec/parallelism", 1);
            set_default(object, "/spec/backoffLimit", 6);
        }
        _ => set_default(object, "/spec/replicas", 1),
    }
}

/// A text that is missing or empty.
fn set_empty(object: &mut Value, pointer: &str, default: &str) {
    if text(object, pointer).is_empty() {
        set(object, pointer, default);
    }
}

fn service(service: &mut Value) {
    set_empty(service, "/spec/type", "ClusterIP");
    set_empty(service, "/spec/sessionAffinity", "None");
    if text(service, "/spec/type") != "ExternalName" {
        set_default(service, "/spec/internalTrafficPolicy", "Cluster");
    }
    for_each(service, "/spec/ports", |port| {
        set_default(port, "/protocol", "TCP");
        if let Some(number) = port.get("port").cloned() {
            set_default(port, "/targetPort", number);
        }
    });
    set_default(service, "/status/loadBalancer", json!({}));
}

fn subjects(binding: &mut Value) {
    set_empty(binding, "/roleRef/apiGroup", "rbac.authorization.k8s.io");
    if list(binding, "/subjects").is_empty() {
        return;
    }
    for_each(binding, "/subjects", |subject| {
        if text(subject, "/kind") != "ServiceAccount" {
            set_empty(subject, "/apiGroup", "rbac.authorization.k8s.io");
        }
    });
}
