//! create and update.

use crate::sim::admission;
use crate::sim::json::{int, set, text, uid, unset};
use crate::sim::lifecycle::Part;
use crate::sim::resource::Resource;
use crate::sim::status::{Answer, Refusal};
use crate::sim::store::Key;
use crate::sim::value::Value;
use crate::sim::world::World;

use super::accept;
use super::decode::{body, decode, fit_to_path};
use super::owner::Owner;
use super::read::scale_of;
use super::{Call, Reply, Target, options};

/// Answers a create.
///
/// # Errors
/// As [`World::create`], and 400 for an object that does not fit the path.
pub(crate) fn create(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    if target.name.is_some() || lacks_namespace(world.registry.get(target.resource), target) {
        return Err(Refusal::method_not_allowed());
    }
    options::check_write(call, "CreateOptions")?;
    let mut object = body(world, call, target)?;
    fit_to_path(world.registry.get(target.resource), target, &mut object)?;
    let warnings = decode(world, call, target.resource, &mut object)?;
    admission::check_references(world, world.registry.get(target.resource), &object)?;
    let owner = Owner::of(world, call, target, "Update");
    owner.record(&Value::Null, &mut object);
    let created = world
        .create(target.resource, object, call.is_dry_run())
        .map_err(|refusal| refusal.warned(&warnings))?;
    Ok(accept::one(world, call, target, 201, &created)?.warned(warnings))
}

/// Whether a path of a namespaced kind leads to all namespaces.
fn lacks_namespace(info: &Resource, target: &Target) -> bool {
    info.namespaced && target.namespace.is_none()
}

/// Answers an update.
///
/// # Errors
/// As [`World::update`], and 400 for an object that does not fit the path.
pub(crate) fn replace(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    options::check_write(call, "UpdateOptions")?;
    let mut new = body(world, call, target)?;
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
            return Ok(accept::one(world, call, target, 201, &created)?.warned(warnings));
        }
        check_uid(world, &info, &key, &new)?;
        if !is_lease {
            current(world, &info, &key)?;
        }
        if (is_lease || info.custom) && text(&new, "/metadata/resourceVersion").is_empty() {
            return Err(Refusal::unconditional(&info, &key.name));
        }
    }
    store(world, call, target, &key, new)
}

/// An update for an object that has another UID is refused by the storage itself, in its words.
fn check_uid(world: &World, info: &Resource, key: &Key, new: &Value) -> Answer<()> {
    let Some(old) = world.store.get(key) else { return Ok(()) };
    let (wanted, is) = (uid(new), uid(old));
    if wanted.is_empty() || wanted == is {
        return Ok(());
    }
    let folder = match info.plural.as_str() {
        plural if info.custom => format!("{}/{plural}", info.group),
        "nodes" => "minions".to_owned(),
        "services" => "services/specs".to_owned(),
        plural => plural.to_owned(),
    };
    let place = [folder.as_str(), &key.namespace, &key.name].into_iter().filter(|part| !part.is_empty());
    let place = place.collect::<Vec<_>>().join("/");
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{place}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: UID in precondition: {wanted}, UID in object meta: {is}"
    );
    Err(Refusal::conflict(info, &key.name, &why))
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
        Some("status") => Part::Status,
        Some("scale") => {
            let scale = new;
            new = old.clone();
            set(&mut new, "/spec/replicas", int(&scale, "/spec/replicas"));
            set(&mut new, "/metadata/resourceVersion", text(&scale, "/metadata/resourceVersion"));
            Part::Main
        }
        _ => Part::Main,
    };
    let warnings = decode(world, call, target.resource, &mut new)?;
    let owner = Owner::of(world, call, target, "Update");
    owner.record(&old, &mut new);
    let is_scale = target.subresource.as_deref() == Some("scale");
    if is_scale && int(&old, "/spec/replicas") == int(&new, "/spec/replicas") {
        Owner::scale_to_same(&mut new);
    }
    let stored = world.update(key, new, part, dry).map_err(|refusal| refusal.warned(&warnings))?;
    if is_scale {
        return Ok(Reply::json(200, &scale_of(&stored)));
    }
    Ok(accept::one(world, call, target, 200, &stored)?.warned(warnings))
}

/// The stored object.
///
/// # Errors
/// 404 without it.
pub(crate) fn current(world: &World, info: &Resource, key: &Key) -> Answer<Value> {
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
