//! Paths into values: what lies where, in the syntax of `--set` (a dot within a key is escaped).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Sets the value at a dotted path without escapes, making the maps on the way.
pub(super) fn set(tree: &mut Value, path: &str, value: Value) {
    let mut at = tree;
    for key in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[key];
    }
    *at = value;
}

/// The value at a dotted path without escapes.
pub(super) fn get<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(tree, |at, key| at.get(key))
}

/// Every leaf by its path; lists and empty maps are leaves.
pub(super) fn leaves(tree: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    if let Value::Object(map) = tree {
        walk(map, "", &mut found);
    }
    found
}

fn walk(map: &Map<String, Value>, prefix: &str, found: &mut BTreeMap<String, Value>) {
    for (key, value) in map {
        let path = join(prefix, key);
        match value {
            Value::Object(inner) if !inner.is_empty() => walk(inner, &path, found),
            leaf => {
                found.insert(path, leaf.clone());
            }
        }
    }
}

/// The path of a key beneath a path.
pub(super) fn join(prefix: &str, key: &str) -> String {
    let key = key.replace('\\', "\\\\").replace('.', "\\.");
    if prefix.is_empty() { key } else { format!("{prefix}.{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_reach_what_they_set() {
        let mut tree = json!({"a": 1});
        set(&mut tree, "a.b.c", json!(2));
        set(&mut tree, "a.d", json!([3]));
        assert_eq!(tree, json!({"a": {"b": {"c": 2}, "d": [3]}}));
        assert_eq!(get(&tree, "a.b.c"), Some(&json!(2)));
        assert_eq!(get(&tree, "a.x"), None);
    }

    #[test]
    fn leaves_have_the_paths_of_set() {
        let tree = json!({"a": {"b.c": 1, "d": [1, 2], "e": {}}, "f": null});
        let found: Vec<_> = leaves(&tree).into_keys().collect();
        assert_eq!(found, ["a.b\\.c", "a.d", "a.e", "f"]);
    }
}
