//! create and update, and the ownership of fields that every write records.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::json::{int, list, set, text, unset};
use crate::sim::lifecycle::Part;
use crate::sim::resource::Resource;
use crate::sim::status::{Answer, Refusal};
use crate::sim::store::Key;
use crate::sim::world::World;

use super::read::{present, scale_of, wants_metadata};
use super::{Call, FieldSet, Reply, Target};

/// Answers a create.
///
/// # Errors
/// As [`World::create`], and 400 for an object that does not fit the path.
pub(crate) fn create(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    if target.name.is_some() {
        return Err(Refusal::method_not_allowed());
    }
    let mut object: Value = call.json()?;
    fit_to_path(world.registry.get(target.resource), target, &mut object)?;
    let owner = Owner::of(world, call, target, "Update");
    owner.record(&Value::Null, &mut object);
    let created = world.create(target.resource, object, call.is_dry_run()?)?;
    let info = world.registry.get(target.resource);
    Ok(Reply::json(201, &present(info, &target.version, wants_metadata(call), &created)))
}

/// Answers an update.
///
/// # Errors
/// As [`World::update`], and 400 for an object that does not fit the path.
pub(crate) fn replace(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    let mut new: Value = call.json()?;
    if target.subresource.as_deref() != Some("scale") {
        fit_to_path(world.registry.get(target.resource), target, &mut new)?;
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
    let dry = call.is_dry_run()?;
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
    Owner::of(world, call, target, "Update").record(&old, &mut new);
    let stored = world.update(key, new, part, dry)?;
    if target.subresource.as_deref() == Some("scale") {
        return Ok(Reply::json(200, &scale_of(&stored)));
    }
    Ok(Reply::json(200, &present(&info, &target.version, wants_metadata(call), &stored)))
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

/// Checks kind, namespace and name of an object against its path and fills namespace and stored version in.
///
/// # Errors
/// 400 where they differ.
pub(crate) fn fit_to_path(info: &Resource, target: &Target, object: &mut Value) -> Answer<()> {
    let (kind, version) = (text(object, "/kind").to_owned(), text(object, "/apiVersion").to_owned());
    let wanted = info.api_version(&target.version);
    if (!kind.is_empty() && kind != info.kind) || (!version.is_empty() && version != wanted) {
        return Err(Refusal::bad_request(format!(
            "the object is {version} {kind}, and the path is for {wanted} {}",
            info.kind
        )));
    }
    set(object, "/kind", info.kind.as_str());
    set(object, "/apiVersion", info.preferred());
    if let Some(namespace) = &target.namespace {
        let given = text(object, "/metadata/namespace");
        if !given.is_empty() && given != namespace {
            return Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        set(object, "/metadata/namespace", namespace.as_str());
    }
    if let Some(name) = &target.name
        && text(object, "/metadata/name") != name
    {
        let given = text(object, "/metadata/name").to_owned();
        if !given.is_empty() {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({name})"
            )));
        }
        set(object, "/metadata/name", name.as_str());
    }
    Ok(())
}

/// Who writes, for `metadata.managedFields`.
pub(crate) struct Owner {
    pub(crate) manager: String,
    operation: &'static str,
    api_version: String,
    subresource: String,
    custom: bool,
    now: String,
}

impl Owner {
    /// The writer of a call.
    pub(crate) fn of(world: &World, call: &Call, target: &Target, operation: &'static str) -> Self {
        let info = world.registry.get(target.resource);
        Self {
            manager: call.manager(),
            operation,
            api_version: info.api_version(&target.version),
            subresource: target.subresource.clone().unwrap_or_default(),
            custom: info.custom,
            now: world.clock.now(),
        }
    }

    /// Gives the fields that a write changes to its writer, and takes them from the others.
    pub(crate) fn record(&self, old: &Value, new: &mut Value) {
        let changed = FieldSet::of(new, self.custom).changed(old, new);
        let gone = FieldSet::of(old, self.custom).without(&FieldSet::of(new, self.custom));
        let mut lost = changed.clone();
        lost.extend(&gone);
        set(new, "/metadata/managedFields", list(old, "/metadata/managedFields"));
        self.take_from_others(new, &lost);
        let mut mine = self.owned(new);
        mine.extend(&changed);
        self.write(new, &mine.without(&gone));
    }

    /// Takes fields from all entries but one's own.
    pub(crate) fn take_from_others(&self, object: &mut Value, fields: &FieldSet) {
        let entries = list(object, "/metadata/managedFields").iter().filter_map(|entry| {
            if self.is_mine(entry) {
                return Some(entry.clone());
            }
            let left = FieldSet::from_wire(&entry["fieldsV1"]).without(fields);
            let mut entry = entry.clone();
            entry["fieldsV1"] = left.to_wire();
            (!left.is_empty()).then_some(entry)
        });
        let entries: Vec<Value> = entries.collect();
        set(object, "/metadata/managedFields", entries);
    }

    /// Whether an entry is this writer's.
    pub(crate) fn is_mine(&self, entry: &Value) -> bool {
        text(entry, "/manager") == self.manager
            && text(entry, "/operation") == self.operation
            && text(entry, "/subresource") == self.subresource
    }

    /// The fields that this writer owns.
    pub(crate) fn owned(&self, object: &Value) -> FieldSet {
        list(object, "/metadata/managedFields")
            .iter()
            .find(|e| self.is_mine(e))
            .map(|e| FieldSet::from_wire(&e["fieldsV1"]))
            .unwrap_or_default()
    }

    /// Writes this writer's entry; an entry whose fields are the same keeps its time.
    pub(crate) fn write(&self, object: &mut Value, fields: &FieldSet) {
        let mut entries = list(object, "/metadata/managedFields").to_vec();
        let at = entries.iter().position(|e| self.is_mine(e));
        if at.is_some_and(|at| entries[at]["fieldsV1"] == fields.to_wire()) {
            return;
        }
        if let Some(at) = at {
            entries.remove(at);
        }
        if !fields.is_empty() {
            let mut entry = json!({
                "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
                "time": self.now, "fieldsType": "FieldsV1", "fieldsV1": fields.to_wire(),
            });
            if !self.subresource.is_empty() {
                set(&mut entry, "/subresource", self.subresource.as_str());
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            unset(object, "/metadata", "managedFields");
        } else {
            set(object, "/metadata/managedFields", entries);
        }
    }
}
