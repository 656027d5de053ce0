//! The garbage collector: what is owned goes with its owner (`kubernetes/pkg/controller/garbagecollector`).

use std::time::Duration;

use crate::sim::json::{flag, is_deleting, list, set_list, text, uid};
use crate::sim::lifecycle::Deletion;
use crate::sim::store::{Change, Key};
use crate::sim::value::Value;
use crate::sim::world::World;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What of an object tells the collector something.
const SEEN: &[&str] =
    &["/metadata/uid", "/metadata/ownerReferences", "/metadata/finalizers", "/metadata/deletionTimestamp"];

/// An object with owners or with one of the collector's finalizers; of one that is gone, what it owned and its
/// owners, which may wait for it.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let object = change.object();
    let owners = list(object, "/metadata/ownerReferences");
    if change.after.is_some() {
        if !change.alters(SEEN) {
            return Vec::new();
        }
        let ours = list(object, "/metadata/finalizers").iter().any(|f| f == FOREGROUND || f == ORPHAN);
        return if ours || !owners.is_empty() { vec![change.key.clone()] } else { Vec::new() };
    }
    let mut keys: Vec<Key> = world.store.owned_by(uid(object)).into_iter().map(|(k, _)| k).collect();
    keys.extend(owners.iter().filter_map(|o| world.store.by_uid(text(o, "/uid"))).map(|(k, _)| k.clone()));
    keys
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let object = world.store.get(key).cloned()?;
    if is_deleting(&object) {
        finish_deletion(world, key, &object);
        return None;
    }
    let owners = list(&object, "/metadata/ownerReferences");
    let is_live = |o: &&Value| {
        let uid = text(o, "/uid");
        world.store.by_uid(uid).is_some() || world.absent_owners.contains_key(uid)
    };
    if owners.is_empty() || owners.iter().any(|o| is_live(&o)) {
        return None;
    }
    let options = Deletion { uid: Some(uid(&object).to_owned()), ..Deletion::default() };
    // Gone already is what was wanted.
    drop(world.delete(key, &options));
    None
}

fn finish_deletion(world: &mut World, key: &Key, object: &Value) {
    let has = |finalizer: &str| list(object, "/metadata/finalizers").iter().any(|f| f == finalizer);
    let dependents = world.store.owned_by(uid(object));
    if has(ORPHAN) {
        for (dependent, _) in &dependents {
            world.modify(dependent, |d| drop_owner(d, uid(object)));
        }
        return remove_finalizer(world, key, ORPHAN);
    }
    if !has(FOREGROUND) {
        return;
    }
    let blocks = |d: &Value| {
        list(d, "/metadata/ownerReferences")
            .iter()
            .any(|o| text(o, "/uid") == uid(object) && flag(o, "/blockOwnerDeletion"))
    };
    let mut is_blocked = false;
    for (dependent, d) in &dependents {
        is_blocked |= blocks(d);
        if !is_deleting(d) {
            let propagation =
                Some("Foreground".to_owned()).filter(|_| !world.store.owned_by(uid(d)).is_empty());
            drop(world.delete(dependent, &Deletion { propagation, ..Deletion::default() }));
        }
    }
    let is_blocked = is_blocked && dependents.iter().any(|(k, _)| world.store.get(k).is_some());
    if !is_blocked {
        remove_finalizer(world, key, FOREGROUND);
    }
}

fn drop_owner(object: &mut Value, owner: &str) {
    let left: Vec<Value> = list(object, "/metadata/ownerReferences")
        .iter()
        .filter(|o| text(o, "/uid") != owner)
        .cloned()
        .collect();
    set_list(object, "/metadata", "ownerReferences", left);
}

fn remove_finalizer(world: &mut World, key: &Key, finalizer: &str) {
    world.modify(key, |object| {
        let left: Vec<Value> =
            list(object, "/metadata/finalizers").iter().filter(|f| *f != finalizer).cloned().collect();
        set_list(object, "/metadata", "finalizers", left);
    });
}
