//! EndpointSlices: of each Service with a selector, at most so many endpoints each. A pod's change is taken over where its
//! endpoint is: to count all pods of a Service anew would cost thousands of looks for each Cilium agent.

use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::sim::json::{
    flag, is_deleting, is_finished, is_ready, list, name, namespace, owner_reference, set, text, uid,
};
use crate::sim::lifecycle::Deletion;
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

/// Endpoints of a slice (`--max-endpoints-per-slice` of kube-controller-manager).
const LIMIT: usize = 100;

/// In which slices pods have their endpoints.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    /// By pod; mostly one.
    places: HashMap<Key, SmallVec<[Place; 1]>>,
    /// Services whose slices were looked through: those of a record are there before anybody knows them.
    services: HashSet<Key>,
}

/// A slice with its Service.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    service: Key,
    slice: Key,
}

impl Slices {
    fn of(&self, pod: &Key) -> &[Place] {
        self.places.get(pod).map_or(&[], SmallVec::as_slice)
    }

    fn put(&mut self, pod: &Key, place: Place) {
        let places = self.places.entry(pod.clone()).or_default();
        places.retain(|known| known.service != place.service);
        places.push(place);
    }

    fn drop_from(&mut self, pod: &Key, slice: &Key) {
        if let Some(places) = self.places.get_mut(pod) {
            places.retain(|place| place.slice != *slice);
            if places.is_empty() {
                self.places.remove(pod);
            }
        }
    }
}

/// A Service itself; a pod that one selects, or that has an endpoint.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let concerns = match change.key.resource {
        id::SERVICES => true,
        id::PODS if !is_as_before(change) => {
            let selects = |(_, labels): (&Key, &Labels)| labels.matches(change.object());
            world.slices.places.contains_key(&change.key)
                || world.index.services(&change.key.namespace).any(selects)
        }
        _ => false,
    };
    if concerns { vec![change.key.clone()] } else { Vec::new() }
}

/// Whether an endpoint of this pod says what it said before.
fn is_as_before(change: &Change) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return false };
    has_address(before) == has_address(after)
        && Facts::of_pod(before) == Facts::of_pod(after)
        && !change.alters(&["/metadata/labels", "/metadata/uid", "/spec/nodeName"])
}

fn has_address(pod: &Value) -> bool {
    !text(pod, "/status/podIP").is_empty() && !is_finished(pod)
}

/// What selects the pods of a Service; `None` where somebody else says its endpoints.
pub(crate) fn selector(service: &Value) -> Option<Labels> {
    let labels =
        service.pointer("/spec/selector").filter(|s| s.as_object().is_some_and(|m| !m.is_empty()))?;
    Labels::from_object(&json!({"matchLabels": labels}))
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    if key.resource == id::PODS {
        of_pod(world, key);
    } else {
        of_service(world, key);
    }
    None
}

/// Brings the endpoints of one pod to order.
fn of_pod(world: &mut World, key: &Key) {
    let pod = world.store.get(key).filter(|pod| has_address(pod)).cloned();
    let services: Vec<Key> = pod.as_ref().map_or_else(Vec::new, |pod| {
        let all = world.index.services(&key.namespace);
        all.filter(|(_, labels)| labels.matches(pod)).map(|(service, _)| service.clone()).collect()
    });
    let known = world.slices.of(key).to_vec();
    for place in known.iter().filter(|place| !services.contains(&place.service)) {
        take_out(world, place, key);
    }
    let Some(pod) = pod else { return };
    for service in services {
        if !world.slices.services.contains(&service) {
            of_service(world, &service);
            continue;
        }
        let place = known.iter().find(|place| place.service == service);
        if !place.is_some_and(|place| renew(world, &place.slice, &pod)) {
            add(world, &service, &pod);
        }
    }
}

/// Brings all endpoints of a Service to order.
fn of_service(world: &mut World, key: &Key) {
    let Some(service) = world.store.get(key).cloned().filter(|s| !is_deleting(s)) else { return };
    let Some(selector) = selector(&service) else { return };
    world.slices.services.insert(key.clone());
    let pods = world.store.selected(&key.namespace, &selector).into_iter();
    let pods: Vec<_> = pods.filter(|pod| has_address(pod)).cloned().collect();
    let mut missing: HashMap<&str, &Value> = pods.iter().map(|pod| (name(pod), pod)).collect();
    for slice in slices_of(world, &service) {
        let kept: Vec<(&str, Value)> = endpoints_of(world, &slice)
            .iter()
            .filter_map(|known| {
                let pod = missing.remove(pod_of(known))?;
                Some((uid(pod), if says(known, pod) { known.clone() } else { endpoint(pod) }))
            })
            .collect();
        let (uids, endpoints): (Vec<_>, Vec<_>) = kept.into_iter().unzip();
        for (pod, _) in uids.into_iter().filter_map(|uid| world.store.by_uid(uid)) {
            world.slices.put(pod, Place { service: key.clone(), slice: slice.clone() });
        }
        let ports = ports(&service);
        world.modify(&slice, |slice| {
            set(slice, "/endpoints", endpoints);
            // What a record says besides the number stays.
            if numbers(list(slice, "/ports")) != numbers(&ports) {
                set(slice, "/ports", ports);
            }
        });
    }
    if pods.is_empty() && slices_of(world, &service).is_empty() {
        create(world, &service, &[]);
    }
    for pod in pods.iter().filter(|pod| missing.contains_key(name(pod))) {
        add(world, key, pod);
    }
}

