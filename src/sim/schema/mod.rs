//! The shapes of the built-in kinds: which fields there are, which lists have keys, what is owned as a whole, what Go
//! always prints.
//!
//! `kubernetes-1.36.json` was taken from the OpenAPI documents of a real API server, version 1.36.3, without
//! descriptions. A field is a name of a scalar, `#TYPE`, `["list", ITEM, KEYS, STRATEGY, MERGE KEY]` (keys as server-side
//! apply has them, `set` or empty for an atomic list; then those of strategic merge patches) or `["map", ITEM, "atomic"]`.
//! A `!` means that the field is always there: a struct that is no pointer, or what is not left out where it is empty.

mod compare;
mod typed;

use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;

use crate::sim::value::{Map, Value};

use super::resource::Resource;

pub(crate) use compare::{Path, changes, element, leaves};
pub(crate) use typed::{empty, typed};

/// What stands at a place of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// True or false.
    Bool,
    /// A type of the table; always there where it is no pointer.
    Struct(String),
    /// A type of a custom definition's own.
    Inline(Arc<Type>),
    /// A list: of what, its keys for server-side apply, and how strategic merge patches see it.
    List(Box<Self>, Keys, Strategy),
    /// A map from text, and whether it is owned as a whole.
    Map(Box<Self>, bool),
    /// Anything else: times, quantities, schemas; taken as it is.
    Any,
}

/// How server-side apply identifies the items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Not at all: the list is owned as a whole.
    Atomic,
    /// By their values.
    Set,
    /// By members.
    Members(Vec<String>),
}

/// How a strategic merge patch treats a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// It replaces it.
    Replace,
    /// It adds what is missing.
    MergeValues,
    /// It merges items with the same value of a member.
    MergeBy(String),
}

/// A field of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    /// Printed even where it is empty.
    pub(crate) always: bool,
}

/// A type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) fields: HashMap<String, Field>,
    /// Owned as a whole.
    pub(crate) atomic: bool,
}

struct Table {
    kinds: HashMap<String, String>,
    types: HashMap<String, Type>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    let file: Value = serde_json::from_str(include_str!("kubernetes-1.36.json")).unwrap_or_default();
    let entries = |member: &str| file[member].as_object().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    Table {
        kinds: entries("kinds").iter().map(|(kind, name)| (kind.to_string(), text(name))).collect(),
        types: entries("types").iter().map(|(name, fields)| (name.to_string(), read_type(fields))).collect(),
    }
});

fn read_type(fields: &Value) -> Type {
    let mut this = Type::default();
    for (name, field) in fields.as_object().into_iter().flatten() {
        if name == "." {
            this.atomic = true;
        } else {
            let head = field.as_array().and_then(|items| items.first()).unwrap_or(field);
            let always = head.as_str().is_some_and(|f| f.ends_with('!'));
            this.fields.insert(name.to_string(), Field { shape: read_shape(field), always });
        }
    }
    this
}

fn read_shape(field: &Value) -> Shape {
    let Some(parts) = field.as_array() else {
        return match field.as_str().unwrap_or_default().trim_end_matches('!') {
            "string" => Shape::Text,
            "int" => Shape::Int,
            "bool" => Shape::Bool,
            other => other.strip_prefix('#').map_or(Shape::Any, |name| Shape::Struct(name.to_owned())),
        };
    };
    let text = |at: usize| parts.get(at).and_then(Value::as_str).unwrap_or_default();
    let item = Box::new(read_shape(&parts[1]));
    if text(0) == "map" {
        return Shape::Map(item, text(2) == "atomic");
    }
    let keys = match text(2) {
        "" => Keys::Atomic,
        "set" => Keys::Set,
        keys => Keys::Members(keys.split(',').map(str::to_owned).collect()),
    };
    let strategy = match (text(3).starts_with("merge"), text(4)) {
        (false, _) => Strategy::Replace,
        (true, "") => Strategy::MergeValues,
        (true, key) => Strategy::MergeBy(key.to_owned()),
    };
    Shape::List(item, keys, strategy)
}

/// A type by its name.
pub(crate) fn named(name: &str) -> Option<&'static Type> {
    TABLE.types.get(name)
}

/// The shape of a kind; of custom resources without a schema only the metadata is known.
pub(crate) fn of(info: &Resource) -> Shape {
    if info.custom {
        return info.shape.clone();
    }
    let name = TABLE.kinds.get(&format!("{} {}", info.preferred(), info.kind));
    name.map_or(Shape::Any, |name| Shape::Struct(name.clone()))
}

/// The shape that a definition's `openAPIV3Schema` gives.
pub(crate) fn of_definition(schema: &Value) -> Shape {
    let Some(properties) = schema["properties"].as_object() else { return Shape::Any };
    let mut whole = read_properties(properties);
    for (name, field) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "#meta.v1.ObjectMeta")] {
        whole.fields.insert(name.to_owned(), Field { shape: read_shape(&field.into()), always: false });
    }
    Shape::Inline(Arc::new(whole))
}

fn read_properties(properties: &Map) -> Type {
    let field = |schema: &Value| Field { shape: read_property(schema), always: false };
    let fields = properties.iter().map(|(name, schema)| (name.to_string(), field(schema))).collect();
    Type { fields, atomic: false }
}

fn read_property(schema: &Value) -> Shape {
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    match (schema["type"].as_str(), schema["properties"].as_object()) {
        (Some("object"), Some(properties)) if !open => Shape::Inline(Arc::new(read_properties(properties))),
        (Some("array"), _) => {
            Shape::List(Box::new(read_property(&schema["items"])), Keys::Atomic, Strategy::Replace)
        }
        (Some("string"), _) => Shape::Text,
        (Some("integer"), _) => Shape::Int,
        (Some("boolean"), _) => Shape::Bool,
        _ => Shape::Any,
    }
}

/// The shape of a kind's status.
pub(crate) fn status_of(info: &Resource) -> Shape {
    member(&of(info), "status").unwrap_or(Shape::Any)
}

/// Whether something of that shape has one owner as a whole.
pub(crate) fn is_whole(shape: &Shape) -> bool {
    match shape {
        Shape::Struct(name) => named(name).is_some_and(|t| t.atomic),
        Shape::Map(_, atomic) => *atomic,
        Shape::List(_, keys, _) => *keys == Keys::Atomic,
        Shape::Text | Shape::Int | Shape::Bool => true,
        Shape::Inline(_) | Shape::Any => false,
    }
}

/// The shape of a member of something of a shape; `None` where there can be none.
pub(crate) fn member(shape: &Shape, name: &str) -> Option<Shape> {
    match shape {
        Shape::Struct(of) => named(of)?.fields.get(name).map(|f| f.shape.clone()),
        Shape::Inline(of) => of.fields.get(name).map(|f| f.shape.clone()),
        Shape::Map(item, _) => Some(Shape::clone(item)),
        // The metadata of every kind, known or not.
        Shape::Any if name == "metadata" => Some(Shape::Struct("meta.v1.ObjectMeta".to_owned())),
        Shape::Any => Some(Shape::Any),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::resource::Registry;

    #[test]
    fn every_built_in_kind_has_its_shape() {
        for (_, info) in Registry::new().served() {
            assert!(matches!(of(info), Shape::Struct(name) if named(&name).is_some()), "{}", info.kind);
        }
        let refers = |shape: &Shape| match shape {
            Shape::Struct(name) => named(name).is_some(),
            _ => true,
        };
        assert!(TABLE.types.values().flat_map(|t| t.fields.values()).all(|f| refers(&f.shape)));
    }
}
