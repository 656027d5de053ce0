//! From a body to an object of its kind: unknown members, defaults, fit to the path.

use serde_json::Value;

use crate::sim::defaults;
use crate::sim::json::{set, text};
use crate::sim::resource::{Resource, ResourceId};
use crate::sim::schema;
use crate::sim::status::{Answer, Refusal};
use crate::sim::validate::Problem;
use crate::sim::world::World;

use super::{Call, Target};

/// Brings an object into the shape of its kind and fills defaults in; gives the warnings about what was dropped.
///
/// # Errors
/// 400 for values of another type, and for unknown members where the call wants that.
pub(crate) fn decode(
    world: &World,
    call: &Call,
    resource: ResourceId,
    object: &mut Value,
) -> Answer<Vec<String>> {
    let info = world.registry.get(resource);
    let surplus = schema::typed(object, &schema::of(info), &info.kind);
    if let Some(why) = surplus.mismatch.filter(|_| !info.custom) {
        return Err(undecodable(info, &why));
    }
    if let Some((field, message)) = surplus.wrong.filter(|_| info.custom) {
        let problem = Problem { reason: "FieldValueTypeInvalid", field, message };
        return Err(Refusal::invalid(info, text(object, "/metadata/name"), &[problem]));
    }
    defaults::fill(info, object);
    match call.param("fieldValidation") {
        _ if surplus.unknown.is_empty() => Ok(Vec::new()),
        Some("Ignore") => Ok(Vec::new()),
        Some("Strict") => {
            let all: Vec<String> =
                surplus.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
            Err(undecodable(info, &format!("strict decoding error: {}", all.join(", "))))
        }
        _ => Ok(surplus.unknown.iter().map(|path| format!("unknown field {path:?}")).collect()),
    }
}

fn undecodable(info: &Resource, why: &str) -> Refusal {
    let (kind, version) = (&info.kind, info.versions.first().map_or("v1", String::as_str));
    Refusal::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
}

/// Checks kind, namespace and name of an object against its path and fills namespace and stored version in.
///
/// # Errors
/// 400 where they differ.
pub(crate) fn fit_to_path(info: &Resource, target: &Target, object: &mut Value) -> Answer<()> {
    let (kind, version) = (text(object, "/kind").to_owned(), text(object, "/apiVersion").to_owned());
    let wanted = info.api_version(&target.version);
    if (!kind.is_empty() && kind != info.kind) || (!version.is_empty() && version != wanted) {
        let short = version.rsplit('/').next().unwrap_or_default();
        return Err(Refusal::bad_request(format!(
            "{kind} in version {short:?} cannot be handled as a {}: no kind {kind:?} is registered for version \
             {version:?} in scheme \"pkg/runtime/scheme.go:111\"",
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
