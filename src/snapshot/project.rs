//! Prunes API objects to the fields that a table allows: what is not named is not kept.
//!
//! A selection is written as `metadata{name labels{*}} spec{affinity{**} emptyDir{}}`: a bare name keeps a scalar or a
//! list of scalars, braces keep the fields of an object or of each object of a list, `*` ends a prefix of names, `{**}`
//! keeps whatever is there, and `{}` keeps only that the object is there.
//!
//! Objects are decoded through a selection, so what is not kept is never built in memory.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The fields that are kept of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep(Vec<(String, Rule)>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Scalar,
    Whole,
    Fields(Keep),
}

impl Keep {
    /// Reads a selection.
    pub fn parse(text: &str) -> Self {
        let spaced = text.replace('{', " { ").replace('}', " } ");
        fields(&mut spaced.split_whitespace().peekable())
    }

    /// The part of `value` that is kept; an object or a list stays one, even where it is empty.
    pub fn prune(&self, value: Value) -> Value {
        // A tree that is there already cannot be malformed.
        self.deserialize(value).unwrap_or_default()
    }

    pub(super) fn rule(&self, name: &str) -> Option<&Rule> {
        let is = |known: &str| known.strip_suffix('*').map_or(known == name, |start| name.starts_with(start));
        self.0.iter().find(|(known, _)| is(known)).map(|(_, rule)| rule)
    }
}

impl<'de> DeserializeSeed<'de> for &Keep {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Ok(deserializer.deserialize_any(Part::Fields(self))?.unwrap_or_default())
    }
}

impl Rule {
    /// What stands in braces.
    fn of(keep: Keep) -> Self {
        if keep.0.iter().any(|(name, _)| name == "**") { Self::Whole } else { Self::Fields(keep) }
    }
}

impl<'de> DeserializeSeed<'de> for &Rule {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        match self {
            Rule::Whole => Value::deserialize(deserializer).map(|value| (!value.is_null()).then_some(value)),
            Rule::Scalar => deserializer.deserialize_any(Part::Scalar),
            Rule::Fields(keep) => deserializer.deserialize_any(Part::Fields(keep)),
        }
    }
}

/// What is kept of the value that comes.
#[derive(Clone, Copy)]
enum Part<'a> {
    Scalar,
    Fields(&'a Keep),
}

impl Part<'_> {
    fn scalar(self, value: impl Into<Value>) -> Option<Value> {
        matches!(self, Self::Scalar).then(|| value.into())
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Option<Value>, E> {
        Ok(self.scalar(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Option<Value>, E> {
        Ok(self.scalar(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Option<Value>, E> {
        Ok(self.scalar(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Option<Value>, E> {
        Ok(self.scalar(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Option<Value>, E> {
        Ok(self.scalar(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Value>, A::Error> {
        let mut kept = Vec::new();
        // A list with an object in it is no list of scalars.
        let mut whole = true;
        while let Some(item) = items.next_element_seed(self)? {
            whole &= item.is_some();
            kept.extend(item);
        }
        Ok((whole || matches!(self, Self::Fields(_))).then_some(Value::Array(kept)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Option<Value>, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let rule = if let Self::Fields(keep) = self { keep.rule(&name) } else { None };
            match rule {
                Some(rule) => kept.extend(fields.next_value_seed(rule)?.map(|value| (name, value))),
                None => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(matches!(self, Self::Fields(_)).then_some(Value::Object(kept)))
    }
}

fn fields<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Keep {
    let mut all = Vec::new();
    while let Some(word) = words.next().filter(|word| *word != "}") {
        let has_fields = words.next_if_eq(&"{").is_some();
        let rule = if has_fields { Rule::of(fields(words)) } else { Rule::Scalar };
        all.push((word.to_owned(), rule));
    }
    Keep(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pruned(keep: &str, value: Value) -> Value {
        Keep::parse(keep).prune(value)
    }

    #[test]
    fn only_what_is_named_is_kept() {
        let value = json!({
            "metadata": {"name": "a", "labels": {"x": "1"}, "annotations": {"our/a": "1", "their/b": "S3CRET"}},
            "spec": {"replicas": 2, "list": ["a", "b"], "env": [{"value": "S3CRET"}], "affinity": {"deep": [1]}},
            "volumes": [{"name": "v", "emptyDir": {"medium": "S3CRET"}}, {"name": "w", "secret": null}],
            "data": "S3CRET",
        });
        let keep = "metadata{name labels{*} annotations{our/*}} spec{replicas list env affinity{**}} \
                    volumes{name emptyDir{} secret{}} data{key}";
        let wanted = json!({
            "metadata": {"name": "a", "labels": {"x": "1"}, "annotations": {"our/a": "1"}},
            "spec": {"replicas": 2, "list": ["a", "b"], "affinity": {"deep": [1]}},
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w"}],
        });
        assert_eq!(pruned(keep, value), wanted);
    }

    /// Any JSON whose texts are all secret, with names that the selection below knows and others.
    fn tree() -> impl Strategy<Value = Value> {
        let name = prop_oneof!["[a-e]", "x[a-c]{0,2}"];
        let leaf = prop_oneof![Just(json!("S3CRET")), Just(json!(7)), Just(Value::Null)];
        leaf.prop_recursive(5, 60, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(name.clone(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Paths of scalars, without places in lists.
    fn paths(value: &Value, here: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(k, v)| paths(v, &format!("{here}/{k}"), all)),
            Value::Array(items) => items.iter().for_each(|v| paths(v, here, all)),
            _ => all.push(here.to_owned()),
        }
    }

    proptest! {
        #[test]
        fn no_path_is_kept_that_is_not_listed(value in tree()) {
            let once = pruned("a{b c{*}} b xa* c{} d{**}", value.clone());
            let mut kept = Vec::new();
            paths(&once, "", &mut kept);
            let listed = |path: &str| {
                let parts: Vec<_> = path.split('/').skip(1).collect();
                match parts.as_slice() {
                    [] | ["b"] | ["a", "b"] | ["a", "c", _] | ["d", ..] => true,
                    [name] => name.starts_with("xa"),
                    _ => false,
                }
            };
            prop_assert!(kept.iter().all(|path| listed(path)), "{kept:?} of {value}");
            prop_assert_eq!(pruned("a{b c{*}} b xa* c{} d{**}", once.clone()), once);
        }
    }
}
