//! The members of an object, in the order in which they came.

use std::sync::Arc;

use super::{Text, Value};

/// Shared members; a change of those that others hold too makes a copy first.
///
/// Objects of the API have few members: a search from the first on beats a table of hashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map(Arc<Vec<(Text, Value)>>);

impl Map {
    /// No members.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(member, _)| is_named(member, name))
    }

    /// A member.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(member, _)| is_named(member, name)).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let at = self.place(name)?;
        Some(&mut Arc::make_mut(&mut self.0)[at].1)
    }

    /// Whether there is a member of that name.
    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// Puts a member in place of an earlier one, which it gives, or behind the last.
    pub(crate) fn insert(&mut self, name: impl AsRef<str>, value: Value) -> Option<Value> {
        if let Some(old) = self.get_mut(name.as_ref()) {
            return Some(std::mem::replace(old, value));
        }
        Arc::make_mut(&mut self.0).push((Text::name(name.as_ref()), value));
        None
    }

    /// A member; null where it was not there, and is now.
    pub(crate) fn entry(&mut self, name: &str) -> &mut Value {
        self.entry_or(name, || Value::Null)
    }

    /// A member; `new` where it was not there, and is now.
    pub(crate) fn entry_or(&mut self, name: &str, new: impl FnOnce() -> Value) -> &mut Value {
        let at = self.place(name).unwrap_or(self.0.len());
        let members = Arc::make_mut(&mut self.0);
        if at == members.len() {
            members.push((Text::name(name), new()));
        }
        &mut members[at].1
    }

    /// Takes a member away; the others keep their order.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.place(name)?;
        Some(Arc::make_mut(&mut self.0).remove(at).1)
    }

    /// Keeps some members.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        if self.0.iter().any(|(name, value)| !keep(name, value)) {
            Arc::make_mut(&mut self.0).retain(|(name, value)| keep(name, value));
        }
    }

    /// All members.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Value)> + Clone {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The same, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Text, &mut Value)> {
        Arc::make_mut(&mut self.0).iter_mut().map(|(name, value)| (&*name, value))
    }

    /// The names.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Gives back what room there is for more members, if nobody else holds it.
    pub(super) fn shrink(&mut self) {
        if let Some(members) = Arc::get_mut(&mut self.0) {
            members.shrink_to_fit();
        }
    }

    /// Whether both are one and the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it lies: two that are one and the same lie at one place.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// How many hold it.
    pub(super) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

/// Names of one length mostly differ in their last letter: a look at it saves a call.
fn is_named(member: &str, name: &str) -> bool {
    member.len() == name.len() && member.as_bytes().last() == name.as_bytes().last() && member == name
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
            || self.len() == other.len()
                && (self.0 == other.0 || self.iter().all(|(name, value)| other.get(name) == Some(value)))
    }
}

impl Eq for Map {}

impl From<Vec<(Text, Value)>> for Map {
    /// Of members whose names differ.
    fn from(members: Vec<(Text, Value)>) -> Self {
        Self(Arc::new(members))
    }
}

impl<K: AsRef<str>> Extend<(K, Value)> for Map {
    fn extend<I: IntoIterator<Item = (K, Value)>>(&mut self, members: I) {
        for (name, value) in members {
            self.insert(name, value);
        }
    }
}

impl<K: AsRef<str>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Self {
        let mut map = Self::new();
        map.extend(members);
        map
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Text, &'a Value);
    type IntoIter =
        std::iter::Map<std::slice::Iter<'a, (Text, Value)>, fn(&'a (Text, Value)) -> (&'a Text, &'a Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl IntoIterator for Map {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}
