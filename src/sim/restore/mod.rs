//! A cluster from recorded API objects, as it was when they were read.
//!
//! Objects are stored as they are. What no API object holds (files, links, rules, routes, address pools, what a kubelet
//! remembers) follows from them, as the lab showed it for Flannel and Cilium. The controllers then find nothing to do.

mod gaps;
mod machines;
mod network;
mod pods;
mod revisions;

use hashbrown::HashMap;

use crate::sim::Objects;
use crate::sim::value::{Value, json};
use sha2::{Digest, Sha256};

use super::json::{list, namespace, set, text, uid};
use super::resource::id;
use super::store::Key;
use super::world::World;

pub(super) use network::network;

/// Puts recorded objects into an empty world; a frozen one keeps every object as it is even where a projection left out
/// what controllers need.
pub(super) fn restore(world: &mut World, objects: Objects) {
    let is_frozen = world.frozen;
    let (definitions, others): (Vec<Value>, Vec<Value>) =
        objects.into_all().into_iter().partition(|o| text(o, "/kind") == "CustomResourceDefinition");
    let mut unknown: HashMap<String, usize> = HashMap::new();
    count_on(world, definitions.iter().chain(&others));
    for mut object in definitions.into_iter().chain(others) {
        if !is_frozen && text(&object, "/kind") == "Pod" {
            pods::complete(&mut object);
        }
        if let Err(kind) = put(world, object) {
            *unknown.entry(kind).or_default() += 1;
        }
    }
    if !is_frozen {
        add_namespaces(world);
        revisions::adopt(world);
    }
    note_absent_owners(world);
    world.not_modelled = gaps::tell(world, &unknown);
    machines::build(world);
    pods::resume(world);
    // Nobody watches from before.
    world.store.compact();
    if is_frozen {
        while world.store.next_change().is_some() {}
    }
}

/// UIDs and names that are made from now on differ from all that are recorded.
fn count_on<'a>(world: &mut World, objects: impl Iterator<Item = &'a Value>) {
    let mut digest = Sha256::new();
    for object in objects {
        digest.update(uid(object));
    }
    let number = digest.finalize().iter().take(4).fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
    world.clock.count_from(number << 12);
}

/// Stores one object; gives its kind where that is not served.
fn put(world: &mut World, mut object: Value) -> Result<(), String> {
    let (version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
    let resource = world.registry.by_kind(version, kind).ok_or_else(|| format!("{kind} of {version}"))?;
    if resource == id::DEFINITIONS {
        world.registry.define(&object);
    }
    if uid(&object).is_empty() {
        set(&mut object, "/metadata/uid", world.clock.uid());
    }
    world.store.put(Key::of(resource, &object), object);
    Ok(())
}

/// Namespaces that objects live in and that were not recorded.
fn add_namespaces(world: &mut World) {
    let mut missing = std::collections::BTreeSet::new();
    for (resource, _) in world.registry.served().filter(|(_, r)| r.namespaced) {
        let names = world.store.list(resource, None).map(namespace);
        missing.extend(names.filter(|n| world.object(id::NAMESPACES, "", n).is_none()).map(str::to_owned));
    }
    for name in missing {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "uid": world.clock.uid(), "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        });
        world.store.put(Key::new(id::NAMESPACES, "", &name), object);
    }
}

/// Owners that the record does not hold count as there: the garbage collector must not take what they own.
fn note_absent_owners(world: &mut World) {
    let mut absent = HashMap::new();
    for (resource, _) in world.registry.served() {
        for object in world.store.list(resource, None) {
            for owner in list(object, "/metadata/ownerReferences") {
                let owner_uid = text(owner, "/uid");
                if world.store.by_uid(owner_uid).is_none() {
                    let named =
                        format!("{} {}/{}", text(owner, "/kind"), namespace(object), text(owner, "/name"));
                    absent.insert(owner_uid.to_owned(), named);
                }
            }
        }
    }
    world.absent_owners = absent;
}
