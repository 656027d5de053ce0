//! Strategic merge patch: a merge patch that knows the keys of lists
//! (`k8s.io/apimachinery/pkg/util/strategicpatch`).

use crate::sim::schema::{self, Shape, Strategy};
use crate::sim::value::{Map, Value, json};

/// Applies a patch to something of a shape.
pub(crate) fn patch(object: &mut Value, patch: &Value, shape: &Shape) {
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
    if let Some(Value::Array(kept)) = changes.get("$retainKeys") {
        map.retain(|key, _| kept.iter().any(|k| k == key));
    }
    for (key, change) in changes {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            delete_primitives(map.get_mut(list), change);
        } else if !key.starts_with('$') {
            if is_replaced(shape, key) {
                map.insert(key, change.clone());
                continue;
            }
            patch_member(map, key, change, &schema::member(shape, key).unwrap_or(Shape::Any));
        }
    }
}

/// Structs that a patch replaces as they are, directives included (`patchStrategy:"replace"`).
fn is_replaced(shape: &Shape, key: &str) -> bool {
    matches!(shape, Shape::Struct(name) if name.ends_with("PodDisruptionBudgetSpec")) && key == "selector"
}

fn patch_member(map: &mut Map, key: &str, change: &Value, shape: &Shape) {
    match change {
        Value::Null => drop(map.remove(key)),
        Value::Object(_) if change.get("$patch").is_some_and(|p| p == "delete") => {
            drop(map.remove(key));
        }
        // There is nothing that a directive could be about.
        Value::Object(_) if change.get("$patch").is_some() && !map.contains_key(key) => {}
        Value::Object(_) => patch(map.entry(key), change, shape),
        Value::Array(changes) => {
            let old = map.entry_or(key, || json!([]));
            patch_list(old, changes, shape);
        }
        _ => drop(map.insert(key, change.clone())),
    }
}

fn patch_list(old: &mut Value, changes: &[Value], shape: &Shape) {
    let Value::Array(items) = old else {
        *old = changes.iter().map(without_directives).collect();
        return;
    };
    match shape {
        Shape::List(item, _, Strategy::MergeBy(key)) => {
            if changes.iter().any(|c| c.get("$patch").is_some_and(|p| p == "replace")) {
                *items =
                    changes.iter().filter(|c| c.get("$patch").is_none()).map(without_directives).collect();
            } else {
                merge_items(items, changes, item, key);
            }
        }
        Shape::List(_, _, Strategy::MergeValues) => {
            let before = std::mem::take(items);
            let place = |value: &Value| before.iter().position(|b| b == value);
            let rest = before.iter().filter(|b| !changes.contains(b)).cloned().collect();
            *items = interleaved(changes.to_vec(), rest, place).into();
        }
        _ => *items = changes.to_vec().into(),
    }
}

fn merge_items(items: &mut Vec<Value>, changes: &[Value], shape: &Shape, key: &str) {
    let place = |all: &[Value], wanted: &Value| {
        all.iter().position(|i| i.get(key).is_some() && i.get(key) == wanted.get(key))
    };
    let before = items.clone();
    let mut patched = Vec::new();
    for change in changes {
        let at = place(items, change);
        let found = at.map(|at| items.remove(at));
        if change.get("$patch").is_some_and(|p| p == "delete") {
            continue;
        }
        patched.push(match found {
            Some(mut item) => {
                patch(&mut item, change, shape);
                item
            }
            None => without_directives(change),
        });
    }
    let rest = std::mem::take(items);
    *items = interleaved(patched, rest, |item| place(&before, item));
}

/// The patch's items come in its order; the others come between them where they stood before
/// (`strategicpatch.mergeSortedSlice`).
fn interleaved(patched: Vec<Value>, rest: Vec<Value>, place: impl Fn(&Value) -> Option<usize>) -> Vec<Value> {
    let mut items = Vec::new();
    let mut rest = rest.into_iter().peekable();
    for item in patched {
        if let Some(at) = place(&item) {
            while let Some(other) = rest.next_if(|other| place(other) < Some(at)) {
                items.push(other);
            }
        }
        items.push(item);
    }
    items.extend(rest);
    items
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
    use crate::sim::value::json;

    fn patched(mut object: Value, change: &Value) -> Value {
        patch(&mut object, change, &Shape::Struct("core.v1.Node".to_owned()));
        object
    }

    #[test]
    fn lists_merge_by_their_keys_in_the_order_of_the_patch() {
        let pod = |containers: Value| json!({"spec": {"containers": containers}});
        let mut old = pod(json!([{"name": "a", "env": [{"name": "A"}]}, {"name": "b"}]));
        let change = pod(
            json!([{"name": "c"}, {"name": "a", "env": [{"name": "B"}]}, {"name": "b", "$patch": "delete"}]),
        );
        patch(&mut old, &change, &Shape::Struct("core.v1.Pod".to_owned()));
        assert_eq!(old, pod(json!([{"name": "c"}, {"name": "a", "env": [{"name": "B"}, {"name": "A"}]}])));
    }

    #[test]
    fn taints_have_no_keys() {
        let old = json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}});
        let new = json!({"spec": {"taints": [{"key": "b", "effect": "NoExecute"}]}});
        assert_eq!(patched(old, &new), new);
    }

    #[test]
    fn plain_lists_take_the_patch_first_and_only_retained_keys_stay() {
        let old = json!({"metadata": {"finalizers": ["one", "two"]}, "spec": {"a": 1, "b": 2}});
        let change = json!({"metadata": {"finalizers": ["three"]}, "spec": {"$retainKeys": ["b"]}, "c": {"$patch": "replace"}});
        let wanted = json!({"metadata": {"finalizers": ["three", "one", "two"]}, "spec": {"b": 2}});
        assert_eq!(patched(old, &change), wanted);
    }

    #[test]
    fn directives_replace_and_delete() {
        let old = json!({"a": {"x": 1}, "b": {"y": 2}, "finalizers": ["p", "q"]});
        let change = json!({"a": {"$patch": "replace", "z": 3}, "b": {"$patch": "delete"},
            "$deleteFromPrimitiveList/finalizers": ["p"]});
        assert_eq!(patched(old, &change), json!({"a": {"z": 3}, "finalizers": ["q"]}));
    }
}
