//! Where objects are that are asked for by UID, owner, node or label: kept up with every write.

use hashbrown::HashMap;
use smallvec::{SmallVec, smallvec};

use crate::sim::json::{list, text, uid};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::value::{Map, Text, Value};

use super::Key;

/// Keys of objects by what they have in common, in order: most are few, and then a list is the smallest.
type Keys = HashMap<Text, SmallVec<[Key; 2]>>;

/// All places.
#[derive(Debug, Default)]
pub(super) struct Index {
    uids: HashMap<Text, Key>,
    owned: Keys,
    on_node: Keys,
    /// Pods by namespace, and there by `key=value`.
    labelled: HashMap<Text, Keys>,
}

/// Among which pods of a namespace a selector's are.
pub(super) enum Candidates<'a> {
    /// It names no value of a label.
    All,
    /// Those with one of its labels, where there are any.
    Of(&'a [Key]),
}

impl Index {
    /// Takes a write over.
    pub(super) fn note(&mut self, key: &Key, before: Option<&Value>, after: Option<&Value>) {
        let uids = [before, after].map(|o| o.map(uid));
        if uids[0] != uids[1] {
            if let Some(gone) = uids[0] {
                self.uids.remove(gone);
            }
            // The words are the object's own.
            let new = after.and_then(|o| o.pointer("/metadata/uid")).and_then(Value::as_text);
            if let Some(new) = new {
                self.uids.insert(new.clone(), key.clone());
            }
        }
        let owners = [before, after].map(|o| o.map_or(&[][..], |o| list(o, "/metadata/ownerReferences")));
        if owners[0] != owners[1] {
            for owner in owners[0] {
                drop_from(&mut self.owned, text(owner, "/uid"), key);
            }
            for owner in owners[1] {
                add_to(&mut self.owned, owner.get("uid").and_then(Value::as_text), key);
            }
        }
        if key.resource == id::PODS {
            self.note_pod(key, before, after);
        }
    }

    fn note_pod(&mut self, key: &Key, before: Option<&Value>, after: Option<&Value>) {
        let nodes = [before, after].map(|o| o.map_or("", |o| text(o, "/spec/nodeName")));
        if nodes[0] != nodes[1] {
            drop_from(&mut self.on_node, nodes[0], key);
            let node = after.and_then(|o| o.pointer("/spec/nodeName")).and_then(Value::as_text);
            add_to(&mut self.on_node, node.filter(|node| !node.is_empty()), key);
        }
        let labels = [before, after].map(|o| o.and_then(labels_of));
        if labels[0] != labels[1] {
            let here = self.labelled.entry(key.namespace.clone()).or_default();
            for pair in pairs(labels[0]) {
                drop_from(here, &pair, key);
            }
            for pair in pairs(labels[1]) {
                add_to(here, Some(&pair.into()), key);
            }
            if here.is_empty() {
                self.labelled.remove(&key.namespace);
            }
        }
    }

    /// The object with a UID.
    pub(super) fn by_uid(&self, uid: &str) -> Option<&Key> {
        self.uids.get(uid)
    }

    /// The objects with an owner reference to a UID.
    pub(super) fn owned_by(&self, uid: &str) -> &[Key] {
        self.owned.get(uid).map_or(&[], SmallVec::as_slice)
    }

    /// The pods bound to a node.
    pub(super) fn on_node(&self, node: &str) -> &[Key] {
        self.on_node.get(node).map_or(&[], SmallVec::as_slice)
    }

    /// The namespaces with pods that have labels, in order.
    pub(super) fn namespaces(&self) -> Vec<&Text> {
        let mut all: Vec<&Text> = self.labelled.keys().collect();
        all.sort();
        all
    }

    /// The fewest pods of a namespace among which all are that a selector means.
    pub(super) fn candidates(&self, namespace: &str, labels: &Labels) -> Candidates<'_> {
        let here = self.labelled.get(namespace);
        let of = |(key, value): (&str, &str)| {
            here.and_then(|h| h.get(format!("{key}={value}").as_str())).map_or(&[][..], SmallVec::as_slice)
        };
        labels.pairs().map(of).min_by_key(|keys| keys.len()).map_or(Candidates::All, Candidates::Of)
    }
}

fn labels_of(object: &Value) -> Option<&Map> {
    object.pointer("/metadata/labels").and_then(Value::as_object)
}

fn pairs(labels: Option<&Map>) -> impl Iterator<Item = String> + '_ {
    let all = labels.into_iter().flatten();
    all.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
}

fn add_to(index: &mut Keys, at: Option<&Text>, key: &Key) {
    let Some(at) = at else { return };
    match index.get_mut(at) {
        Some(keys) => {
            if let Err(place) = keys.binary_search(key) {
                keys.insert(place, key.clone());
            }
        }
        None => drop(index.insert(at.clone(), smallvec![key.clone()])),
    }
}

fn drop_from(index: &mut Keys, at: &str, key: &Key) {
    if let Some(keys) = index.get_mut(at) {
        if let Ok(place) = keys.binary_search(key) {
            keys.remove(place);
        }
        if keys.is_empty() {
            index.remove(at);
        }
    }
}
