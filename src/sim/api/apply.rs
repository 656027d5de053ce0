//! Server-side apply (KEP-555): create or merge, with an owner for every field.

use crate::sim::json::{list, set, text, unset};
use crate::sim::lifecycle::Part;
use crate::sim::resource::Resource;
use crate::sim::schema::{self, Shape};
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Map, Value, json};
use crate::sim::world::World;

use super::accept;
use super::decode::{decode, fit_to_path};
use super::owner::{self, Owner};
use super::write::key_of;
use super::{Call, FieldSet, Reply, Target};

/// Answers an apply.
///
/// # Errors
/// 400 without a field manager, 409 where another manager owns a changed field and `force` is not set.
pub(crate) fn answer(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    let info = world.registry.get(target.resource).clone();
    let mut applied: Value = call.json()?;
    let (group, kind) = (text(&applied, "/apiVersion"), text(&applied, "/kind"));
    if group.is_empty() || kind.is_empty() {
        return Err(Refusal::bad_request(format!("invalid object type: /{group}, Kind={kind}")));
    }
    if let Some(field) = schema::typed(&mut applied.clone(), &schema::of(&info), "").unknown.first() {
        let place = format!(
            "{}/{}; {}, Kind={}",
            text(&applied, "/metadata/namespace"),
            key.name,
            go_version(&info),
            info.kind
        );
        let why =
            format!("failed to create typed patch object ({place}): .{field}: field not declared in schema");
        return Err(Refusal::plain(why));
    }
    if !list(&applied, "/metadata/managedFields").is_empty() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    unset(&mut applied, "/metadata", "managedFields");
    let owner = Owner::of(world, call, target, "Apply");
    let fields = owner.applied(&applied);
    let dry = call.is_dry_run();
    let Some(mut old) = world.store.get(&key).cloned() else {
        if target.subresource.is_some() {
            return Err(Refusal::not_found(&info, &key.name));
        }
        fit_to_path(&info, target, &mut applied)?;
        let warnings = decode(world, call, target.resource, &mut applied)?;
        owner.write(&mut applied, &fields, true);
        let created = world.create(target.resource, applied, dry)?;
        return Ok(accept::one(world, call, target, 201, &created)?.warned(warnings));
    };
    let entries = owner::entries(&old);
    set(&mut old, "/metadata/managedFields", entries);
    let mut new = merged(&owner, &old, &applied, &fields);
    // What is empty and will not be kept counts as written all the same.
    let (written, removed) = owner.changed(&old, &new);
    let warnings = decode(world, call, target.resource, &mut new)?;
    if !call.is_set("force") {
        check_conflicts(&owner, &old, &written)?;
    }
    // Name and namespace are looked at last (`handlers/patch.go`).
    fit_to_path(&info, target, &mut new)?;
    let mut lost = written;
    lost.extend(&removed);
    owner.take_from_others(&mut new, &lost);
    owner.write(&mut new, &fields, true);
    let version = text(&applied, "/metadata/resourceVersion");
    let version = if version.is_empty() { text(&old, "/metadata/resourceVersion") } else { version };
    set(&mut new, "/metadata/resourceVersion", version);
    let part = if target.subresource.is_some() { Part::Status } else { Part::Main };
    let stored = world.update(&key, new, part, dry)?;
    Ok(accept::one(world, call, target, 200, &stored)?.warned(warnings))
}

/// What is there with what is applied, without what the manager applied before and nobody wants any more.
fn merged(owner: &Owner, old: &Value, applied: &Value, fields: &FieldSet) -> Value {
    let mut new = old.clone();
    merge_applied(&mut new, applied, &owner.shape);
    let mut kept = owned_by_others(owner, old);
    kept.extend(fields);
    owner.owned(old).without(&kept).remove_from(&mut new, &kept);
    new
}

fn owned_by_others(owner: &Owner, object: &Value) -> FieldSet {
    let mut all = FieldSet::default();
    for entry in list(object, "/metadata/managedFields").iter().filter(|e| !owner.is_mine(e)) {
        all.extend(&FieldSet::from_wire(&entry["fieldsV1"]));
    }
    all
}

/// Group and version as Go prints them.
fn go_version(info: &Resource) -> String {
    if info.group.is_empty() { format!("/{}", info.preferred()) } else { info.preferred() }
}

/// Conflicts are told by manager; the causes come in any order on the real server.
fn check_conflicts(owner: &Owner, object: &Value, changed: &FieldSet) -> Answer<()> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for entry in list(object, "/metadata/managedFields").iter().filter(|e| !owner.is_mine(e)) {
        let updates = text(entry, "/operation") == "Update";
        let who = match (updates, text(entry, "/subresource")) {
            (true, "") => format!("{:?} using {}", text(entry, "/manager"), text(entry, "/apiVersion")),
            (true, sub) => {
                let (manager, version) = (text(entry, "/manager"), text(entry, "/apiVersion"));
                format!("{manager:?} with subresource {sub:?} using {version}")
            }
            (false, _) => format!("{:?}", text(entry, "/manager")),
        };
        let fields = changed.common(&FieldSet::from_wire(&entry["fieldsV1"])).printed();
        if !fields.is_empty() {
            found.push((who, fields));
        }
    }
    let count: usize = found.iter().map(|(_, fields)| fields.len()).sum();
    if count == 0 {
        return Ok(());
    }
    let plural = |n: usize| if n == 1 { "conflict" } else { "conflicts" };
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let told = |(who, fields): &(String, Vec<String>)| match fields.as_slice() {
        [field] if count == 1 => format!("conflict with {who}: {field}"),
        fields => format!("conflicts with {who}:\n- {}", fields.join("\n- ")),
    };
    let all: Vec<String> = found.iter().map(told).collect();
    let refusal = Refusal::new(
        409,
        "Conflict",
        format!("Apply failed with {count} {}: {}", plural(count), all.join("\n")),
    );
    let causes = found.iter().flat_map(|(who, fields)| fields.iter().map(move |field| (who, field)));
    Err(causes.fold(refusal, |r, (who, field)| {
        r.cause("FieldManagerConflict", &format!("conflict with {who}"), field)
    }))
}

/// Merges what was applied into what is there: structs and maps deeply, lists by their keys, all else replaced.
fn merge_applied(live: &mut Value, applied: &Value, shape: &Shape) {
    match (applied, shape) {
        (_, shape) if schema::is_whole(shape) => *live = applied.clone(),
        (Value::Object(changes), _) => {
            if !live.is_object() {
                *live = Value::Object(Map::new());
            }
            let Value::Object(map) = live else { return };
            for (name, change) in changes {
                let inner = schema::member(shape, name).unwrap_or(Shape::Any);
                merge_applied(map.entry(name), change, &inner);
            }
        }
        (Value::Array(changes), Shape::List(item, keys, _)) => {
            if !live.is_array() {
                *live = json!([]);
            }
            let Value::Array(items) = live else { return };
            for change in changes {
                let wanted = schema::element(change, keys);
                match items.iter_mut().find(|i| schema::element(i, keys) == wanted) {
                    Some(item_there) => merge_applied(item_there, change, item),
                    None => items.push(change.clone()),
                }
            }
        }
        _ => *live = applied.clone(),
    }
}
