//! Prunes an object while it is decoded, straight into JSON: of most kinds nothing else is changed, so no tree is built.
//!
//! What is kept is what [`Keep::prune`] keeps.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::project::{Keep, Rule};

/// Room for an object of the usual size, in bytes.
const ROOM: usize = 2048;

/// Decodes objects of a list into JSON without a line break; lists do not say what they list, so this does.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    /// Such as `apps/v1`.
    pub api_version: &'a str,
    /// Such as `DaemonSet`.
    pub kind: &'a str,
    /// The fields that are kept.
    pub keep: &'a Keep,
}

impl<'de> DeserializeSeed<'de> for Line<'_> {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Line<'_> {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Vec<u8>, A::Error> {
        let mut out = Vec::with_capacity(ROOM);
        out.extend_from_slice(b"{\"apiVersion\":");
        json(&mut out, self.api_version)?;
        out.extend_from_slice(b",\"kind\":");
        json(&mut out, self.kind)?;
        let is_said = |name: &str| matches!(name, "apiVersion" | "kind");
        entries(fields, &mut out, |name| self.keep.rule(name).filter(|_| !is_said(name)))?;
        out.push(b'}');
        Ok(out)
    }
}

/// Writes the part of a value that is kept, and says whether any of it is.
struct Written<'a> {
    part: Part<'a>,
    out: &'a mut Vec<u8>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Scalar,
    Fields(&'a Keep),
}

impl Written<'_> {
    fn scalar<E: Error>(self, value: impl Serialize) -> Result<bool, E> {
        let is_kept = matches!(self.part, Part::Scalar);
        if is_kept {
            json(self.out, value)?;
        }
        Ok(is_kept)
    }
}

impl<'de> DeserializeSeed<'de> for Written<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Written<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.scalar(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        self.scalar(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        self.scalar(value)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let Self { part, out } = self;
        let start = out.len();
        out.push(b'[');
        // A list with an object in it is no list of scalars.
        let mut is_whole = true;
        loop {
            let end = out.len();
            if end > start + 1 {
                out.push(b',');
            }
            let item = items.next_element_seed(Written { part, out: &mut *out })?;
            if item != Some(true) {
                out.truncate(end);
            }
            let Some(is_kept) = item else { break };
            is_whole &= is_kept;
        }
        out.push(b']');
        let is_kept = is_whole || matches!(part, Part::Fields(_));
        if !is_kept {
            out.truncate(start);
        }
        Ok(is_kept)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<bool, A::Error> {
        let Part::Fields(keep) = self.part else {
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(false);
        };
        self.out.push(b'{');
        entries(fields, self.out, |name| keep.rule(name))?;
        self.out.push(b'}');
        Ok(true)
    }
}

/// Writes the fields that there is a rule for, after an opening brace or after other fields.
fn entries<'de, 'k, A: MapAccess<'de>>(
    mut fields: A,
    out: &mut Vec<u8>,
    rule: impl Fn(&str) -> Option<&'k Rule>,
) -> Result<(), A::Error> {
    loop {
        let end = out.len();
        let Some(rule) = fields.next_key_seed(Name { rule: &rule, out: &mut *out })? else { return Ok(()) };
        let Some(rule) = rule else {
            fields.next_value::<IgnoredAny>()?;
            continue;
        };
        if !fields.next_value_seed(Ruled { rule, out: &mut *out })? {
            out.truncate(end);
        }
    }
}

/// Writes a field's name and gives its rule, where there is one.
struct Name<'a, F> {
    rule: &'a F,
    out: &'a mut Vec<u8>,
}

impl<'de, 'k, F: Fn(&str) -> Option<&'k Rule>> DeserializeSeed<'de> for Name<'_, F> {
    type Value = Option<&'k Rule>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'k, F: Fn(&str) -> Option<&'k Rule>> Visitor<'_> for Name<'_, F> {
    type Value = Option<&'k Rule>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let rule = (self.rule)(name);
        if rule.is_some() {
            if self.out.last() != Some(&b'{') {
                self.out.push(b',');
            }
            json(self.out, name)?;
            self.out.push(b':');
        }
        Ok(rule)
    }
}

/// Writes the value of a field by its rule, and says whether any of it is kept.
struct Ruled<'a> {
    rule: &'a Rule,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Ruled<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        let part = match self.rule {
            Rule::Whole => {
                let value = Value::deserialize(deserializer)?;
                let is_kept = !value.is_null();
                if is_kept {
                    json(self.out, &value)?;
                }
                return Ok(is_kept);
            }
            Rule::Scalar => Part::Scalar,
            Rule::Fields(keep) => Part::Fields(keep),
        };
        Written { part, out: self.out }.deserialize(deserializer)
    }
}

fn json<E: Error>(out: &mut Vec<u8>, value: impl Serialize) -> Result<(), E> {
    serde_json::to_writer(out, &value).map_err(E::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Any object, with names that the selection below knows and others, and texts that need escapes.
    fn object() -> impl Strategy<Value = Value> {
        let name = || prop_oneof!["[a-e]", "x[a-c]{0,2}", Just("kind".to_owned()), Just("\"".to_owned())];
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            // serde_json rounds what it reads, unless asked not to.
            any::<i32>().prop_map(|number| (f64::from(number) / 4.0).into()),
            "[\"a\n\u{e9}]{0,3}".prop_map(Value::from),
            Just(Value::Null)
        ];
        let tree =
            leaf.prop_recursive(5, 60, 5, move |inner| {
                prop_oneof![
                    prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                    map(name(), inner),
                ]
            });
        map(name(), tree)
    }

    fn map(
        names: impl Strategy<Value = String>,
        values: impl Strategy<Value = Value>,
    ) -> impl Strategy<Value = Value> {
        let entries = prop::collection::btree_map(names, values, 0..5);
        entries.prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn a_line_holds_what_a_pruned_tree_holds(object in object()) {
            let keep = Keep::parse("kind a{b c{*} d{**}} b xa* c{} d{**} e{x* a{b}}");
            let mut wanted = keep.prune(object.clone());
            wanted["apiVersion"] = json!("v1");
            wanted["kind"] = json!("Pod");
            let line = Line { api_version: "v1", kind: "Pod", keep: &keep };
            let text = object.to_string();
            let mut input = serde_json::Deserializer::from_str(&text);
            let line = line.deserialize(&mut input).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let read: Value = serde_json::from_slice(&line).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(read, wanted);
        }
    }
}
