//! What a Go struct makes of a JSON document: unknown members go, empty ones are not printed, others always are.

use crate::sim::value::{Map, Text, Value, json};

use super::{Shape, member, named};
use crate::sim::json::go_kind;

/// What Go prints of an object without any content.
pub(crate) fn empty(shape: &Shape) -> Value {
    let mut map = Map::new();
    add_what_is_always_there(&mut map, shape);
    Value::Object(map)
}

/// What was found that does not belong.
#[derive(Debug, Default)]
pub(crate) struct Surplus {
    /// Paths of members that are not of the type, as warnings name them.
    pub(crate) unknown: Vec<String>,
    /// The sentence about a value of another type.
    pub(crate) mismatch: Option<String>,
    /// The same as a schema's validation tells it: the field, and the message.
    pub(crate) wrong: Option<(String, String)>,
}

/// Brings a value into its shape.
pub(crate) fn typed(value: &mut Value, shape: &Shape, root: &str) -> Surplus {
    let mut surplus = Surplus::default();
    fit(value, shape, &mut Place { root, path: String::new() }, &mut surplus);
    surplus
}

struct Place<'a> {
    /// Name of the whole, as Go's decoder tells it.
    root: &'a str,
    path: String,
}

fn fit(value: &mut Value, shape: &Shape, place: &mut Place<'_>, surplus: &mut Surplus) {
    if let Some(wanted) = mismatch(value, shape) {
        let found = go_kind(value);
        let field = place.path.split('[').next().unwrap_or_default();
        let sentence = format!(
            "json: cannot unmarshal {found} into Go struct field {}{field} of type {wanted}",
            place.root
        );
        surplus.mismatch.get_or_insert(sentence);
        let (field, wanted) = (place.path.trim_start_matches('.').to_owned(), schema_type(shape));
        let message =
            format!("Invalid value: {found:?}: {field} in body must be of type {wanted}: {found:?}");
        surplus.wrong.get_or_insert((field, message));
        return;
    }
    match (shape, value) {
        (Shape::Struct(_) | Shape::Inline(_), Value::Object(map)) => fit_members(map, shape, place, surplus),
        (Shape::Map(item, _), Value::Object(map)) => {
            // Go names the field of a map, not its item.
            map.values_mut().for_each(|inner| fit(inner, item, place, surplus));
        }
        (Shape::List(item, ..), Value::Array(items)) => {
            for (at, inner) in items.iter_mut().enumerate() {
                within(place, &format!("[{at}]"), |place| fit(inner, item, place, surplus));
            }
        }
        _ => {}
    }
}

fn within(place: &mut Place<'_>, step: &str, work: impl FnOnce(&mut Place<'_>)) {
    let length = place.path.len();
    place.path.push_str(step);
    work(place);
    place.path.truncate(length);
}

fn fit_members(map: &mut Map, shape: &Shape, place: &mut Place<'_>, surplus: &mut Surplus) {
    let keys: Vec<Text> = map.keys().cloned().collect();
    for key in keys {
        match member(shape, &key) {
            None => {
                surplus.unknown.push(format!("{}.{key}", place.path).trim_start_matches('.').to_owned());
                map.remove(&key);
            }
            Some(inner) => {
                if let Some(value) = map.get_mut(&key) {
                    within(place, &format!(".{key}"), |place| fit(value, &inner, place, surplus));
                }
                if map
                    .get(&key)
                    .is_some_and(|value| is_left_out(&key, value, &inner) && !is_kept(shape, &key, value))
                {
                    map.remove(&key);
                }
            }
        }
    }
    add_what_is_always_there(map, shape);
}

/// Scalars with `omitempty` that are no pointers: their zero is never printed. OpenAPI does not tell them.
const NO_POINTERS: &[&str] = &[
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "observedGeneration",
    "paused",
    "publishNotReadyAddresses",
    "unschedulable",
];

