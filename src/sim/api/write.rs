//! create and update.

use std::sync::Arc;

use serde_json::Value;

use crate::sim::json::{int, set, text, unset};
use crate::sim::lifecycle::Part;
use crate::sim::resource::Resource;
use crate::sim::status::{Answer, Refusal};
use crate::sim::store::Key;
use crate::sim::world::World;

use super::decode::{decode, fit_to_path};
use super::owner::Owner;
use super::read::{present, scale_of, wants_metadata};
use super::{Call, Reply, Target, options};

/// Answers a create.
///
/// # Errors
/// As [`World::create`], and 400 for an object that does not fit the path.
pub(crate) fn create(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    if target.name.is_some() {
        return Err(Refusal::method_not_allowed());
    }
    options::check_write(call, "CreateOptions")?;
    let mut object: Value = call.json()?;
    fit_to_path(world.registry.get(target.resource), target, &mut object)?;
    let warnings = decode(world, call, target.resource, &mut object)?;
    let owner = Owner::of(world, call, target, "Update");
    owner.record(&Value::Null, &mut object);
    let created = world.create(target.resource, object, call.is_dry_run())?;
    let info = world.registry.get(target.resource);
    Ok(Reply::json(201, &present(info, &target.version, wants_metadata(call), &created)).warned(warnings))
}

/// Answers an update.
///
/// # Errors
/// As [`World::update`], and 400 for an object that does not fit the path.
pub(crate) fn replace(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    options::check_write(call, "UpdateOptions")?;
    let mut new: Value = call.json()?;
    if target.subresource.as_deref() != Some("scale") {
        let info = world.registry.get(target.resource).clone();
        fit_to_path(&info, target, &mut new)?;
        // Kinds that are locks: a write must know what it replaces (`AllowUnconditionalUpdate`), and may be the first.
        let is_lease = info.kind == "Lease";
        if is_lease && world.store.get(&key).is_none() {
            let first = Target { name: None, ..target.clone() };
            unset(&mut new, "/metadata", "resourceVersion");
            let warnings = decode(world, call, target.resource, &mut new)?;
            Owner::of(world, call, &first, "Update").record(&Value::Null, &mut new);
            let created = world.create(target.resource, new, call.is_dry_run())?;
            return Ok(Reply::json(201, &present(&info, &target.version, false, &created)).warned(warnings));
        }
        if (is_lease || info.custom) && text(&new, "/metadata/resourceVersion").is_empty() {
            return Err(Refusal::unconditional(&info, &key.name));
        }
    }
    store(world, call, target, &key, new)
}

/// Stores the new state of an object, its status or its scale.
///
/// # Errors
/// As [`World::update`].
pub(crate) fn store(
    world: &mut World,
    call: &Call,
    target: &Target,
    key: &Key,
    mut new: Value,
) -> Answer<Reply> {
    let info = world.registry.get(target.resource).clone();
    let old = current(world, &info, key)?;
    let dry = call.is_dry_run();
    let part = match target.subresource.as_deref() {
        Some("status") if !info.has_status() => return Err(Refusal::no_such_path()),
        Some("status") => Part::Status,
        Some("scale") if !info.has_scale() => return Err(Refusal::no_such_path()),
        Some("scale") => {
            let scale = new;
            new = Value::clone(&old);
            set(&mut new, "/spec/replicas", int(&scale, "/spec/replicas"));
            set(&mut new, "/metadata/resourceVersion", text(&scale, "/metadata/resourceVersion"));
            Part::Main
        }
        _ => Part::Main,
    };
    let warnings = decode(world, call, target.resource, &mut new)?;
    Owner::of(world, call, target, "Update").record(&old, &mut new);
    let stored = world.update(key, new, part, dry)?;
    if target.subresource.as_deref() == Some("scale") {
        return Ok(Reply::json(200, &scale_of(&stored)));
    }
    Ok(Reply::json(200, &present(&info, &target.version, wants_metadata(call), &stored)).warned(warnings))
}

/// The stored object.
///
/// # Errors
/// 404 without it.
pub(crate) fn current(world: &World, info: &Resource, key: &Key) -> Answer<Arc<Value>> {
    world.store.get(key).cloned().ok_or_else(|| Refusal::not_found(info, &key.name))
}

/// The key that a path with a name means.
///
/// # Errors
/// 405 for a path without a name.
pub(crate) fn key_of(target: &Target) -> Answer<Key> {
    let name = target.name.as_deref().ok_or_else(Refusal::method_not_allowed)?;
    Ok(Key::new(target.resource, target.namespace.as_deref().unwrap_or_default(), name))
}