/// The slices of a Service, recorded ones or those that are made here.
fn slices_of(world: &World, service: &Value) -> Vec<Key> {
    let owned = world.store.each_owned_by(uid(service)).map(|(key, _)| key);
    owned.filter(|key| key.resource == id::ENDPOINT_SLICES).cloned().collect()
}

fn endpoints_of<'w>(world: &'w World, slice: &Key) -> &'w [Value] {
    world.store.get(slice).map_or(&[], |slice| list(slice, "/endpoints"))
}

/// Says in a slice what its endpoint of a pod is now; `false` where it has none.
fn renew(world: &mut World, slice: &Key, pod: &Value) -> bool {
    let endpoints = endpoints_of(world, slice);
    let Some(at) = endpoints.iter().position(|e| pod_of(e) == name(pod)) else { return false };
    if !says(&endpoints[at], pod) {
        let new = endpoint(pod);
        world.modify(slice, |slice| set(slice, &format!("/endpoints/{at}"), new));
    }
    true
}

/// Puts an endpoint into the fullest slice that has room, or into a new one.
fn add(world: &mut World, service: &Key, pod: &Value) {
    let Some(object) = world.store.get(service).cloned() else { return };
    let slices =
        slices_of(world, &object).into_iter().map(|slice| (endpoints_of(world, &slice).len(), slice));
    // Of equally full ones the first.
    let fullest = slices.filter(|(full, _)| *full < LIMIT).rev().max_by_key(|(full, _)| *full);
    let new = endpoint(pod);
    let slice = match fullest {
        Some((_, slice)) => world
            .modify(&slice, |slice| match slice.pointer_mut("/endpoints") {
                Some(Value::Array(all)) => all.push(new),
                _ => set(slice, "/endpoints", vec![new]),
            })
            .map(|_| slice),
        None => create(world, &object, &[new]),
    };
    if let Some((slice, (key, _))) = slice.zip(world.store.by_uid(uid(pod))) {
        world.slices.put(key, Place { service: service.clone(), slice });
    }
}

/// Takes the endpoint of a pod out of a slice, and an empty slice away, but for the last of its Service.
fn take_out(world: &mut World, place: &Place, pod: &Key) {
    world.slices.drop_from(pod, &place.slice);
    let left = world.modify(&place.slice, |slice| {
        if let Some(Value::Array(all)) = slice.pointer_mut("/endpoints") {
            all.retain(|endpoint| pod_of(endpoint) != &*pod.name);
        }
    });
    let is_empty = left.is_some_and(|slice| list(&slice, "/endpoints").is_empty());
    let service = world.store.get(&place.service);
    if is_empty && service.is_some_and(|service| slices_of(world, service).len() > 1) {
        // Gone already is what was wanted.
        drop(world.delete(&place.slice, &Deletion::default()));
    }
}

/// Makes a slice; `None` in a namespace that goes: it takes no new objects, and needs none.
fn create(world: &mut World, service: &Value, endpoints: &[Value]) -> Option<Key> {
    let named = |n: u32| Key::new(id::ENDPOINT_SLICES, namespace(service), &format!("{}-{n}", name(service)));
    let key = (1..=u32::MAX).map(named).find(|key| world.store.get(key).is_none())?;
    let object = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "name": &*key.name, "namespace": &*key.namespace, "ownerReferences": [owner_reference(service)],
            "labels": {"kubernetes.io/service-name": name(service)},
        },
        "endpoints": endpoints, "ports": ports(service),
    });
    world.create(id::ENDPOINT_SLICES, object, false).ok()?;
    Some(key)
}

/// The name of an endpoint's pod.
fn pod_of(endpoint: &Value) -> &str {
    text(endpoint, "/targetRef/name")
}

/// Whether an endpoint says what it is to say of a pod.
fn says(endpoint: &Value, pod: &Value) -> bool {
    text(endpoint, "/targetRef/uid") == uid(pod) && Facts::of(endpoint) == Facts::of_pod(pod)
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

fn ports(service: &Value) -> Vec<Value> {
    list(service, "/spec/ports").iter().map(port).collect()
}

/// The ports that are numbers: what a name stands for is the pods' business.
fn numbers(ports: &[Value]) -> Vec<i64> {
    ports.iter().filter_map(|p| p.get("port").and_then(Value::as_i64)).collect()
}

fn port(port: &Value) -> Value {
    let target = port.get("targetPort").unwrap_or(&port["port"]);
    let protocol = if text(port, "/protocol").is_empty() { "TCP" } else { text(port, "/protocol") };
    json!({"name": text(port, "/name"), "port": target, "protocol": protocol})
}
