//! patch: JSON patch, merge patch, strategic merge patch; server-side apply has its own file.

use json_patch::{AddOperation, PatchOperation};
use serde_json::Value;

use crate::sim::json::{merge, name, set, text};
use crate::sim::schema;
use crate::sim::status::{Answer, Refusal};
use crate::sim::world::World;

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
    let old = current(world, &info, &key)?;
    let is_scale = target.subresource.as_deref() == Some("scale");
    let mut new = if is_scale { read::scale_of(&old) } else { Value::clone(&old) };
    if !is_scale {
        set(&mut new, "/apiVersion", info.api_version(&target.version));
    }
    match kind.as_str() {
        "application/merge-patch+json" => merge(&mut new, &call.json()?),
        "application/json-patch+json" => patch_json(&mut new, call)?,
        "application/strategic-merge-patch+json" if !info.custom => {
            strategic::patch(&mut new, &call.json()?, &schema::of(&info));
        }
        "application/strategic-merge-patch+json" => {
            return Err(Refusal::unsupported_media(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            ));
        }
        _ => return Err(Refusal::unknown_media()),
    }
    if !is_scale {
        let (given, space) = (name(&new), text(&new, "/metadata/namespace"));
        if given != key.name {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({})",
                key.name
            )));
        }
        if space != key.namespace {
            return Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        set(&mut new, "/apiVersion", text(&old, "/apiVersion"));
    }
    store(world, call, target, &key, new)
}

fn patch_json(new: &mut Value, call: &Call) -> Answer<()> {
    let operations: Value = call.json()?;
    if !operations.is_array() {
        return Err(Refusal::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ));
    }
    let operations: Vec<PatchOperation> =
        serde_json::from_value(operations).map_err(|_| Refusal::inapplicable())?;
    for operation in operations {
        // The server's library replaces what is not there as well.
        let operation = match operation {
            PatchOperation::Replace(replace) if new.pointer(replace.path.as_str()).is_none() => {
                PatchOperation::Add(AddOperation { path: replace.path, value: replace.value })
            }
            other => other,
        };
        json_patch::patch(new, &[operation]).map_err(|_| Refusal::inapplicable())?;
    }
    Ok(())
}
