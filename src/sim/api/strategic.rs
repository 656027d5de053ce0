//! Strategic merge patch: a merge patch that knows the keys of lists
//! (`k8s.io/apimachinery/pkg/util/strategicpatch`).

use serde_json::{Map, Value};

use super::fields::merge_key;

/// Applies a patch.
pub(crate) fn patch(object: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *object = patch.clone();
        return;
    };
    if changes.get("$patch").is_some_and(|p| p == "replace") {
        *object = without_directives(patch);
        return;
    }
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(map) = object else { return };
    for (key, change) in changes {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            delete_primitives(map.get_mut(list), change);
        } else if !key.starts_with('$') {
            patch_member(map, key, change);
        }
    }
}

fn patch_member(map: &mut Map<String, Value>, key: &str, change: &Value) {
    match change {
        Value::Null => drop(map.shift_remove(key)),
        Value::Object(_) if change.get("$patch").is_some_and(|p| p == "delete") => {
            drop(map.shift_remove(key));
        }
        Value::Object(_) => patch(map.entry(key).or_insert(Value::Null), change),
        Value::Array(changes) => {
            let old = map.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            patch_list(old, key, changes);
        }
        _ => drop(map.insert(key.to_owned(), change.clone())),
    }
}

fn patch_list(old: &mut Value, field: &str, changes: &[Value]) {
    let Value::Array(items) = old else {
        *old = Value::Array(changes.iter().map(without_directives).collect());
        return;
    };
    if changes.iter().any(|c| c.get("$patch").is_some_and(|p| p == "replace")) {
        *items = changes.iter().filter(|c| c.get("$patch").is_none()).map(without_directives).collect();
        return;
    }
    if field == "finalizers" {
        let new: Vec<Value> = changes.iter().filter(|c| !items.contains(c)).cloned().collect();
        items.extend(new);
        return;
    }
    // Taints merge by key here, unlike under server-side apply, where the list is atomic.
    let key = if field == "taints" { Some("key") } else { merge_key(field, changes) };
    let Some(key) = key else {
        *items = changes.to_vec();
        return;
    };
    for change in changes {
        let at = items.iter().position(|i| i.get(key).is_some() && i.get(key) == change.get(key));
        let is_delete = change.get("$patch").is_some_and(|p| p == "delete");
        match at {
            Some(at) if is_delete => drop(items.remove(at)),
            Some(at) => patch(&mut items[at], change),
            None if is_delete => {}
            None => items.push(without_directives(change)),
        }
    }
}

fn delete_primitives(list: Option<&mut Value>, values: &Value) {
    if let (Some(Value::Array(items)), Value::Array(gone)) = (list, values) {
        items.retain(|i| !gone.contains(i));
    }
}

fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(k, v)| !k.starts_with('$') && !v.is_null());
            Value::Object(kept.map(|(k, v)| (k.clone(), without_directives(v))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_directives).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(mut object: Value, change: &Value) -> Value {
        patch(&mut object, change);
        object
    }

    #[test]
    fn lists_merge_by_their_keys() {
        let old = json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}], "args": [1, 2]}});
        let new = patched(
            old,
            &json!({"spec": {"taints": [{"key": "b", "effect": "NoExecute"}, {"key": "a", "$patch": "delete"}], "args": [3]}}),
        );
        assert_eq!(new, json!({"spec": {"taints": [{"key": "b", "effect": "NoExecute"}], "args": [3]}}));
    }

    #[test]
    fn directives_replace_and_delete() {
        let old = json!({"a": {"x": 1}, "b": {"y": 2}, "finalizers": ["p", "q"]});
        let change = json!({"a": {"$patch": "replace", "z": 3}, "b": {"$patch": "delete"},
            "$deleteFromPrimitiveList/finalizers": ["p"]});
        assert_eq!(patched(old, &change), json!({"a": {"z": 3}, "finalizers": ["q"]}));
    }
}
