//! From a body to an object of its kind: unknown members, defaults, fit to the path.

use base64::prelude::*;

use crate::sim::clock::hex;
use crate::sim::defaults;
use crate::sim::json::{go_kind, set, text};
use crate::sim::resource::{Resource, ResourceId};
use crate::sim::schema;
use crate::sim::status::{Answer, Refusal};
use crate::sim::validate::Problem;
use crate::sim::value::{Text, Value};
use crate::sim::world::World;

use super::{Call, Target, syntax};

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
    let mismatch = surplus.mismatch.filter(|_| !info.custom).or_else(|| mistake(&info.kind, object));
    if let Some(why) = mismatch {
        // A patched object is told as a whole.
        return Err(match call.method.as_str() {
            "PATCH" => Refusal::unreadable_patch(object, &why),
            _ => undecodable(info, &why),
        });
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

/// What Go's own decoders of some values say: of times with fractions, of bytes.
pub(crate) fn mistake(kind: &str, object: &Value) -> Option<String> {
    match kind {
        "Lease" => ["/spec/renewTime", "/spec/acquireTime"].iter().find_map(|at| {
            let time = text(object, at);
            let fraction = time.split_once('.').map_or("", |(_, fraction)| fraction);
            let is_micro = fraction.get(..6).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            let rest = time.get(19..).filter(|_| !is_micro)?;
            Some(format!(
                "parsing time {time:?} as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse {rest:?} as \".000000\""
            ))
        }),
        "Secret" => {
            let data = object.get("data").and_then(Value::as_object).into_iter().flatten();
            let bad = |(_, value): (&Text, &Value)| BASE64_STANDARD.decode(value.as_str().unwrap_or_default()).is_err();
            data.into_iter().any(bad).then(|| "illegal base64 data at input byte 0".to_owned())
        }
        _ => None,
    }
}

/// The body of a write, of whatever kind it is.
///
/// # Errors
/// 415 for what is no JSON by its own words, 400 for what is none.
pub(crate) fn body(world: &World, call: &Call, target: &Target) -> Answer<Value> {
    let info = world.registry.get(target.resource);
    let kind = call.header("content-type").split(';').next().unwrap_or_default().trim();
    let is_read = match kind {
        "" | "application/json" => true,
        "application/vnd.kubernetes.protobuf" => !info.custom,
        _ => false,
    };
    if !is_read {
        let encodings = if info.custom {
            "application/json, application/yaml"
        } else {
            "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        };
        return Err(Refusal::unknown_format(encodings));
    }
    let is_scale = target.subresource.as_deref() == Some("scale");
    let unrecognized = |why: &str, shown: &str| {
        Refusal::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why} \
             ({shown})",
            if is_scale { "Scale" } else { &info.kind }
        ))
    };
    if kind.ends_with("protobuf") {
        return call.json();
    }
    let object: Value = serde_json::from_slice(&call.body)
        .map_err(|e| unrecognized(&syntax::go_error(&call.body, &e), &summary(&call.body)))?;
    if object.is_object() || object.is_null() {
        return Ok(object);
    }
    let why = format!("json: cannot unmarshal {} into Go value of type {GO_TYPE}", go_kind(&object));
    Err(unrecognized(&why, &summary(&call.body)))
}

/// A body as a refusal shows it (`apiserver/pkg/endpoints/handlers/rest.go`, `summarizeData`).
fn summary(body: &[u8]) -> String {
    let shown = &body[..body.len().min(SHOWN)];
    let more = if body.len() > SHOWN { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(shown)),
        Some(_) => format!("{}{more}", hex(shown)),
    }
}

/// What Go reads first of a body.
const GO_TYPE: &str =
    r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
/// Bytes of a body that a message shows.
const SHOWN: usize = 30;

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
        if let Some(why) = mistake(&kind, object) {
            let why = format!("{kind} in version {short:?} cannot be handled as a {}: {why}", info.kind);
            return Err(Refusal::bad_request(why));
        }
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
