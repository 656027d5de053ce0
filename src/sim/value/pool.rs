//! Finding what objects have in common.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{List, Map, Text, Value};

/// After so many objects, what only one of them has is forgotten, but for what lasts.
const ROUND: usize = 4_096;
/// So many parts that last are looked through for those that nobody has any more; then twice as many as are left.
const MANY: usize = 16_384;
/// Longer texts are contents of files: nobody has the same.
const LONGEST: usize = 256;

/// Knows parts of objects by what they say, and gives later objects those in place of their own.
#[derive(Debug)]
pub(crate) struct Pool {
    texts: HashSet<Text>,
    /// Of metadata and specs: pods of one template come again and again, however late.
    lasting: Parts,
    /// Of all else: what comes at the same time has much in common.
    passing: Parts,
    taken: usize,
    limit: usize,
}

/// Objects and lists by the hash of what they say.
#[derive(Debug, Default)]
struct Parts {
    maps: HashMap<u64, Map>,
    lists: HashMap<u64, List>,
}

impl Default for Pool {
    fn default() -> Self {
        let (lasting, passing) = (Parts::default(), Parts::default());
        Self { texts: HashSet::new(), lasting, passing, taken: 0, limit: MANY }
    }
}

impl Pool {
    /// The same value, with parts that were seen before shared, and no room to spare in the others. What somebody else
    /// holds too is left as it is. The object, its metadata, spec and status are its own.
    pub(crate) fn share(&mut self, object: &mut Value) {
        let Value::Object(map) = object else { return };
        let has_spec = map.contains_key("spec");
        if map.holders() == 1 {
            for (name, value) in map.iter_mut() {
                let lasts = has_spec && matches!(name.as_str(), "metadata" | "spec");
                self.member(value, lasts);
            }
            map.shrink();
        }
        self.taken += 1;
        if self.taken.is_multiple_of(ROUND) {
            self.forget();
        }
    }

    fn member(&mut self, value: &mut Value, lasts: bool) {
        match value {
            Value::Object(map) if map.holders() == 1 => {
                map.values_mut().for_each(|value| self.value(value, lasts));
                map.shrink();
            }
            other => self.value(other, lasts),
        }
    }

    fn forget(&mut self) {
        // One is held here, one by the object that it came with.
        self.texts.retain(|text| Arc::strong_count(&text.0) > 2);
        self.passing.keep(2);
        if self.lasting.maps.len() + self.lasting.lists.len() > self.limit {
            self.lasting.keep(1);
            self.limit = MANY.max(2 * (self.lasting.maps.len() + self.lasting.lists.len()));
        }
    }

    fn value(&mut self, value: &mut Value, lasts: bool) {
        match value {
            Value::String(text) if Arc::strong_count(&text.0) == 1 => self.text(text),
            Value::Array(items) if items.holders() == 1 => self.list(items, lasts),
            Value::Object(map) if map.holders() == 1 => self.map(map, lasts),
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

    fn map(&mut self, map: &mut Map, lasts: bool) {
        map.values_mut().for_each(|value| self.value(value, lasts));
        map.shrink();
        let mut hasher = DefaultHasher::new();
        map.shape().hash(&mut hasher);
        map.iter().for_each(|(_, value)| hash(value, &mut hasher));
        // In the same order too: what is written must not change.
        known(&mut self.parts(lasts).maps, hasher.finish(), map, |a, b| a.iter().eq(b.iter()));
    }

    fn list(&mut self, list: &mut List, lasts: bool) {
        list.iter_mut().for_each(|item| self.value(item, lasts));
        list.shrink_to_fit();
        let mut hasher = DefaultHasher::new();
        list.iter().for_each(|item| hash(item, &mut hasher));
        // Hashes are of where parts lie: objects that differ in their order only are not the same here either.
        known(&mut self.parts(lasts).lists, hasher.finish(), list, |a, b| a == b);
    }

    fn parts(&mut self, lasts: bool) -> &mut Parts {
        if lasts { &mut self.lasting } else { &mut self.passing }
    }
}

impl Parts {
    /// Keeps what more than so many hold.
    fn keep(&mut self, holders: usize) {
        self.lists.retain(|_, list| list.holders() > holders);
        self.maps.retain(|_, map| map.holders() > holders);
    }
}

/// Puts the part that is known already in place of a new one that says the same; a new one is known from now on.
fn known<T: Clone>(all: &mut HashMap<u64, T>, hash: u64, new: &mut T, is_same: impl Fn(&T, &T) -> bool) {
    let known = all.entry(hash).or_insert_with(|| new.clone());
    // Two that only share their hash stay two.
    if is_same(known, new) {
        *new = known.clone();
    }
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
    fn what_lasts_is_known_as_long_as_somebody_has_it() {
        let mut pool = Pool::default();
        let mut one: Value = serde_json::from_str(&pod("one").to_string()).unwrap();
        pool.share(&mut one);
        let known = |pool: &mut Pool| {
            pool.limit = 0;
            pool.forget();
            pool.lasting.lists.len()
        };
        assert_eq!(known(&mut pool), 1);
        drop(one);
        assert_eq!(known(&mut pool), 0);
    }

    #[test]
    fn what_is_held_elsewhere_is_not_copied() {
        let mut object = pod("one");
        let copy = object.clone();
        Pool::default().share(&mut object);
        assert!(object.as_object().unwrap().is_same(copy.as_object().unwrap()));
    }
}
