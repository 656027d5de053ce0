//! delete and deletecollection.

use crate::sim::json::{list, text, uid};
use crate::sim::lifecycle::Deletion;
use crate::sim::resource::{Resource, id};
use crate::sim::status::Answer;
use crate::sim::store::Key;
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::accept;
use super::pages::{self, Page};
use super::read::{Filter, present_item};
use super::{Call, Reply, Target, options};

/// Answers a delete of one object or of a collection.
///
/// # Errors
/// 404 without the object, 409 where a precondition fails, 400 for bad options.
pub(crate) fn answer(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let options = read_options(call)?;
    let info = world.registry.get(target.resource).clone();
    let Some(name) = &target.name else { return collection(world, call, target, &options) };
    let key = Key::new(target.resource, target.namespace.as_deref().unwrap_or_default(), name);
    let deleted = world.delete(&key, &options)?;
    // The real server shows pods, and whatever lives on for a while, instead of a Status.
    if target.resource == id::PODS || world.store.get(&key).is_some() {
        return accept::one(world, call, target, 200, &deleted);
    }
    Ok(Reply::json(200, &success(&info, &deleted)))
}

fn collection(world: &mut World, call: &Call, target: &Target, options: &Deletion) -> Answer<Reply> {
    let info = world.registry.get(target.resource).clone();
    let filter = Filter::of(world, call, target)?;
    let Page { objects, metadata } = pages::page(world, call, target, &filter)?;
    for object in &objects {
        world.delete(&Key::of(target.resource, object), options)?;
    }
    // They are shown as they were.
    let items: Vec<_> = objects.iter().map(|o| present_item(&info, &target.version, call.form, o)).collect();
    let body = json!({
        "kind": format!("{}List", info.kind), "apiVersion": info.api_version(&target.version),
        "metadata": metadata, "items": items,
    });
    Ok(Reply::json(200, &body))
}

fn success(info: &Resource, object: &Value) -> Value {
    let mut details =
        json!({"name": text(object, "/metadata/name"), "kind": info.plural, "uid": uid(object)});
    if !info.group.is_empty() {
        details["group"] = json!(info.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn read_options(call: &Call) -> Answer<Deletion> {
    let body: Value = if call.body.is_empty() { Value::Null } else { call.json()? };
    let mut options = from_body(&body);
    options.dry_run |= call.is_dry_run();
    if let Some(seconds) = call.param("gracePeriodSeconds") {
        options.grace = seconds.parse().ok();
    }
    if let Some(policy) = call.param("propagationPolicy") {
        options.propagation = Some(policy.to_owned());
    }
    let orphan = body.get("orphanDependents").and_then(Value::as_bool);
    options::check_delete(options.propagation.as_deref(), orphan.is_some())?;
    if orphan == Some(true) {
        options.propagation = Some("Orphan".to_owned());
    }
    Ok(options)
}

/// Reads a `DeleteOptions` object; members of other names are ignored, as the real server does.
pub(crate) fn from_body(body: &Value) -> Deletion {
    let string = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Deletion {
        grace: body.pointer("/gracePeriodSeconds").and_then(Value::as_i64),
        propagation: string("/propagationPolicy"),
        uid: string("/preconditions/uid"),
        resource_version: string("/preconditions/resourceVersion"),
        dry_run: list(body, "/dryRun").iter().any(|d| d == "All"),
    }
}
