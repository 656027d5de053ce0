//! Finding what objects have in common.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{Map, Text, Value};

/// After so many objects, what only one of them has is forgotten.
const ROUND: usize = 4_096;

/// Knows parts of objects by what they say, and gives later objects those in place of their own.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    texts: HashSet<Text>,
    maps: HashMap<u64, Vec<Map>>,
    taken: usize,
}

impl Pool {
    /// The same value, with parts that were seen before shared.
    pub(crate) fn share(&mut self, object: &mut Value) {
        self.value(object);
        self.taken += 1;
        if self.taken.is_multiple_of(ROUND) {
            // One is held here, one by the object that it came with.
            self.texts.retain(|text| Arc::strong_count(&text.0) > 2);
            self.maps.retain(|_, maps| {
                maps.retain(|map| map.holders() > 2);
                !maps.is_empty()
            });
        }
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => self.map(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn text(&mut self, text: &mut Text) {
        if let Some(known) = self.texts.get(text) {
            *text = known.clone();
        } else {
            self.texts.insert(text.clone());
        }
    }

    fn map(&mut self, map: &mut Map) {
        let mut members: Vec<(Text, Value)> = std::mem::take(map).into_iter().collect();
        // Names are one already.
        for (_, value) in &mut members {
            self.value(value);
        }
        members.shrink_to_fit();
        let mut hasher = DefaultHasher::new();
        for (name, value) in &members {
            name.hash(&mut hasher);
            hash(value, &mut hasher);
        }
        let known = self.maps.entry(hasher.finish()).or_default();
        let new = Map::from(members);
        // In the same order too: what is written must not change.
        let found = known.iter().find(|k| k.iter().eq(new.iter()));
        *map = found.cloned().unwrap_or_else(|| {
            known.push(new.clone());
            new
        });
    }
}

/// Of a map that was shared it is enough which one it is.
fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0.hash(hasher),
        Value::Bool(is) => is.hash(hasher),
        Value::Number(number) => number.hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(items) => items.iter().for_each(|item| hash(item, hasher)),
        Value::Object(map) => map.address().hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::value::json;

    #[test]
    fn equal_parts_become_one_and_the_order_stays() {
        let object = |name: &str| json!({"name": name, "spec": {"b": [{"image": "web"}], "a": 1}});
        let mut pool = Pool::default();
        let (mut one, mut two, mut other) = (object("one"), object("two"), json!({"spec": {"a": 1}}));
        for object in [&mut one, &mut two, &mut other] {
            pool.share(object);
        }
        assert_eq!((one.clone(), two.clone()), (object("one"), object("two")));
        assert_eq!(two.to_string(), object("two").to_string());
        let spec = |object: &Value| object["spec"].as_object().cloned().unwrap();
        assert!(spec(&one).is_same(&spec(&two)));
        assert!(!spec(&one).is_same(&spec(&other)));
    }
}