/// An empty list of a member that is always printed is another thing than none. OpenAPI does not tell that of rules.
fn is_kept(shape: &Shape, key: &str, value: &Value) -> bool {
    let Shape::Struct(name) = shape else { return false };
    let is_always = || named(name).and_then(|t| t.fields.get(key)).is_some_and(|f| f.always);
    value.is_array() && ((key == "rules" && name.ends_with("Role")) || is_always())
}

/// `omitempty`; structs that are pointers are kept where they are given.
fn is_left_out(key: &str, value: &Value, shape: &Shape) -> bool {
    match (value, shape) {
        (Value::Bool(false), Shape::Bool) => NO_POINTERS.contains(&key),
        (Value::Number(number), Shape::Int) => number.as_i64() == Some(0) && NO_POINTERS.contains(&key),
        (Value::Null, _) => true,
        (Value::Array(items), Shape::List(..)) => items.is_empty(),
        (Value::Object(map), Shape::Map(..)) => map.is_empty(),
        _ => false,
    }
}

fn add_what_is_always_there(map: &mut Map, shape: &Shape) {
    let Shape::Struct(name) = shape else { return };
    for (member, field) in named(name).into_iter().flat_map(|t| &t.fields).filter(|(_, f)| f.always) {
        if map.get(member).is_some_and(|v| !v.is_null()) {
            continue;
        }
        let empty = match &field.shape {
            Shape::Text => json!(""),
            Shape::Int => json!(0),
            Shape::Bool => json!(false),
            Shape::List(..) | Shape::Any => Value::Null,
            shape => {
                let mut inner = Map::new();
                add_what_is_always_there(&mut inner, shape);
                Value::Object(inner)
            }
        };
        map.insert(member.clone(), empty);
    }
}

fn mismatch(value: &Value, shape: &Shape) -> Option<&'static str> {
    match (shape, value) {
        (_, Value::Null)
        | (Shape::Text, Value::String(_))
        | (Shape::Bool, Value::Bool(_))
        | (Shape::Int, Value::Number(_))
        | (Shape::Any, _)
        | (Shape::Struct(_) | Shape::Inline(_) | Shape::Map(..), Value::Object(_))
        | (Shape::List(..), Value::Array(_)) => None,
        (Shape::Text, _) => Some("string"),
        (Shape::Bool, _) => Some("bool"),
        (Shape::Int, _) => Some("int32"),
        (Shape::Map(..), _) => Some("map[string]string"),
        (Shape::List(..), _) => Some("[]string"),
        (Shape::Struct(_) | Shape::Inline(_), _) => Some("struct"),
    }
}

fn schema_type(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "string",
        Shape::Int => "integer",
        Shape::Bool => "boolean",
        Shape::List(..) => "array",
        _ => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> Shape {
        Shape::Struct("core.v1.Pod".to_owned())
    }

    #[test]
    fn unknown_members_go_and_structs_stay() {
        let mut pod_object =
            json!({"spec": {"containers": [{"name": "c", "surplus": 1}], "volumes": []}, "odd": 1});
        let surplus = typed(&mut pod_object, &pod(), "Pod");
        assert_eq!(surplus.unknown, ["spec.containers[0].surplus", "odd"]);
        let wanted =
            json!({"metadata": {}, "spec": {"containers": [{"name": "c", "resources": {}}]}, "status": {}});
        assert_eq!(pod_object, wanted);
        assert_eq!(empty(&pod()), json!({"metadata": {}, "spec": {"containers": null}, "status": {}}));
    }

    #[test]
    fn values_of_another_type_are_named_as_go_names_them() {
        let mut map = json!({"data": {"a": 1}});
        let surplus = typed(&mut map, &Shape::Struct("core.v1.ConfigMap".to_owned()), "ConfigMap");
        let wanted = "json: cannot unmarshal number into Go struct field ConfigMap.data of type string";
        assert_eq!(surplus.mismatch.as_deref(), Some(wanted));
    }
}
