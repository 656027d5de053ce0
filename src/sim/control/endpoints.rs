//! EndpointSlices: one for each Service with a selector.

use std::collections::HashMap;
use std::time::Duration;

use crate::sim::json::{
    flag, is_deleting, is_finished, is_ready, list, name, namespace, owner_reference, set, text, uid,
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
    let is_there = |p: &Value| !text(p, "/status/podIP").is_empty() && !is_finished(p);
    is_there(before) == is_there(after)
        && Facts::of_pod(before) == Facts::of_pod(after)
        && !change.alters(&["/metadata/labels", "/metadata/uid", "/spec/nodeName"])
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
    let slice = slice_of(world, &service);
    let known = world.store.get(&slice).map_or(&[][..], |s| list(s, "/endpoints"));
    let known: HashMap<&str, &Value> = known.iter().map(|e| (text(e, "/targetRef/uid"), e)).collect();
    let pods = world.store.selected(&key.namespace, &selector).into_iter();
    let has_address = |p: &Value| !text(p, "/status/podIP").is_empty() && !is_finished(p);
    let (mut is_as_known, mut endpoints) = (true, Vec::new());
    for pod in pods.filter(|p| has_address(p)) {
        let same = known.get(uid(pod)).filter(|e| Facts::of(e) == Facts::of_pod(pod));
        is_as_known &= same.is_some();
        endpoints.push(same.map_or_else(|| endpoint(pod), |e| Value::clone(e)));
    }
    if is_as_known && !endpoints.is_empty() && endpoints.len() == known.len() {
        return None;
    }
    let ports: Vec<Value> = list(&service, "/spec/ports").iter().map(port).collect();
    // They are not held here too: the store shares no part that somebody else has.
    let content = move |object: &mut Value| {
        set(object, "/endpoints", endpoints);
        set(object, "/ports", ports);
    };
    if world.store.get(&slice).is_some() {
        world.modify(&slice, content);
    } else {
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
    let mut owned = world.store.each_owned_by(uid(service)).map(|(key, _)| key);
    let own = || Key::new(id::ENDPOINT_SLICES, namespace(service), &format!("{}-1", name(service)));
    owned.find(|key| key.resource == id::ENDPOINT_SLICES).cloned().unwrap_or_else(own)
}

/// What an endpoint says of its pod, whatever else it says.
#[derive(PartialEq, Eq)]
struct Facts<'a> {
    address: &'a str,
    is_ready: bool,
    is_serving: bool,
    is_terminating: bool,
}

impl<'a> Facts<'a> {
    fn of(endpoint: &'a Value) -> Self {
        Self {
            address: text(endpoint, "/addresses/0"),
            is_ready: flag(endpoint, "/conditions/ready"),
            is_serving: flag(endpoint, "/conditions/serving"),
            is_terminating: flag(endpoint, "/conditions/terminating"),
        }
    }

    fn of_pod(pod: &'a Value) -> Self {
        let (is_serving, is_terminating) = (is_ready(pod), is_deleting(pod));
        let address = text(pod, "/status/podIP");
        Self { address, is_ready: is_serving && !is_terminating, is_serving, is_terminating }
    }
}

fn endpoint(pod: &Value) -> Value {
    let (facts, metadata) = (Facts::of_pod(pod), &pod["metadata"]);
    // The words are the pod's own: each is in some slice.
    json!({
        "addresses": [pod["status"]["podIP"]], "nodeName": pod["spec"]["nodeName"],
        "conditions": {
            "ready": facts.is_ready, "serving": facts.is_serving, "terminating": facts.is_terminating,
        },
        "targetRef": {"kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
    })
}

fn port(port: &Value) -> Value {
    let target = port.get("targetPort").unwrap_or(&port["port"]);
    let protocol = if text(port, "/protocol").is_empty() { "TCP" } else { text(port, "/protocol") };
    json!({"name": text(port, "/name"), "port": target, "protocol": protocol})
}
