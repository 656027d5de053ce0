//! EndpointSlices: one for each Service with a selector.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sim::json::{
    is_deleting, is_finished, is_ready, list, name, namespace, owner_reference, set, text, uid,
};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::{Change, Key};
use crate::sim::world::World;

/// A Service itself, and those of a namespace in which a pod changes.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    match change.key.resource {
        id::SERVICES => vec![change.key.clone()],
        id::PODS => {
            let services = world.store.list(id::SERVICES, Some(&change.key.namespace));
            let selects = |s: &Value| selector(s).is_some_and(|sel| sel.matches(change.object()));
            services.filter(|s| selects(s)).map(|s| Key::of(id::SERVICES, s)).collect()
        }
        _ => Vec::new(),
    }
}

fn selector(service: &Value) -> Option<Labels> {
    let labels =
        service.pointer("/spec/selector").filter(|s| s.as_object().is_some_and(|m| !m.is_empty()))?;
    Labels::from_object(&json!({"matchLabels": labels}))
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let service = world.store.get(key).cloned().filter(|s| !is_deleting(s))?;
    let selector = selector(&service)?;
    let pods = world.store.list(id::PODS, Some(&key.namespace));
    let has_address = |p: &Value| !text(p, "/status/podIP").is_empty() && !is_finished(p);
    let endpoints: Vec<Value> =
        pods.filter(|p| selector.matches(p) && has_address(p)).map(|p| endpoint(p)).collect();
    let ports: Vec<Value> = list(&service, "/spec/ports").iter().map(port).collect();
    let slice = Key::new(id::ENDPOINT_SLICES, &key.namespace, &format!("{}-1", key.name));
    let content = |object: &mut Value| {
        set(object, "/endpoints", endpoints.clone());
        set(object, "/ports", ports.clone());
    };
    if world.modify(&slice, content).is_none() {
        let mut object = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": slice.name, "namespace": slice.namespace, "ownerReferences": [owner_reference(&service)],
                "labels": {"kubernetes.io/service-name": key.name},
            },
        });
        content(&mut object);
        // A namespace that goes takes no new objects, and needs none.
        drop(world.create(id::ENDPOINT_SLICES, object, false));
    }
    None
}

fn endpoint(pod: &Value) -> Value {
    json!({
        "addresses": [text(pod, "/status/podIP")], "nodeName": text(pod, "/spec/nodeName"),
        "conditions": {
            "ready": is_ready(pod) && !is_deleting(pod), "serving": is_ready(pod), "terminating": is_deleting(pod),
        },
        "targetRef": {"kind": "Pod", "name": name(pod), "namespace": namespace(pod), "uid": uid(pod)},
    })
}

fn port(port: &Value) -> Value {
    let target = port.get("targetPort").unwrap_or(&port["port"]);
    let protocol = if text(port, "/protocol").is_empty() { "TCP" } else { text(port, "/protocol") };
    json!({"name": text(port, "/name"), "port": target, "protocol": protocol})
}
