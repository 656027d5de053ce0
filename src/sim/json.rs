//! Short ways to read and write the parts of objects that are kept as JSON trees.

use crate::sim::value::{Map, Value, json, segments};

/// What Go's JSON decoder calls a value that it cannot take (`encoding/json`, `UnmarshalTypeError`).
pub(crate) fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) | Value::Null => "bool",
    }
}

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The integer at a JSON pointer; 0 where there is none.
pub(crate) fn int(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether `true` stands at a JSON pointer.
pub(crate) fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// The list at a JSON pointer; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Puts a value at a JSON pointer and makes the objects on the way; `null` on the way counts as absent.
///
/// Path segments with `/` or `~` are escaped as in RFC 6901; items of a list must be there.
pub(crate) fn set(value: &mut Value, pointer: &str, new: impl Into<Value>) {
    let mut here = value;
    for segment in segments(pointer) {
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        let next = match here {
            Value::Object(map) => Some(map.entry(&segment)),
            Value::Array(items) => segment.parse().ok().and_then(|at: usize| items.get_mut(at)),
            _ => None,
        };
        let Some(next) = next else { return };
        here = next;
    }
    *here = new.into();
}

/// Puts a default where nothing stands yet.
pub(crate) fn set_default(value: &mut Value, pointer: &str, default: impl Into<Value>) {
    if value.pointer(pointer).is_none_or(Value::is_null) {
        set(value, pointer, default);
    }
}

/// Removes a member of the object at `pointer`.
pub(crate) fn unset(value: &mut Value, pointer: &str, member: &str) {
    if let Some(Value::Object(map)) = value.pointer_mut(pointer) {
        map.remove(member);
    }
}

/// Puts a list, or removes the member where the list is empty, as `omitempty` has it.
pub(crate) fn set_list(value: &mut Value, parent: &str, member: &str, items: Vec<Value>) {
    if items.is_empty() {
        unset(value, parent, member);
    } else {
        set(value, &format!("{parent}/{member}"), items);
    }
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`; empty for cluster scope.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether deletion has begun.
pub(crate) fn is_deleting(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

/// A member of the string map at `pointer`: a label, an annotation, a key of a ConfigMap.
pub(crate) fn entry<'a>(object: &'a Value, pointer: &str, key: &str) -> Option<&'a str> {
    object.pointer(pointer)?.get(key)?.as_str()
}

/// A label.
pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    entry(object, "/metadata/labels", key)
}

/// An annotation.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    entry(object, "/metadata/annotations", key)
}

/// The owner reference with `controller: true`.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences").iter().find(|o| flag(o, "/controller"))
}

/// An owner reference with `controller: true` to `owner`.
pub(crate) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, "/apiVersion"), "kind": text(owner, "/kind"), "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// A condition of `status.conditions` by type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|c| text(c, "/type") == kind)
}

/// Whether a condition says `True`.
pub(crate) fn is_condition_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| text(c, "/status") == "True")
}

/// Sets a condition and moves `lastTransitionTime` only where the status changes.
pub(crate) fn set_condition(
    object: &mut Value,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: &str,
) {
    let before = condition(object, kind);
    let since = match before {
        Some(old) if text(old, "/status") == status => text(old, "/lastTransitionTime").to_owned(),
        _ => now.to_owned(),
    };
    let mut new = json!({"type": kind, "status": status, "lastTransitionTime": since});
    if !reason.is_empty() {
        set(&mut new, "/reason", reason);
    }
    if !message.is_empty() {
        set(&mut new, "/message", message);
    }
    if !object.pointer("/status/conditions").is_some_and(Value::is_array) {
        set(object, "/status/conditions", json!([]));
    }
    let Some(Value::Array(all)) = object.pointer_mut("/status/conditions") else { return };
    match all.iter_mut().find(|c| text(c, "/type") == kind) {
        Some(old) => *old = new,
        None => all.push(new),
    }
}

/// Whether a pod's Ready condition is true.
pub(crate) fn is_ready(pod: &Value) -> bool {
    is_condition_true(pod, "Ready")
}

/// Whether a pod has come to its end (phase Succeeded or Failed).
pub(crate) fn is_finished(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Merges `over` into `base` as RFC 7386 (and Helm for values) does: objects deeply, `null` removes, all else replaces.
pub(crate) fn merge(base: &mut Value, over: &Value) {
    let Value::Object(changes) = over else {
        *base = over.clone();
        return;
    };
    if !base.is_object() {
        *base = json!({});
    }
    let Value::Object(map) = base else { return };
    for (name, change) in changes {
        if change.is_null() {
            map.remove(name);
        } else {
            merge(map.entry(name), change);
        }
    }
}
