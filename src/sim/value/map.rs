//! The members of an object, in the order in which they came.

use triomphe::Arc;

use super::shape::Shape;
use super::{Text, Value};

/// Shared members; a change of those that others hold too makes a copy first.
///
/// Objects of the API have few members: a search from the first on beats a table of hashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map(Arc<Members>);

/// As many values as names.
#[derive(Clone, Debug, Default)]
struct Members {
    names: Shape,
    /// With no room for more: most are never changed again.
    values: Box<[Value]>,
}

impl Members {
    fn push(&mut self, name: &str, value: Value) {
        self.names = self.names.with(name);
        self.change(|values| {
            values.reserve_exact(1);
            values.push(value);
        });
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        let mut values = std::mem::take(&mut self.values).into_vec();
        let result = change(&mut values);
        self.values = values.into_boxed_slice();
        result
    }
}

impl Map {
    /// No members.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.values.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.values.is_empty()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.names.place(name)
    }

    /// A member.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.values.get(self.place(name)?)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let at = self.place(name)?;
        Arc::make_mut(&mut self.0).values.get_mut(at)
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
        Arc::make_mut(&mut self.0).push(name.as_ref(), value);
        None
    }

    /// A member; null where it was not there, and is now.
    pub(crate) fn entry(&mut self, name: &str) -> &mut Value {
        self.entry_or(name, || Value::Null)
    }

    /// A member; `new` where it was not there, and is now.
    pub(crate) fn entry_or(&mut self, name: &str, new: impl FnOnce() -> Value) -> &mut Value {
        let at = self.place(name).unwrap_or(self.len());
        let members = Arc::make_mut(&mut self.0);
        if at == members.values.len() {
            members.push(name, new());
        }
        &mut members.values[at]
    }

    /// Takes a member away; the others keep their order.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.place(name)?;
        let members = Arc::make_mut(&mut self.0);
        let (before, after) = members.names.names().split_at(at);
        members.names = before.iter().chain(&after[1..]).collect();
        Some(members.change(|values| values.remove(at)))
    }

    /// Keeps some members.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        if self.iter().any(|(name, value)| !keep(name, value)) {
            let all = std::mem::take(self).into_iter();
            *self = all.filter(|(name, value)| keep(name, value)).collect::<Vec<_>>().into();
        }
    }

    /// All members.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Value)> + Clone {
        self.0.names.names().iter().zip(&self.0.values)
    }

    /// The same, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Text, &mut Value)> {
        let Members { names, values } = Arc::make_mut(&mut self.0);
        names.names().iter().zip(values.iter_mut())
    }

    /// The names.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Text> {
        self.0.names.names().iter()
    }

    /// The values, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Whether both are one and the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it lies: two that are one and the same lie at one place.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Where its names lie.
    pub(super) fn shape(&self) -> usize {
        self.0.names.address()
    }

    /// How many hold it.
    pub(super) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
            || self.len() == other.len()
                && (self.0.names.is(&other.0.names) && self.0.values == other.0.values
                    || self.iter().all(|(name, value)| other.get(name) == Some(value)))
    }
}

impl Eq for Map {}

impl From<Vec<(Text, Value)>> for Map {
    /// Of members whose names differ.
    fn from(members: Vec<(Text, Value)>) -> Self {
        let names = members.iter().map(|(name, _)| name).collect();
        Self(Arc::new(Members { names, values: members.into_iter().map(|(_, value)| value).collect() }))
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
    type IntoIter = std::iter::Zip<std::slice::Iter<'a, Text>, std::slice::Iter<'a, Value>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.names.names().iter().zip(&self.0.values)
    }
}

impl IntoIterator for Map {
    type Item = (Text, Value);
    type IntoIter = std::vec::IntoIter<(Text, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        let Members { names, values } = Arc::unwrap_or_clone(self.0);
        names.names().iter().cloned().zip(values.into_vec()).collect::<Vec<_>>().into_iter()
    }
}
