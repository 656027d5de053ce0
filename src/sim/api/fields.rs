//! Field ownership: sets of field paths and their wire form `fieldsV1`
//! (`sigs.k8s.io/structured-merge-diff/fieldpath`, KEP-555).

use std::collections::BTreeSet;

use crate::sim::schema::Path;
use crate::sim::value::{Map, Value, json};

/// A set of fields; a field that holds others may be a member too, which the wire form shows as `.`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet(BTreeSet<Path>);

/// Fields that nobody owns (`k8s.io/apimachinery/pkg/util/managedfields/internal/stripmeta.go`).
const UNOWNED: &[&[&str]] = &[
    &["f:apiVersion"],
    &["f:kind"],
    &["f:metadata"],
    &["f:metadata", "f:name"],
    &["f:metadata", "f:namespace"],
    &["f:metadata", "f:creationTimestamp"],
    &["f:metadata", "f:selfLink"],
    &["f:metadata", "f:uid"],
    &["f:metadata", "f:generation"],
    &["f:metadata", "f:managedFields"],
    &["f:metadata", "f:resourceVersion"],
];

impl From<BTreeSet<Path>> for FieldSet {
    fn from(paths: BTreeSet<Path>) -> Self {
        Self(paths)
    }
}

impl FieldSet {
    /// Without what nobody owns, and without what lies below one of `reset`.
    pub(crate) fn owned(mut self, reset: &[&[&str]]) -> Self {
        self.0.retain(|path| {
            let is = |other: &[&str]| path.iter().map(String::as_str).eq(other.iter().copied());
            let below =
                |other: &[&str]| path.len() >= other.len() && path.iter().zip(other).all(|(a, b)| a == b);
            !UNOWNED.iter().any(|u| is(u)) && !reset.iter().any(|r| below(r))
        });
        self
    }

    /// Reads `fieldsV1`.
    pub(crate) fn from_wire(fields: &Value) -> Self {
        let mut set = Self::default();
        set.read(&mut Vec::new(), fields);
        set
    }

    fn read(&mut self, path: &mut Path, fields: &Value) {
        for (element, rest) in fields.as_object().into_iter().flatten() {
            if element == "." {
                self.0.insert(path.clone());
                continue;
            }
            path.push(element.to_string());
            if rest.as_object().is_none_or(Map::is_empty) {
                self.0.insert(path.clone());
            }
            self.read(path, rest);
            path.pop();
        }
    }

    /// Whether `fieldsV1` has all of these fields; without reading what else it has.
    pub(crate) fn are_in_wire(&self, wire: &Value) -> bool {
        self.0.iter().all(|path| {
            let found = path.iter().try_fold(wire, |here, element| here.get(element));
            found.is_some_and(|rest| rest.as_object().is_none_or(|m| m.is_empty() || m.contains_key(".")))
        })
    }

    /// Writes `fieldsV1`.
    pub(crate) fn to_wire(&self) -> Value {
        let mut root = json!({});
        // Longer paths come after their beginnings, so a member that holds others is there already when they come.
        for (path, next) in self.0.iter().zip(self.0.iter().skip(1).map(Some).chain([None])) {
            let mut here = &mut root;
            for element in path {
                let Value::Object(map) = here else { break };
                here = map.entry_or(element, || json!({}));
            }
            if next.is_some_and(|next| next.starts_with(path)) {
                here["."] = json!({});
            }
        }
        root
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

    /// The fields as messages show them: `.metadata.labels.app`, `.spec.containers[name="main"].image`.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.0.iter().map(|p| p.iter().map(|element| printed(element)).collect()).collect()
    }

    /// Removes the fields from an object, but those that hold a field of `kept`.
    pub(crate) fn remove_from(&self, object: &mut Value, kept: &Self) {
        for path in &self.0 {
            let holds_kept = kept.0.range(path.clone()..).next().is_some_and(|next| next.starts_with(path));
            if !holds_kept {
                remove(object, path);
            }
        }
    }
}

fn printed(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some((_, key)) => {
            let key: Map = serde_json::from_str(key).unwrap_or_default();
            let pairs: Vec<String> = key.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", pairs.join(","))
        }
        None => element.to_owned(),
    }
}

/// The item of a keyed list that an element names.
fn item_index(items: &[Value], element: &str) -> Option<usize> {
    if let Some(value) = element.strip_prefix("v:") {
        let value: Value = serde_json::from_str(value).ok()?;
        return items.iter().position(|item| *item == value);
    }
    let key: Value = serde_json::from_str(element.strip_prefix("k:")?).ok()?;
    let key = key.as_object()?;
    items.iter().position(|item| key.iter().all(|(k, v)| item.get(k) == Some(v)))
}

fn remove(here: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    match here {
        Value::Object(map) => {
            let Some(name) = first.strip_prefix("f:") else { return };
            if rest.is_empty() {
                map.remove(name);
            } else if let Some(inner) = map.get_mut(name) {
                remove(inner, rest);
            }
        }
        Value::Array(items) => {
            let Some(at) = item_index(items, first) else { return };
            if rest.is_empty() {
                items.remove(at);
            } else {
                remove(&mut items[at], rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_round_trips_and_shows_fields_that_hold_others() {
        let wire = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {
            "f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}}}, "f:taints": {}}});
        let set = FieldSet::from_wire(&wire);
        assert_eq!(set.to_wire(), wire);
        assert_eq!(
            set.printed(),
            [
                ".metadata.labels",
                ".metadata.labels.a",
                ".spec.containers[name=\"c\"]",
                ".spec.containers[name=\"c\"].image",
                ".spec.taints"
            ]
        );
    }

    #[test]
    fn a_set_is_in_its_wire_form_and_in_those_with_more() {
        let wire = json!({"f:data": {".": {}, "f:a": {}, "f:b": {"f:c": {}}}});
        let set = FieldSet::from_wire(&wire);
        assert!(set.are_in_wire(&wire));
        assert!(FieldSet::from_wire(&json!({"f:data": {"f:a": {}}})).are_in_wire(&wire));
        for other in [json!({"f:data": {"f:b": {}}}), json!({"f:data": {"f:d": {}}}), json!({"f:x": {}})] {
            assert!(!FieldSet::from_wire(&other).are_in_wire(&wire), "{other}");
        }
    }

    #[test]
    fn fields_that_hold_what_another_owns_stay() {
        let mut object = json!({"spec": {"a": {"b": 1, "c": 2}, "d": 3}});
        let mine = FieldSet::from_wire(&json!({"f:spec": {"f:a": {".": {}, "f:b": {}}, "f:d": {}}}));
        let kept = FieldSet::from_wire(&json!({"f:spec": {"f:a": {"f:c": {}}}}));
        mine.remove_from(&mut object, &kept);
        assert_eq!(object, json!({"spec": {"a": {"c": 2}}}));
    }
}
