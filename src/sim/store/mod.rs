//! The object store: what etcd and the watch cache are to a real API server. It knows revisions and indexes, and
//! nothing of the meaning of objects.

mod history;
mod index;
mod key;

use std::collections::{BTreeSet, VecDeque};

use hashbrown::HashMap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::sim::value::{Pool, Value};

use super::json::set;
use super::resource::{ResourceId, id};
use super::selector::Labels;

use history::History;
pub(crate) use history::{Event, EventKind};
use index::{Candidates, Index};
pub(crate) use key::Key;
use key::Parts;

/// Changes that wait at once, but for the start.
const USUAL: usize = 4_096;

/// One write, for the controllers.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) key: Key,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

impl Change {
    /// The object, as it is or as it last was.
    pub(crate) fn object(&self) -> &Value {
        static GONE: Value = Value::Null;
        self.after.as_ref().or(self.before.as_ref()).unwrap_or(&GONE)
    }

    /// Whether one of these members is another than before; all are, of an object that comes or goes.
    pub(crate) fn alters(&self, pointers: &[&str]) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return true };
        pointers.iter().any(|pointer| before.pointer(pointer) != after.pointer(pointer))
    }
}

/// A change of a pod; no `before` is a creation, no `after` the end.
#[derive(Clone, Debug)]
pub(crate) struct PodChange {
    /// When.
    pub(crate) at: Instant,
    /// As it was.
    pub(crate) before: Option<Value>,
    /// As it is.
    pub(crate) after: Option<Value>,
}

/// All objects.
#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    objects: HashMap<Key, Value>,
    /// Their names in order.
    names: BTreeSet<Key>,
    histories: HashMap<ResourceId, History>,
    /// Events up to this revision are not kept, of no resource.
    floor: u64,
    index: Index,
    /// What objects have in common.
    pool: Pool,
    changes: VecDeque<Change>,
    /// Hears of every change of a pod.
    listener: Option<UnboundedSender<PodChange>>,
    signal: watch::Sender<u64>,
}

impl Store {
    /// An empty store.
    pub(crate) fn new() -> Self {
        Self {
            revision: 1,
            objects: HashMap::new(),
            names: BTreeSet::new(),
            histories: HashMap::new(),
            floor: 0,
            index: Index::default(),
            pool: Pool::default(),
            changes: VecDeque::new(),
            listener: None,
            signal: watch::Sender::new(1),
        }
    }

