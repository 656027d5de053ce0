//! Finding what objects have in common.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::{List, Map, Text, Value};

/// So many known parts are looked through for those that are worth nothing; then as many and a quarter as are left, so
/// that the looking through costs each part no more in a large cluster.
const MANY: usize = 16_384;
/// Metadata that no other object has: what refers to it takes the words from here.
const OWN: &[&str] = &["name", "uid", "resourceVersion"];
/// Longer texts are contents of files: nobody has the same.
const LONGEST: usize = 256;

/// Knows parts of objects by what they say, and gives later objects those in place of their own.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    texts: HashSet<Text>,
    texts_limit: Limit,
    /// Of metadata and specs: pods of one template come again and again, however late.
    lasting: Parts,
    /// Of all else: what comes at the same time has much in common.
    passing: Parts,
    hasher: DefaultHashBuilder,
}

/// How many are known before they are looked through.
#[derive(Debug)]
struct Limit(usize);

impl Default for Limit {
    fn default() -> Self {
        Self(MANY)
    }
}

impl Limit {
    fn after(left: usize) -> Self {
        Self(MANY.max(left + left / 4))
    }
}

/// Objects and lists by the hash of what they say.
#[derive(Debug, Default)]
struct Parts {
    maps: HashMap<u64, Map>,
    lists: HashMap<u64, List>,
    limit: Limit,
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
                let own: &[&str] = if name.as_str() == "metadata" { OWN } else { &[] };
                self.member(value, lasts, own);
            }
        }
        self.forget();
    }

    fn member(&mut self, value: &mut Value, lasts: bool, own: &[&str]) {
        match value {
            Value::Object(map) if map.holders() == 1 => {
                let others = map.iter_mut().filter(|(name, _)| !own.contains(&name.as_str()));
                others.for_each(|(_, value)| self.value(value, lasts));
            }
            other => self.value(other, lasts),
        }
    }

    /// Forgets what is worth nothing, where much is known.
    fn forget(&mut self) {
        // One is held here, one by the object that it came with.
        const SHARED: usize = 2;
        if self.texts.len() > self.texts_limit.0 {
            self.texts.retain(|text| text.holders() > SHARED);
            self.texts_limit = Limit::after(self.texts.len());
        }
        self.passing.keep(SHARED);
        self.lasting.keep(1);
    }

    fn value(&mut self, value: &mut Value, lasts: bool) {
        match value {
            Value::String(text) if text.holders() == 1 => self.text(text),
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
        let mut hasher = self.hasher.build_hasher();
        map.shape().hash(&mut hasher);
        map.iter().for_each(|(_, value)| hash(value, &mut hasher));
        // In the same order too: what is written must not change.
        known(&mut self.parts(lasts).maps, hasher.finish(), map, |a, b| a.iter().eq(b.iter()));
    }

    fn list(&mut self, list: &mut List, lasts: bool) {
        list.iter_mut().for_each(|item| self.value(item, lasts));
        list.shrink_to_fit();
        let mut hasher = self.hasher.build_hasher();
        list.iter().for_each(|item| hash(item, &mut hasher));
        // Hashes are of where parts lie: objects that differ in their order only are not the same here either.
        known(&mut self.parts(lasts).lists, hasher.finish(), list, |a, b| a == b);
    }

    fn parts(&mut self, lasts: bool) -> &mut Parts {
        if lasts { &mut self.lasting } else { &mut self.passing }
    }
}

impl Parts {
    /// Keeps what more than so many hold, where much is known.
    fn keep(&mut self, holders: usize) {
        if self.lists.len() + self.maps.len() > self.limit.0 {
            self.lists.retain(|_, list| list.holders() > holders);
            self.maps.retain(|_, map| map.holders() > holders);
            self.limit = Limit::after(self.lists.len() + self.maps.len());
        }
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
fn hash(value: &Value, hasher: &mut impl Hasher) {
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
            pool.lasting.limit = Limit(0);
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
