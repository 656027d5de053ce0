//! The namespace controller: a deleted namespace takes its content along.

use std::time::Duration;

use crate::sim::json::{is_deleting, set};
use crate::sim::lifecycle::Deletion;
use crate::sim::resource::{ResourceId, id};
use crate::sim::store::{Change, Key};
use crate::sim::value::json;
use crate::sim::world::World;

/// A namespace itself, and the one that goes of an object that is gone.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let namespace = &change.key.namespace;
    match (change.key.resource, &change.after) {
        (id::NAMESPACES, Some(_)) => vec![change.key.clone()],
        (_, None) if world.object(id::NAMESPACES, "", namespace).is_some_and(is_deleting) => {
            vec![Key::new(id::NAMESPACES, "", namespace)]
        }
        _ => Vec::new(),
    }
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    world.store.get(key).filter(|n| is_deleting(n))?;
    let namespaced: Vec<ResourceId> =
        world.registry.served().filter(|(_, r)| r.namespaced).map(|(id, _)| id).collect();
    let mut content: Vec<Key> = Vec::new();
    for resource in namespaced {
        content.extend(world.store.keys(resource, Some(&key.name)).cloned());
    }
    for object in &content {
        if world.store.get(object).is_some_and(|o| !is_deleting(o)) {
            // What vanishes meanwhile is gone, as wanted.
            drop(world.delete(object, &Deletion::default()));
        }
    }
    if content.iter().all(|object| world.store.get(object).is_none()) {
        world.modify(key, |namespace| set(namespace, "/spec/finalizers", json!([])));
    }
    None
}
