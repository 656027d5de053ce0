//! JSON trees whose parts are shared: a copy costs nothing, a change copies only what lies on its way, and what two objects
//! have in common (all pods of a workload have their spec) is held once.
//!
//! The names are those of `serde_json`, whose trees own all they hold: a copy of a pod is 150 allocations there, and
//! 150,000 pods take over two GiB.

mod convert;
mod json;
mod map;
mod pool;
mod shape;
mod wire;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut, Index, IndexMut};

use arcstr::ArcStr;
use hashbrown::HashSet;
use triomphe::Arc;

pub(crate) use serde_json::Number;

pub(crate) use convert::{ToValue, plain};
pub(crate) use json::json;
pub(crate) use map::Map;
pub(crate) use pool::Pool;

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Value {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(List),
    Object(Map),
}

/// A shared text: a pointer that knows no length, so that a value is two words.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Text(ArcStr);

/// A shared list; a change of one that others hold too makes a copy first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List(Arc<Vec<Value>>);

static NULL: Value = Value::Null;

impl Value {
    /// The text, of a text.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The same, to be held.
    pub(crate) fn as_text(&self) -> Option<&Text> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Of a truth value, which.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(is) => Some(*is),
            _ => None,
        }
    }

    /// Of an integer that fits.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Of an integer that is not negative.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The items, of a list.
    pub(crate) fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn as_array_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, of an object.
    pub(crate) fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// Whether it is null.
    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// Whether it is a text.
    pub(crate) fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Whether it is a list.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// A member of an object.
    pub(crate) fn get(&self, member: &str) -> Option<&Self> {
        self.as_object()?.get(member)
    }

    /// What stands at a JSON pointer (RFC 6901).
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Self> {
        segments(pointer).try_fold(self, |here, segment| match here {
            Self::Object(map) => map.get(&segment),
            Self::Array(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub(crate) fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        segments(pointer).try_fold(self, |here, segment| match here {
            Self::Object(map) => map.get_mut(&segment),
            Self::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// The segments of a JSON pointer as names of members; byte by byte and once, as they are shorter than a searcher takes to
/// set up.
pub(crate) fn segments(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = pointer;
    std::iter::from_fn(move || {
        let begun = rest.strip_prefix('/')?;
        let (mut end, mut is_escaped) = (0, false);
        for byte in begun.bytes().take_while(|byte| *byte != b'/') {
            is_escaped |= byte == b'~';
            end += 1;
        }
        let (segment, after) = begun.split_at(end);
        rest = after;
        Some(if is_escaped { segment.replace("~1", "/").replace("~0", "~").into() } else { segment.into() })
    })
}

impl<S: AsRef<str> + ?Sized> Index<&S> for Value {
    type Output = Value;

    fn index(&self, member: &S) -> &Value {
        self.get(member.as_ref()).unwrap_or(&NULL)
    }
}

impl Index<usize> for Value {
    type Output = Value;

    fn index(&self, at: usize) -> &Value {
        self.as_array().and_then(|items| items.get(at)).unwrap_or(&NULL)
    }
}

impl<S: AsRef<str> + ?Sized> IndexMut<&S> for Value {
    /// A member that is not there is made; what is no object becomes one.
    fn index_mut(&mut self, member: &S) -> &mut Value {
        if !self.is_object() {
            *self = Self::Object(Map::new());
        }
        if let Self::Object(map) = self {
            map.entry(member.as_ref())
        } else {
            unreachable!("it is an object")
        }
    }
}

impl fmt::Display for Value {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// So many names of members are known to a thread at most: those of the API are some thousands, users' labels more.
const NAMES: usize = 16_384;

thread_local! {
    static KNOWN: RefCell<HashSet<Text>> = RefCell::default();
}

impl Text {
    /// The name of a member, or of a namespace: the same ones come in every object, so each is held once.
    pub(crate) fn name(name: &str) -> Self {
        KNOWN.with_borrow_mut(|known| {
            if let Some(text) = known.get(name) {
                return text.clone();
            }
            let text = Self::from(name);
            if known.len() < NAMES {
                known.insert(text.clone());
            }
            text
        })
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// How many hold it; what is part of the program has no end of them.
    fn holders(&self) -> usize {
        ArcStr::strong_count(&self.0).unwrap_or(usize::MAX)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl List {
    /// Where it lies: two that are one and the same lie at one place.
    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// How many hold it.
    fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl Deref for List {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.0
    }
}

impl DerefMut for List {
    fn deref_mut(&mut self) -> &mut Vec<Value> {
        Arc::make_mut(&mut self.0)
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_two_words() {
        assert_eq!(size_of::<Value>(), 2 * size_of::<usize>(), "clusters of 150,000 pods have many");
    }

    #[test]
    fn a_change_is_not_seen_through_a_copy() {
        let before = json!({"a": {"b": [1, 2]}, "c": "d"});
        let mut after = before.clone();
        after["a"]["b"].as_array_mut().unwrap().push(3.into());
        assert_eq!(before, json!({"a": {"b": [1, 2]}, "c": "d"}));
        assert_eq!(after, json!({"a": {"b": [1, 2, 3]}, "c": "d"}));
    }

    #[test]
    fn the_order_of_members_is_kept_and_does_not_count() {
        let one = json!({"b": 1, "a": 2});
        assert_eq!(one.to_string(), r#"{"b":1,"a":2}"#);
        assert_eq!(one, json!({"a": 2, "b": 1}));
        assert_ne!(one, json!({"a": 2}));
        assert_ne!(one, json!({"a": 2, "b": 1, "c": 1}));
    }

    #[test]
    fn what_serde_json_reads_is_read_and_written_the_same() {
        let text = r#"{"n":null,"t":true,"i":-3,"u":18446744073709551615,"f":1.5,"s":"ä\n","l":[{},[]],"a/b~c":{"d":1}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(value.to_string(), text);
        let theirs: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(plain(&value), theirs);
        assert_eq!(Value::from(theirs), value);
        assert_eq!(value.pointer("/a~1b~0c/d"), Some(&json!(1)));
        assert_eq!(value.pointer("/l/0"), Some(&json!({})));
        assert_eq!(value.pointer("/l/2"), None);
    }
}
