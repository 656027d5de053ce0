//! Server-side apply (KEP-555): create or merge, with an owner for every field.

use serde_json::{Map, Value};

use crate::sim::json::{list, set, text, unset};
use crate::sim::lifecycle::Part;
use crate::sim::status::{Answer, Refusal};
use crate::sim::world::World;

use super::fields::{FieldSet, merge_key};
use super::read::present;
use super::write::{Owner, fit_to_path, key_of};
use super::{Call, Reply, Target};

/// Answers an apply.
///
/// # Errors
/// 400 without a field manager, 409 where another manager owns a changed field and `force` is not set.
pub(crate) fn answer(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    let info = world.registry.get(target.resource).clone();
    if call.param("fieldManager").is_none() {
        return Err(Refusal::bad_request(
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ));
    }
    let mut applied: Value = call.json()?;
    fit_to_path(&info, target, &mut applied)?;
    if !list(&applied, "/metadata/managedFields").is_empty() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    unset(&mut applied, "/metadata", "managedFields");
    let owner = Owner::of(world, call, target, "Apply");
    let fields = FieldSet::of(&applied, info.custom);
    let dry = call.is_dry_run()?;
    let old = world.store.get(&key).cloned();
    let Some(old) = old else {
        if target.subresource.is_some() {
            return Err(Refusal::not_found(&info, &key.name));
        }
        owner.write(&mut applied, &fields);
        let created = world.create(target.resource, applied, dry)?;
        return Ok(Reply::json(201, &present(&info, &target.version, false, &created)));
    };
    let changed = fields.changed(&old, &applied);
    if !call.is_set("force") {
        check_conflicts(&owner, &old, &changed)?;
    }
    let mut new = Value::clone(&old);
    owner.take_from_others(&mut new, &changed);
    let dropped = owner.owned(&old).without(&fields).without(&owned_by_others(&owner, &old));
    dropped.remove_from(&mut new);
    merge_applied(&mut new, &applied, info.custom);
    owner.write(&mut new, &fields);
    let version = text(&applied, "/metadata/resourceVersion");
    let version = if version.is_empty() { text(&old, "/metadata/resourceVersion") } else { version };
    set(&mut new, "/metadata/resourceVersion", version);
    let part = if target.subresource.is_some() { Part::Status } else { Part::Main };
    let stored = world.update(&key, new, part, dry)?;
    Ok(Reply::json(200, &present(&info, &target.version, false, &stored)))
}

fn owned_by_others(owner: &Owner, object: &Value) -> FieldSet {
    let mut all = FieldSet::default();
    for entry in list(object, "/metadata/managedFields").iter().filter(|e| !owner.is_mine(e)) {
        all.extend(&FieldSet::from_wire(&entry["fieldsV1"]));
    }
    all
}

fn check_conflicts(owner: &Owner, object: &Value, changed: &FieldSet) -> Answer<()> {
    let mut found = Vec::new();
    for entry in list(object, "/metadata/managedFields").iter().filter(|e| !owner.is_mine(e)) {
        let who = match text(entry, "/operation") {
            "Update" => format!("{:?} using {}", text(entry, "/manager"), text(entry, "/apiVersion")),
            _ => format!("{:?}", text(entry, "/manager")),
        };
        for field in changed.common(&FieldSet::from_wire(&entry["fieldsV1"])).printed() {
            found.push((format!("conflict with {who}"), field));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let count = found.len();
    let plural = if count == 1 { "conflict" } else { "conflicts" };
    let all: Vec<String> = found.iter().map(|(who, field)| format!("{who}: {field}")).collect();
    let message = format!("Apply failed with {count} {plural}: {}", all.join("\n"));
    let refusal = Refusal::new(409, "Conflict", message);
    Err(found.iter().fold(refusal, |r, (who, field)| r.cause("FieldManagerConflict", who, field)))
}

/// Merges what was applied into what is there: objects deeply, keyed lists by key, all else replaced.
fn merge_applied(live: &mut Value, applied: &Value, custom: bool) {
    let Value::Object(changes) = applied else {
        *live = applied.clone();
        return;
    };
    if !live.is_object() {
        *live = Value::Object(Map::new());
    }
    let Value::Object(map) = live else { return };
    for (key, change) in changes {
        let old = map.entry(key.clone()).or_insert(Value::Null);
        match change {
            Value::Object(inner) if !inner.is_empty() => merge_applied(old, change, custom),
            Value::Object(_) if old.is_object() => {}
            Value::Array(items) if !custom => merge_list(old, key, items),
            _ => *old = change.clone(),
        }
    }
}

fn merge_list(old: &mut Value, field: &str, changes: &[Value]) {
    let (Some(key), Value::Array(items)) = (merge_key(field, changes), &mut *old) else {
        *old = Value::Array(changes.to_vec());
        return;
    };
    for change in changes {
        match items.iter_mut().find(|i| i.get(key) == change.get(key)) {
            Some(item) => merge_applied(item, change, false),
            None => items.push(change.clone()),
        }
    }
}
