//! CustomResourceDefinitions that are gone take their objects along and are served no more.

use std::time::Duration;

use crate::sim::lifecycle::Deletion;
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::world::World;

pub(super) fn keys(_: &World, change: &Change) -> Vec<Key> {
    let is_gone = change.key.resource == id::DEFINITIONS && change.after.is_none();
    if is_gone { vec![change.key.clone()] } else { Vec::new() }
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    if world.store.get(key).is_some() {
        return None;
    }
    let (plural, group) = key.name.split_once('.')?;
    let resource = world.registry.undefine(group, plural)?;
    let objects: Vec<Key> = world.store.keys(resource, None).cloned().collect();
    for object in objects {
        drop(world.delete(&object, &Deletion::default()));
    }
    None
}
