//! Names of objects, as indexes and queues hold them.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use hashbrown::{DefaultHashBuilder, Equivalent};

use crate::sim::json;
use crate::sim::resource::ResourceId;
use crate::sim::value::{Text, Value};

/// The name of an object. A copy is one pointer: indexes hold many of each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(Arc<Named>);

/// Resource, namespace (empty for cluster scope) and name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Worked out once: tables are asked for each object many times.
    hash: u64,
    pub(crate) resource: ResourceId,
    pub(crate) namespace: Text,
    pub(crate) name: Text,
}

/// The same of a key that need not be made to be looked up.
pub(super) struct Parts<'a> {
    hash: u64,
    resource: ResourceId,
    namespace: &'a str,
    name: &'a str,
}

impl Deref for Key {
    type Target = Named;

    fn deref(&self) -> &Named {
        &self.0
    }
}

impl Key {
    /// The key of `namespace/name`.
    pub(crate) fn new(resource: ResourceId, namespace: &str, name: &str) -> Self {
        Self::named(resource, namespace, name.into())
    }

    /// The key of an object as its metadata says; the words are the object's own.
    pub(crate) fn of(resource: ResourceId, object: &Value) -> Self {
        let name = object.pointer("/metadata/name").and_then(Value::as_text).cloned();
        Self::named(resource, json::namespace(object), name.unwrap_or_else(|| "".into()))
    }

    fn named(resource: ResourceId, namespace: &str, name: Text) -> Self {
        let hash = hash(resource, namespace, &name);
        Self(Arc::new(Named { hash, resource, namespace: Text::name(namespace), name }))
    }
}

impl<'a> Parts<'a> {
    pub(super) fn new(resource: ResourceId, namespace: &'a str, name: &'a str) -> Self {
        Self { hash: hash(resource, namespace, name), resource, namespace, name }
    }
}

fn hash(resource: ResourceId, namespace: &str, name: &str) -> u64 {
    static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);
    HASHER.hash_one((resource, namespace, name))
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for Parts<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for Parts<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.hash == key.hash
            && self.resource == key.resource
            && *self.namespace == *key.namespace
            && *self.name == *key.name
    }
}

impl Ord for Named {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.resource, &self.namespace, &self.name).cmp(&(other.resource, &other.namespace, &other.name))
    }
}

impl PartialOrd for Named {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
