//! EndpointSlices: one for each Service with a selector.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::sim::json::{
    is_deleting, is_finished, is_ready, list, name, namespace, owner_reference, set, text, uid,
};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

/// A Service itself, and those of a namespace in which a pod changes.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    match change.key.resource {
        id::SERVICES => vec![change.key.clone()],
        id::PODS => {
            if is_as_before(change) {
                return Vec::new();
            }
            let services = world.index.services(&change.key.namespace);
            let selects = |labels: &Labels| labels.matches(change.object());
            services.filter(|(_, labels)| selects(labels)).map(|(key, _)| key.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether an endpoint of this pod says what it said before.
fn is_as_before(change: &Change) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return false };
    let labels = |p: &'_ Arc<Value>| p.pointer("/metadata/labels").cloned();
    let is_there = |p: &Value| !text(p, "/status/podIP").is_empty() && !is_finished(p);
    is_there(before) == is_there(after)
        && endpoint(before) == endpoint(after)
        && labels(before) == labels(after)
}

/// What selects the pods of a Service; `None` where somebody else says its endpoints.
pub(crate) fn selector(service: &Value) -> Option<Labels> {
    let labels =
        service.pointer("/spec/selector").filter(|s| s.as_object().is_some_and(|m| !m.is_empty()))?;
    Labels::from_object(&json!({"matchLabels": labels}))
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let service = world.store.get(key).cloned().filter(|s| !is_deleting(s))?;
    let selector = selector(&service)?;
    let pods = world.store.selected(&key.namespace, &selector).into_iter();
    let has_address = |p: &Value| !text(p, "/status/podIP").is_empty() && !is_finished(p);
    let endpoints: Vec<Value> = pods.filter(|p| has_address(p)).map(|p| endpoint(p)).collect();
    let ports: Vec<Value> = list(&service, "/spec/ports").iter().map(port).collect();
    let slice = slice_of(world, &service);
    if world.store.get(&slice).is_some_and(|s| says_the_same(s, &endpoints)) {
        return None;
    }
    let content = |object: &mut Value| {
        set(object, "/endpoints", endpoints.clone());
        set(object, "/ports", ports.clone());
    };
    if world.modify(&slice, content).is_none() {
        let mut object = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": &*slice.name, "namespace": &*slice.namespace, "ownerReferences": [owner_reference(&service)],
                "labels": {"kubernetes.io/service-name": &*key.name},
            },
        });
        content(&mut object);
        // A namespace that goes takes no new objects, and needs none.
        drop(world.create(id::ENDPOINT_SLICES, object, false));
    }
    None
}

/// The recorded slice of a Service, or the one that is made here.
fn slice_of(world: &World, service: &Value) -> Key {
    let owned = world.store.owned_by(uid(service)).into_iter().map(|(k, _)| k);
    let mut slices = owned.filter(|k| k.resource == id::ENDPOINT_SLICES);
    let own = || Key::new(id::ENDPOINT_SLICES, namespace(service), &format!("{}-1", name(service)));
    slices.next().unwrap_or_else(own)
}

/// Whether a slice has these endpoints already, in any order and with whatever else it says of them.
fn says_the_same(slice: &Value, endpoints: &[Value]) -> bool {
    let facts = |all: &[Value]| {
        let fact = |e: &Value| {
            (
                text(e, "/targetRef/uid").to_owned(),
                text(e, "/addresses/0").to_owned(),
                e["conditions"].to_string(),
            )
        };
        all.iter().map(fact).collect::<BTreeSet<_>>()
    };
    !endpoints.is_empty() && facts(list(slice, "/endpoints")) == facts(endpoints)
}

fn endpoint(pod: &Value) -> Value {
    let metadata = &pod["metadata"];
    // The words are the pod's own: each is in some slice.
    json!({
        "addresses": [pod["status"]["podIP"]], "nodeName": pod["spec"]["nodeName"],
        "conditions": {
            "ready": is_ready(pod) && !is_deleting(pod), "serving": is_ready(pod), "terminating": is_deleting(pod),
        },
        "targetRef": {"kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
    })
}

fn port(port: &Value) -> Value {
    let target = port.get("targetPort").unwrap_or(&port["port"]);
    let protocol = if text(port, "/protocol").is_empty() { "TCP" } else { text(port, "/protocol") };
    json!({"name": text(port, "/name"), "port": target, "protocol": protocol})
}
