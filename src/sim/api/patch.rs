//! patch: JSON patch, merge patch, strategic merge patch; server-side apply has its own file.

use json_patch::{AddOperation, PatchOperation};

use crate::sim::json::{go_kind, merge, name, set, text};
use crate::sim::resource::Resource;
use crate::sim::schema;
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Value, plain};
use crate::sim::world::World;

use super::decode::mistake;
use super::write::{current, key_of, store};
use super::{Call, Reply, Target, apply, options, read, strategic};

/// Answers a patch.
///
/// # Errors
/// 404 without the object, 415 for a kind of patch that is not served, 422 where a JSON patch does not apply.
pub(crate) fn answer(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    let info = world.registry.get(target.resource).clone();
    let kind = call.header("content-type").split(';').next().unwrap_or_default().to_owned();
    options::check_patch(call, kind == "application/apply-patch+yaml")?;
    if kind == "application/apply-patch+yaml" {
        return apply::answer(world, call, target);
    }
    check_media(&kind, info.custom)?;
    let old = current(world, &info, &key)?;
    let is_scale = target.subresource.as_deref() == Some("scale");
    let mut new = if is_scale { read::scale_of(&old) } else { old.clone() };
    if !is_scale {
        set(&mut new, "/apiVersion", info.api_version(&target.version));
    }
    match kind.as_str() {
        "application/json-patch+json" => patch_json(&mut new, call)?,
        "application/strategic-merge-patch+json" => {
            strategic::patch(&mut new, &object(call)?, &schema::of(&info));
        }
        _ => merge(&mut new, &object(call)?),
    }
    if !is_scale {
        check_kind(&info, &target.version, &new)?;
        let (given, space) = (name(&new), text(&new, "/metadata/namespace"));
        if given != &*key.name {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({})",
                key.name
            )));
        }
        if space != &*key.namespace {
            return Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        set(&mut new, "/apiVersion", text(&old, "/apiVersion"));
    }
    store(world, call, target, &key, new)
}

fn check_media(kind: &str, is_custom: bool) -> Answer<()> {
    match kind {
        "application/strategic-merge-patch+json" if is_custom => Err(Refusal::unknown_format(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )),
        "application/merge-patch+json"
        | "application/json-patch+json"
        | "application/strategic-merge-patch+json" => Ok(()),
        _ => Err(Refusal::unknown_media()),
    }
}

/// A patch that must be an object.
fn object(call: &Call) -> Answer<Value> {
    let patch: Value = call.json()?;
    if patch.is_object() || patch.is_null() {
        return Ok(patch);
    }
    let found = go_kind(&patch);
    Err(Refusal::bad_request(format!(
        "error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    )))
}

/// A patch cannot make another kind of an object.
fn check_kind(info: &Resource, version: &str, new: &Value) -> Answer<()> {
    let (api_version, kind) = (text(new, "/apiVersion"), text(new, "/kind"));
    if kind == info.kind && api_version == info.api_version(version) {
        return Ok(());
    }
    let short = api_version.rsplit('/').next().unwrap_or_default();
    let to = format!("{}.{}", info.go_package(), info.kind);
    let converting = || format!("converting ({short}.{kind}) to ({to}): unknown conversion");
    Err(Refusal::unreadable_patch(new, &mistake(kind, new).unwrap_or_else(converting)))
}

fn patch_json(new: &mut Value, call: &Call) -> Answer<()> {
    let operations: Value = call.json()?;
    if !operations.is_array() {
        return Err(Refusal::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ));
    }
    let operations: Vec<PatchOperation> =
        serde_json::from_value(plain(&operations)).map_err(|_| Refusal::inapplicable())?;
    let mut changed = plain(new);
    for operation in operations {
        // The server's library replaces what is not there as well.
        let operation = match operation {
            PatchOperation::Replace(replace) if changed.pointer(replace.path.as_str()).is_none() => {
                PatchOperation::Add(AddOperation { path: replace.path, value: replace.value })
            }
            other => other,
        };
        json_patch::patch(&mut changed, &[operation]).map_err(|_| Refusal::inapplicable())?;
    }
    *new = changed.into();
    Ok(())
}
