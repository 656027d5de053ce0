//! Prunes API objects to the fields that a table allows: what is not named is not kept.
//!
//! A selection is written as `metadata{name labels{*}} spec{affinity{**} emptyDir{}}`: a bare name keeps a scalar or a
//! list of scalars, braces keep the fields of an object or of each object of a list, `*` ends a prefix of names, `{**}`
//! keeps whatever is there, and `{}` keeps only that the object is there.

use serde_json::{Map, Value};

/// The fields that are kept of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep(Vec<(String, Rule)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
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
        match value {
            Value::Object(map) => Value::Object(self.object(map)),
            // Whoever reads a list counts on objects in it.
            Value::Array(items) => {
                items.into_iter().filter(Value::is_object).map(|v| self.prune(v)).collect()
            }
            _ => Value::Null,
        }
    }

    fn object(&self, map: Map<String, Value>) -> Map<String, Value> {
        let kept = map.into_iter().filter_map(|(name, value)| {
            let value = self.rule(&name)?.prune(value)?;
            Some((name, value))
        });
        kept.collect()
    }

    fn rule(&self, name: &str) -> Option<&Rule> {
        let is = |known: &str| known.strip_suffix('*').map_or(known == name, |start| name.starts_with(start));
        self.0.iter().find(|(known, _)| is(known)).map(|(_, rule)| rule)
    }
}

impl Rule {
    fn prune(&self, value: Value) -> Option<Value> {
        let is_nested = |value: &Value| value.is_object() || value.is_array();
        match (self, value) {
            (_, Value::Null) => None,
            (Self::Whole, value) => Some(value),
            (Self::Fields(keep), value) => is_nested(&value).then(|| keep.prune(value)),
            (Self::Scalar, Value::Array(items)) => {
                (!items.iter().any(is_nested)).then_some(Value::Array(items))
            }
            (Self::Scalar, value) => (!is_nested(&value)).then_some(value),
        }
    }
}

fn fields<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Keep {
    let mut all = Vec::new();
    while let Some(word) = words.next().filter(|word| *word != "}") {
        let rule = match words.next_if_eq(&"{") {
            None => Rule::Scalar,
            Some(_) => {
                let inner = fields(words);
                if inner.0.iter().any(|(name, _)| name == "**") { Rule::Whole } else { Rule::Fields(inner) }
            }
        };
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
