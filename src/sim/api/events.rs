//! `events.k8s.io`: the events of the core group under other names (`pkg/apis/events/v1/conversion.go`). Calls are
//! translated on their way in, answers on their way out; nothing else knows of the second group.

use futures::StreamExt;

use crate::sim::json::{name, set_default};
use crate::sim::resource::id;
use crate::sim::status::{Answer, Refusal};
use crate::sim::validate::events;
use crate::sim::value::{Map, Text, Value};
use crate::sim::world::Shared;

use super::{Call, Reply, Route, Target, dispatch};

/// `apiVersion` there.
const VERSION: &str = "events.k8s.io/v1";
/// Members in the core group, and what they are called there.
const NAMES: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// A direction of translation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Core,
    Again,
}

/// Answers a call to `events.k8s.io`.
///
/// # Errors
/// Those of the same call to the core group, in the words of this one.
pub(super) fn answer(shared: &Shared, call: Call, target: &Target) -> Answer<Reply> {
    let inner = Route::Resource(Target { resource: id::EVENTS, ..target.clone() });
    let call = call.with_param("fieldSelector", |text| {
        text.replace("regarding.", "involvedObject.").replace("reportingController", "reportingComponent")
    });
    let body = serde_json::from_slice::<Value>(&call.body).map(|body| translated(&body, To::Core));
    // No body, or one that the core group refuses as well.
    let Ok(body) = body else { return dispatch(shared, call, &inner).map(reply).map_err(refusal) };
    if call.method == "POST" {
        check_new(shared, target, &body)?;
    }
    let call = call.with_body(body.to_string().into_bytes());
    dispatch(shared, call, &inner).map(reply).map_err(refusal)
}

/// What is asked of new events here and not in the core group.
fn check_new(shared: &Shared, target: &Target, event: &Value) -> Answer<()> {
    let stricter = events::strict(event);
    if stricter.is_empty() {
        return Ok(());
    }
    let mut event = event.clone();
    set_default(&mut event, "/metadata/namespace", target.namespace.as_deref().unwrap_or_default());
    let problems: Vec<_> = events::event(&event).into_iter().chain(stricter).collect();
    let world = shared.lock();
    Err(Refusal::invalid(world.registry.get(target.resource), name(&event), &problems))
}

fn reply(reply: Reply) -> Reply {
    let out =
        |bytes: &[u8]| serde_json::from_slice(bytes).map(|value| translated(&value, To::Again).to_string());
    match reply {
        Reply::Json(code, bytes) => match out(&bytes) {
            Ok(text) => Reply::Json(code, text.into_bytes()),
            Err(_) => Reply::Json(code, bytes),
        },
        Reply::Stream(lines) => Reply::Stream(
            lines
                .map(move |line| out(&line).map_or(line, |text| format!("{text}\n").into_bytes().into()))
                .boxed(),
        ),
        Reply::Refused(refused) => Reply::Refused(refusal(refused)),
        Reply::Warned(inner, warnings) => Reply::Warned(Box::new(self::reply(*inner)), warnings),
        other @ (Reply::Text(_) | Reply::NoPage | Reply::Switch(_)) => other,
    }
}

fn refusal(refusal: Refusal) -> Refusal {
    Refusal { body: status(&refusal.body), ..refusal }
}

/// A Status that is about events tells their group.
fn status(body: &Value) -> Value {
    let mut body = body.clone();
    let kind = body.pointer("/details/kind").and_then(Value::as_str).unwrap_or_default();
    if !matches!(kind, "events" | "Event") {
        return body;
    }
    body["details"]["group"] = "events.k8s.io".into();
    let message = body["message"].as_str().unwrap_or_default();
    let named = [("events \"", "events.events.k8s.io \""), ("Event \"", "Event.events.k8s.io \"")];
    if let Some((core, again)) = named.iter().find(|(core, _)| message.contains(core)) {
        body["message"] = message.replacen(core, again, 1).into();
    }
    body
}

/// A body or an answer in the words of the other group: an event, a list or a table of them, a watch's line, a patch.
fn translated(value: &Value, to: To) -> Value {
    match value {
        Value::Array(operations) => operations.iter().map(|operation| operation_on(operation, to)).collect(),
        Value::Object(map) => match value["kind"].as_str() {
            Some("Status") => status(value),
            Some("DeleteOptions") => value.clone(),
            Some("Table") => each(value, "rows", |row| of_member(row, "object", to)),
            Some("EventList" | "PartialObjectMetadataList") => {
                each(&versioned(map, to), "items", |item| translated(item, to))
            }
            None if map.contains_key("object") && map.contains_key("type") => of_member(value, "object", to),
            _ => event(map, to),
        },
        other => other.clone(),
    }
}

fn of_member(value: &Value, member: &str, to: To) -> Value {
    let mut value = value.clone();
    if value.get(member).is_some_and(Value::is_object) {
        value[member] = translated(&value[member], to);
    }
    value
}

fn each(value: &Value, member: &str, change: impl Fn(&Value) -> Value) -> Value {
    let mut value = value.clone();
    if let Some(items) = value.get(member).and_then(Value::as_array) {
        value[member] = items.iter().map(change).collect();
    }
    value
}

fn event(map: &Map, to: To) -> Value {
    let renamed = map.iter().map(|(name, value)| (Text::name(other_name(name, to)), value.clone()));
    let mut event = versioned(&renamed.collect::<Vec<_>>().into(), to);
    if event.pointer("/metadata/managedFields").is_some_and(Value::is_array) {
        event["metadata"] = each(&event["metadata"], "managedFields", |owner| owned(owner, to));
    }
    event
}

/// What one manager owns.
fn owned(owner: &Value, to: To) -> Value {
    let Value::Object(map) = owner else { return owner.clone() };
    let mut owner = versioned(map, to);
    if let Some(fields) = owner.get("fieldsV1").and_then(Value::as_object) {
        let renamed = fields.iter().map(|(field, value)| {
            let name = field.strip_prefix("f:").map(|name| format!("f:{}", other_name(name, to)));
            (name.map_or_else(|| field.clone(), Text::from), value.clone())
        });
        owner["fieldsV1"] = Value::Object(renamed.collect::<Vec<_>>().into());
    }
    owner
}

fn versioned(map: &Map, to: To) -> Value {
    let mut value = Value::Object(map.clone());
    let (from, new) = match to {
        To::Core => (VERSION, "v1"),
        To::Again => ("v1", VERSION),
    };
    if value["apiVersion"] == from {
        value["apiVersion"] = new.into();
    }
    value
}

fn other_name(name: &str, to: To) -> &str {
    let pairs = NAMES.iter().map(|&(core, again)| if to == To::Core { (again, core) } else { (core, again) });
    pairs.into_iter().find(|(from, _)| *from == name).map_or(name, |(_, new)| new)
}

/// An operation of a JSON patch.
fn operation_on(operation: &Value, to: To) -> Value {
    let mut operation = operation.clone();
    for member in ["path", "from"] {
        let Some(path) =
            operation.get(member).and_then(Value::as_str).and_then(|path| path.strip_prefix('/'))
        else {
            continue;
        };
        let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
        operation[member] = format!("/{}{rest}", other_name(first, to)).into();
    }
    operation
}
