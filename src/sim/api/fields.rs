//! Field ownership: sets of field paths and their wire form `fieldsV1`
//! (`sigs.k8s.io/structured-merge-diff`, KEP-555), enough for apply conflicts between managers.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A path of elements in the form of `fieldsV1`: `f:name` or `k:{"name":"x"}`.
type Path = Vec<String>;

/// A set of leaf fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet(BTreeSet<Path>);

/// Members of an object that nobody owns.
const UNOWNED: &[&str] = &["apiVersion", "kind"];
const UNOWNED_METADATA: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "generateName",
];

/// The member that identifies the items of a list; `None` for lists that are replaced as a whole.
///
/// From the `patchMergeKey` and `listMapKey` tags of `k8s.io/api`; custom resources have no such lists here.
pub(crate) fn merge_key(field: &str, items: &[Value]) -> Option<&'static str> {
    let candidates: &[&str] = match field {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets" => {
            &["name"]
        }
        "conditions" | "addresses" => &["type"],
        "volumeMounts" => &["mountPath"],
        "ports" => &["containerPort", "port"],
        "ownerReferences" => &["uid"],
        _ => return None,
    };
    candidates.iter().find(|key| !items.is_empty() && items.iter().all(|i| i.get(**key).is_some())).copied()
}

impl FieldSet {
    /// The leaves of an object.
    pub(crate) fn of(object: &Value, custom: bool) -> Self {
        let mut set = Self::default();
        if let Value::Object(map) = object {
            for (key, value) in map.iter().filter(|(k, _)| !UNOWNED.contains(&k.as_str())) {
                let mut path = vec![format!("f:{key}")];
                if key == "metadata" {
                    set.add_metadata(value, custom);
                } else {
                    set.add(&mut path, key, value, custom);
                }
            }
        }
        set
    }

    fn add_metadata(&mut self, metadata: &Value, custom: bool) {
        for (key, value) in metadata.as_object().into_iter().flatten() {
            if !UNOWNED_METADATA.contains(&key.as_str()) {
                self.add(&mut vec!["f:metadata".to_owned(), format!("f:{key}")], key, value, custom);
            }
        }
    }

    fn add(&mut self, path: &mut Path, field: &str, value: &Value, custom: bool) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    path.push(format!("f:{key}"));
                    self.add(path, key, value, custom);
                    path.pop();
                }
            }
            Value::Array(items) if !custom || field == "ownerReferences" => match merge_key(field, items) {
                Some(key) => {
                    for item in items {
                        path.push(format!("k:{}", json!({key: item[key]})));
                        self.add(path, "", item, custom);
                        path.pop();
                    }
                }
                None => drop(self.0.insert(path.clone())),
            },
            _ => drop(self.0.insert(path.clone())),
        }
    }

    /// Reads `fieldsV1`.
    pub(crate) fn from_wire(fields: &Value) -> Self {
        let mut set = Self::default();
        set.read(&mut Vec::new(), fields);
        set
    }

    fn read(&mut self, path: &mut Path, fields: &Value) {
        let Some(map) = fields.as_object().filter(|m| !m.is_empty()) else {
            if !path.is_empty() {
                self.0.insert(path.clone());
            }
            return;
        };
        for (element, rest) in map.iter().filter(|(e, _)| *e != ".") {
            path.push(element.clone());
            self.read(path, rest);
            path.pop();
        }
    }

    /// Writes `fieldsV1`.
    pub(crate) fn to_wire(&self) -> Value {
        let mut root = Value::Object(Map::new());
        for path in &self.0 {
            let mut here = &mut root;
            for element in path {
                let Value::Object(map) = here else { break };
                here = map.entry(element.clone()).or_insert_with(|| json!({}));
            }
        }
        root
    }

    /// The fields of this set whose values differ between two objects.
    pub(crate) fn changed(&self, old: &Value, new: &Value) -> Self {
        Self(self.0.iter().filter(|p| lookup(old, p) != lookup(new, p)).cloned().collect())
    }

    /// The common fields.
    pub(crate) fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// This set without the fields of another.
    pub(crate) fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// Adds the fields of another.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields as messages show them: `.metadata.labels.app`.
    pub(crate) fn printed(&self) -> Vec<String> {
        let element = |e: &String| match e.strip_prefix("f:") {
            Some(name) => format!(".{name}"),
            None => {
                format!("[{}]", e.trim_start_matches("k:").trim_matches(['{', '}']).replace("\":", "\"="))
            }
        };
        self.0.iter().map(|p| p.iter().map(element).collect()).collect()
    }

    /// Removes the fields from an object, and objects that become empty by it.
    pub(crate) fn remove_from(&self, object: &mut Value) {
        for path in &self.0 {
            remove(object, path);
        }
    }
}

/// The item of a keyed list that an element names.
fn item_index(items: &[Value], element: &str) -> Option<usize> {
    let key: Value = serde_json::from_str(element.strip_prefix("k:")?).ok()?;
    let key = key.as_object()?;
    items.iter().position(|item| key.iter().all(|(k, v)| item.get(k) == Some(v)))
}

fn lookup<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |here, element| match here {
        Value::Array(items) => items.get(item_index(items, element)?),
        _ => here.get(element.strip_prefix("f:")?),
    })
}

fn remove(here: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    match here {
        Value::Object(map) => {
            let Some(name) = first.strip_prefix("f:") else { return };
            let Some(inner) = map.get_mut(name) else { return };
            remove(inner, rest);
            if rest.is_empty() || is_empty(inner) {
                map.shift_remove(name);
            }
        }
        Value::Array(items) => {
            let Some(at) = item_index(items, first) else { return };
            remove(&mut items[at], rest);
            if rest.is_empty() || is_empty(&items[at]) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_round_trips() {
        let object = json!({"metadata": {"labels": {"a": "1"}, "name": "x"}, "spec": {
            "containers": [{"name": "c", "image": "i"}], "taints": [{"key": "k"}]}});
        let set = FieldSet::of(&object, false);
        assert_eq!(FieldSet::from_wire(&set.to_wire()), set);
        assert_eq!(
            set.printed(),
            [
                ".metadata.labels.a",
                ".spec.containers[\"name\"=\"c\"].image",
                ".spec.containers[\"name\"=\"c\"].name",
                ".spec.taints"
            ]
        );
    }
}
