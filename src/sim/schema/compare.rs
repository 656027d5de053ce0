//! Which fields a document has, and which differ between two: what field ownership is made of
//! (`sigs.k8s.io/structured-merge-diff/typed`: `tofieldset.go`, `compare.go`).

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::value::{Map, Value};

use super::{Keys, Shape, is_whole, member};

/// A path of elements in the form of `fieldsV1`: `f:name`, `k:{"name":"x"}` or `v:"x"`.
pub(crate) type Path = Vec<String>;

/// The fields in which two documents differ.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) added: BTreeSet<Path>,
    pub(crate) modified: BTreeSet<Path>,
    pub(crate) removed: BTreeSet<Path>,
}

/// The fields that an applied document names.
pub(crate) fn leaves(object: &Value, shape: &Shape) -> BTreeSet<Path> {
    let mut found = BTreeSet::new();
    collect(object, shape, &mut Vec::new(), &mut found);
    found
}

fn collect(value: &Value, shape: &Shape, path: &mut Path, found: &mut BTreeSet<Path>) {
    match parts(value, shape) {
        Parts::Leaf => drop(found.insert(path.clone())),
        Parts::Members(map) => {
            for (key, inner) in map {
                let Some(inner_shape) = member(shape, key) else { continue };
                path.push(format!("f:{key}"));
                collect(inner, &inner_shape, path, found);
                let is_empty = inner.is_null() || inner.as_object().is_some_and(Map::is_empty);
                if is_empty || is_open(shape, key) {
                    found.insert(path.clone());
                }
                path.pop();
            }
        }
        Parts::Items(item, items) => {
            for (element, inner) in items {
                path.push(element);
                collect(inner, item, path, found);
                found.insert(path.clone());
                path.pop();
            }
        }
    }
}

/// Whether a member is one of a map, not of a struct: it is owned by itself.
fn is_open(shape: &Shape, key: &str) -> bool {
    match shape {
        Shape::Map(..) => true,
        Shape::Any => key != "metadata",
        _ => false,
    }
}

/// Compares two documents.
pub(crate) fn changes(old: &Value, new: &Value, shape: &Shape) -> Change {
    let mut change = Change::default();
    compare(Some(old), Some(new), shape, &mut Vec::new(), &mut change);
    change
}

fn compare(old: Option<&Value>, new: Option<&Value>, shape: &Shape, path: &mut Path, change: &mut Change) {
    let sides = (old.map(|v| parts(v, shape)), new.map(|v| parts(v, shape)));
    match sides {
        (None, None) => return,
        (Some(Parts::Leaf), _) | (_, Some(Parts::Leaf)) => {
            if old.is_some() && new.is_some() && old != new {
                change.modified.insert(path.clone());
            }
        }
        (left, right) => {
            let (left, right) = (elements(left.as_ref()), elements(right.as_ref()));
            for element in left.keys().chain(right.keys().filter(|k| !left.contains_key(*k))) {
                let Some(inner) = shape_of(shape, element) else { continue };
                path.push(element.clone());
                compare(left.get(element).copied(), right.get(element).copied(), &inner, path, change);
                path.pop();
            }
        }
    }
    match (old, new) {
        _ if path.is_empty() => {}
        (None, Some(_)) => drop(change.added.insert(path.clone())),
        (Some(_), None) => drop(change.removed.insert(path.clone())),
        _ => {}
    }
}

fn shape_of(shape: &Shape, element: &str) -> Option<Shape> {
    match (shape, element.strip_prefix("f:")) {
        (shape, Some(name)) => member(shape, name),
        (Shape::List(item, ..), None) => Some(Shape::clone(item)),
        _ => None,
    }
}

fn elements<'a>(parts: Option<&Parts<'a>>) -> BTreeMap<String, &'a Value> {
    match parts {
        Some(Parts::Members(map)) => map.iter().map(|(key, value)| (format!("f:{key}"), value)).collect(),
        Some(Parts::Items(_, items)) => items.iter().cloned().collect(),
        _ => BTreeMap::new(),
    }
}

/// What a value consists of, as far as owners are concerned.
enum Parts<'a> {
    /// It is owned as a whole.
    Leaf,
    Members(&'a Map),
    /// The items of a list with keys, by their elements of a path.
    Items(&'a Shape, Vec<(String, &'a Value)>),
}

fn parts<'a>(value: &'a Value, shape: &'a Shape) -> Parts<'a> {
    match (value, shape) {
        (_, shape) if is_whole(shape) => Parts::Leaf,
        (Value::Object(map), _) => Parts::Members(map),
        // What is empty and printed all the same holds nothing yet.
        (Value::Null, Shape::List(item, ..)) => Parts::Items(item, Vec::new()),
        (Value::Array(items), Shape::List(item, keys, _)) => {
            Parts::Items(item, items.iter().map(|i| (element(i, keys), i)).collect())
        }
        _ => Parts::Leaf,
    }
}

/// The element of a path that names an item of a list.
pub(crate) fn element(item: &Value, keys: &Keys) -> String {
    let Keys::Members(members) = keys else { return format!("v:{item}") };
    let mut key = Map::new();
    let mut sorted: Vec<&String> = members.iter().collect();
    sorted.sort();
    for member in sorted {
        match item.get(member) {
            Some(value) if !value.is_null() => drop(key.insert(member.clone(), value.clone())),
            // The one key with a default in the schema of built-in kinds.
            _ if member == "protocol" => drop(key.insert(member.clone(), "TCP".into())),
            _ => {}
        }
    }
    format!("k:{}", Value::Object(key))
}

#[cfg(test)]
mod tests {
    use crate::sim::value::json;

    use super::*;

    fn printed(paths: &BTreeSet<Path>) -> Vec<String> {
        paths.iter().map(|p| p.join("/")).collect()
    }

    #[test]
    fn an_applied_document_owns_what_it_names() {
        let shape = Shape::Struct("core.v1.Pod".to_owned());
        let pod = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"nodeSelector": {"x": "y"},
            "containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}});
        let wanted = [
            "f:metadata/f:labels/f:a",
            r#"f:spec/f:containers/k:{"name":"c"}"#,
            r#"f:spec/f:containers/k:{"name":"c"}/f:name"#,
            r#"f:spec/f:containers/k:{"name":"c"}/f:ports/k:{"containerPort":80,"protocol":"TCP"}"#,
            r#"f:spec/f:containers/k:{"name":"c"}/f:ports/k:{"containerPort":80,"protocol":"TCP"}/f:containerPort"#,
            "f:spec/f:nodeSelector",
        ];
        assert_eq!(printed(&leaves(&pod, &shape)), wanted);
    }

    #[test]
    fn what_was_not_there_is_added_with_all_that_holds_it() {
        let shape = Shape::Struct("core.v1.ConfigMap".to_owned());
        let old = json!({"metadata": {"finalizers": ["a"]}, "data": {"x": "1", "y": "1"}});
        let new = json!({"metadata": {"finalizers": ["b"], "labels": {"l": "1"}}, "data": {"x": "2"}});
        let change = changes(&old, &new, &shape);
        let added = [r#"f:metadata/f:finalizers/v:"b""#, "f:metadata/f:labels", "f:metadata/f:labels/f:l"];
        assert_eq!(printed(&change.added), added);
        assert_eq!(printed(&change.modified), ["f:data/f:x"]);
        assert_eq!(printed(&change.removed), ["f:data/f:y", r#"f:metadata/f:finalizers/v:"a""#]);
    }
}
