//! patch: JSON patch, merge patch, strategic merge patch; server-side apply has its own file.

use serde_json::Value;

use crate::sim::json::{merge, name, set, text};
use crate::sim::status::{Answer, Refusal};
use crate::sim::world::World;

use super::write::{current, key_of, store};
use super::{Call, Reply, Target, apply, read, strategic};

/// Answers a patch.
///
/// # Errors
/// 404 without the object, 415 for a kind of patch that is not served, 422 where a JSON patch does not apply.
pub(crate) fn answer(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    let info = world.registry.get(target.resource).clone();
    let kind = call.header("content-type").split(';').next().unwrap_or_default().to_owned();
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
        "application/strategic-merge-patch+json" if !info.custom => strategic::patch(&mut new, &call.json()?),
        other => {
            let why = format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml; got {other:?}"
            );
            return Err(Refusal::unsupported_media(why));
        }
    }
    if !is_scale {
        if name(&new) != key.name || text(&new, "/metadata/namespace") != key.namespace {
            return Err(Refusal::bad_request("a patch cannot change the name or namespace of an object"));
        }
        set(&mut new, "/apiVersion", text(&old, "/apiVersion"));
    }
    store(world, call, target, &key, new)
}

fn patch_json(new: &mut Value, call: &Call) -> Answer<()> {
    let operations: Vec<json_patch::PatchOperation> = call.json()?;
    json_patch::patch(new, &operations).map_err(|why| {
        // The real server does not say which operation failed; the cause is an addition that helps in tests.
        Refusal::new(422, "Invalid", "the server rejected our request due to an error in our request").cause(
            "UnexpectedServerResponse",
            &why.to_string(),
            "",
        )
    })
}