    /// The latest resource version.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Tells of every write by the number of its revision.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.signal.subscribe()
    }

    /// Wakes everybody who waits for writes: something outside of the store has changed.
    pub(crate) fn wake(&self) {
        self.signal.send_modify(|_| ());
    }

    /// One object.
    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key)
    }

    /// One object by its resource, namespace and name.
    pub(crate) fn find(&self, resource: ResourceId, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&Parts::new(resource, namespace, name))
    }

    /// One object by UID.
    pub(crate) fn by_uid(&self, uid: &str) -> Option<(&Key, &Value)> {
        let key = self.index.by_uid(uid)?;
        Some((key, self.objects.get(key)?))
    }

    /// The objects of a resource in key order, of one namespace or of all.
    pub(crate) fn list<'a>(
        &'a self,
        resource: ResourceId,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.keys(resource, namespace).filter_map(|key| self.objects.get(key))
    }

    /// Their names.
    pub(crate) fn keys<'a>(
        &'a self,
        resource: ResourceId,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = &'a Key> + use<'a> {
        let from = Key::new(resource, namespace.unwrap_or_default(), "");
        let only = namespace.map(str::to_owned);
        let is_meant =
            move |k: &&Key| k.resource == resource && only.as_ref().is_none_or(|n| **n == *k.namespace);
        self.names.range(from..).take_while(is_meant)
    }

    /// The objects with an owner reference to this UID.
    pub(crate) fn owned_by(&self, uid: &str) -> Vec<(Key, Value)> {
        self.collect(self.index.owned_by(uid))
    }

    /// The same, for a look.
    pub(crate) fn each_owned_by<'a>(
        &'a self,
        uid: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> + use<'a> {
        self.each(self.index.owned_by(uid))
    }

    /// The pods bound to a node.
    pub(crate) fn pods_on(&self, node: &str) -> Vec<(Key, Value)> {
        self.collect(self.index.on_node(node))
    }

    /// The same, for a look.
    pub(crate) fn each_on(&self, node: &str) -> impl DoubleEndedIterator<Item = (&Key, &Value)> {
        self.each(self.index.on_node(node))
    }

    /// The pods of a namespace that a selector means, in the order of their names.
    pub(crate) fn selected(&self, namespace: &str, labels: &Labels) -> Vec<&Value> {
        match self.index.candidates(namespace, labels) {
            Candidates::All => {
                self.list(id::PODS, Some(namespace)).filter(|pod| labels.matches(pod)).collect()
            }
            Candidates::Of(keys) => {
                let pods = keys.iter().filter_map(|key| self.objects.get(key));
                pods.filter(|pod| labels.matches(pod)).collect()
            }
        }
    }

    /// The pods of all namespaces that a selector means, in the order of their namespaces and names.
    pub(crate) fn selected_anywhere(&self, labels: &Labels) -> Vec<&Value> {
        if labels.pairs().next().is_none() {
            return self.list(id::PODS, None).filter(|pod| labels.matches(pod)).collect();
        }
        self.index.namespaces().into_iter().flat_map(|namespace| self.selected(namespace, labels)).collect()
    }

    fn collect(&self, keys: &[Key]) -> Vec<(Key, Value)> {
        self.each(keys).map(|(key, object)| (key.clone(), object.clone())).collect()
    }

    fn each<'a>(&'a self, keys: &'a [Key]) -> impl DoubleEndedIterator<Item = (&'a Key, &'a Value)> {
        keys.iter().filter_map(|key| Some((key, self.objects.get(key)?)))
    }

    /// Writes an object under a new revision.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Value {
        self.revision += 1;
        set(&mut object, "/metadata/resourceVersion", self.revision.to_string());
        self.pool.share(&mut object);
        let object = object;
        let before = self.objects.insert(key.clone(), object.clone());
        if before.is_none() {
            self.names.insert(key.clone());
        }
        self.index.note(&key, before.as_ref(), Some(&object));
        let kind = if before.is_none() { EventKind::Added } else { EventKind::Modified };
        self.record(key, kind, before, Some(object.clone()));
        object
    }

    /// Removes an object under a new revision and gives it as it last was.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        let before = self.objects.remove(key)?;
        self.names.remove(key);
        self.index.note(key, Some(&before), None);
        self.revision += 1;
        self.record(key.clone(), EventKind::Deleted, Some(before.clone()), None);
        Some(before)
    }

    fn record(&mut self, key: Key, kind: EventKind, before: Option<Value>, after: Option<Value>) {
        let object = match (&after, &before) {
            (Some(object), _) => object.clone(),
            (None, Some(last)) => {
                let mut last = last.clone();
                set(&mut last, "/metadata/resourceVersion", self.revision.to_string());
                last
            }
            (None, None) => return,
        };
        let event = Event { revision: self.revision, kind, object, before: before.clone() };
        self.histories.entry(key.resource).or_default().push(event);
        if key.resource == id::PODS
            && let Some(listener) = &self.listener
        {
            let (before, after) = (before.clone(), after.clone());
            // Somebody who stopped listening does not mind.
            drop(listener.send(PodChange { at: Instant::now(), before, after }));
        }
        self.changes.push_back(Change { key, before, after });
        self.signal.send_replace(self.revision);
    }

    /// The events of a resource after `revision`; `None` where that is no longer kept (410 Gone).
    pub(crate) fn events_after(&self, resource: ResourceId, revision: u64) -> Option<Vec<Event>> {
        match self.histories.get(&resource) {
            _ if revision < self.floor => None,
            Some(history) => history.after(revision),
            None => Some(Vec::new()),
        }
    }

    /// Forgets all past events: what etcd's compaction does to slow watchers.
    pub(crate) fn compact(&mut self) {
        let revision = self.revision;
        self.floor = revision;
        self.histories.values_mut().for_each(|h| h.compact(revision));
    }

    /// Tells of every change of a pod from now on; one listener at a time.
    pub(crate) fn listen(&mut self) -> UnboundedReceiver<PodChange> {
        let (sender, receiver) = unbounded_channel();
        self.listener = Some(sender);
        receiver
    }

    /// The oldest change that the controllers have not seen.
    pub(crate) fn next_change(&mut self) -> Option<Change> {
        let oldest = self.changes.pop_front();
        if oldest.is_none() {
            // A start makes every object a change at once.
            self.changes.shrink_to(USUAL);
        }
        oldest
    }
}
