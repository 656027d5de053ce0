//! Finding what objects have in common.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{List, Map, Text, Value};

/// After so many objects, what only one of them has is forgotten.
const ROUND: usize = 4_096;
/// So far down every object is its own: itself, its metadata, spec and status.
const OWN: usize = 2;
/// Longer texts are contents of files: nobody has the same.
const LONGEST: usize = 256;

/// Knows parts of objects by what they say, and gives later objects those in place of their own.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    texts: HashSet<Text>,
    maps: HashMap<u64, Vec<Map>>,
    lists: HashMap<u64, Vec<List>>,
    taken: usize,
}

impl Pool {
    /// The same value, with parts that were seen before shared, and no room to spare in the others. What somebody else
    /// holds too is left as it is.
    pub(crate) fn share(&mut self, object: &mut Value) {
        self.value(object, OWN);
        self.taken += 1;
        if self.taken.is_multiple_of(ROUND) {
            // One is held here, one by the object that it came with.
            self.texts.retain(|text| Arc::strong_count(&text.0) > 2);
            keep(&mut self.maps, |map| map.holders() > 2);
            keep(&mut self.lists, |list| list.holders() > 2);
        }
    }

    fn value(&mut self, value: &mut Value, own: usize) {
        match value {
            Value::String(text) if Arc::strong_count(&text.0) == 1 => self.text(text),
            Value::Array(items) if items.holders() == 1 => self.list(items),
            Value::Object(map) if map.holders() == 1 => self.map(map, own),
            _ => {}
        }
    }

    fn text(&mut self, text: &mut Text) {
        if let Some(known) = self.texts.get(text) {
            *text = known.clone();
        } else if text.len() <= LONGEST {
            self.texts.insert(text.clone());
        }
    }

    fn map(&mut self, map: &mut Map, own: usize) {
        for value in map.values_mut() {
            self.value(value, own.saturating_sub(1));
        }
        map.shrink();
        if own > 0 {
            return;
        }
        let mut hasher = DefaultHasher::new();
        map.shape().hash(&mut hasher);
        map.iter().for_each(|(_, value)| hash(value, &mut hasher));
        // In the same order too: what is written must not change.
        known(&mut self.maps, hasher.finish(), map, |a, b| a.iter().eq(b.iter()));
    }

    fn list(&mut self, list: &mut List) {
        for item in list.iter_mut() {
            self.value(item, 0);
        }
        list.shrink_to_fit();
        let mut hasher = DefaultHasher::new();
        list.iter().for_each(|item| hash(item, &mut hasher));
        // Hashes are of where parts lie: objects that differ in their order only are not the same here either.
        known(&mut self.lists, hasher.finish(), list, |a, b| a == b);
    }
}

/// Puts the part that is known already in place of a new one that says the same; a new one is known from now on.
fn known<T: Clone>(all: &mut HashMap<u64, Vec<T>>, hash: u64, new: &mut T, is_same: impl Fn(&T, &T) -> bool) {
    let like = all.entry(hash).or_default();
    match like.iter().find(|known| is_same(known, new)) {
        Some(known) => *new = known.clone(),
        None => like.push(new.clone()),
    }
}

fn keep<T>(all: &mut HashMap<u64, Vec<T>>, is_kept: impl Fn(&T) -> bool) {
    all.retain(|_, parts| {
        parts.retain(&is_kept);
        !parts.is_empty()
    });
}

/// Of an object or a list that was shared it is enough which one it is.
fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0.hash(hasher),
        Value::Bool(is) => is.hash(hasher),
        Value::Number(number) => number.hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(items) => items.address().hash(hasher),
        Value::Object(map) => map.address().hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::value::json;

    fn pod(name: &str) -> Value {
        json!({"metadata": {"name": name}, "spec": {"containers": [{"b": {"image": "web"}, "a": 1}], "nodeName": name}})
    }

    fn shared(objects: &[Value]) -> Vec<Value> {
        let mut pool = Pool::default();
        let share = |object: &Value| {
            let mut object: Value = serde_json::from_str(&object.to_string()).unwrap();
            pool.share(&mut object);
            object
        };
        objects.iter().map(share).collect()
    }

    #[test]
    fn equal_parts_become_one_and_the_order_stays() {
        let other = json!({"spec": {"containers": [{"a": 1, "b": {"image": "web"}}]}});
        let objects = shared(&[pod("one"), pod("two"), other.clone()]);
        assert_eq!(objects, [pod("one"), pod("two"), other.clone()]);
        assert_eq!(objects[1].to_string(), pod("two").to_string());
        assert_eq!(objects[2].to_string(), other.to_string());
        let containers = |object: &Value| match &object["spec"]["containers"] {
            Value::Array(items) => items.address(),
            _ => 0,
        };
        assert_eq!(containers(&objects[0]), containers(&objects[1]));
        assert_ne!(containers(&objects[0]), containers(&objects[2]));
        let image =
            |object: &Value| object.pointer("/spec/containers/0/b").unwrap().as_object().unwrap().address();
        assert_eq!(image(&objects[0]), image(&objects[2]));
    }

    #[test]
    fn what_is_held_elsewhere_is_not_copied() {
        let mut object = pod("one");
        let copy = object.clone();
        Pool::default().share(&mut object);
        assert!(object.as_object().unwrap().is_same(copy.as_object().unwrap()));
    }
}
