//! A page of a list, whose objects are decoded by a seed. Pure.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A page.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Where the next page begins.
    pub(super) token: Option<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "continue")]
    token: Option<String>,
}

/// Reads a page.
pub(super) fn page<T>(
    text: &str,
    seed: impl for<'de> DeserializeSeed<'de, Value = T> + Copy,
) -> Result<Page<T>, serde_json::Error> {
    let mut text = serde_json::Deserializer::from_str(text);
    let page = Whole(seed).deserialize(&mut text)?;
    text.end().map(|()| page)
}

struct Whole<S>(S);
struct Items<S>(S);

impl<'de, T, S: DeserializeSeed<'de, Value = T> + Copy> DeserializeSeed<'de> for Whole<S> {
    type Value = Page<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T, S: DeserializeSeed<'de, Value = T> + Copy> Visitor<'de> for Whole<S> {
    type Value = Page<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Page<T>, A::Error> {
        let mut page = Page { items: Vec::new(), token: None };
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "metadata" => page.token = fields.next_value::<Meta>()?.token,
                "items" => page.items = fields.next_value_seed(Items(self.0))?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(page)
    }
}

impl<'de, T, S: DeserializeSeed<'de, Value = T> + Copy> DeserializeSeed<'de> for Items<S> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T, S: DeserializeSeed<'de, Value = T> + Copy> Visitor<'de> for Items<S> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self.0)? {
            all.push(item);
        }
        Ok(all)
    }
}
