//! One copy of every string, and of every set of labels, that many objects share.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::model::Shared;

/// A set of shared strings.
#[derive(Default)]
pub(super) struct Interner {
    known: HashSet<Shared>,
    known_labels: HashSet<Arc<BTreeMap<Shared, Shared>>>,
}

impl Interner {
    /// The shared copy of `text`.
    pub(super) fn get(&mut self, text: &str) -> Shared {
        if let Some(shared) = self.known.get(text) {
            return shared.clone();
        }
        let shared: Shared = text.into();
        self.known.insert(shared.clone());
        shared
    }

    /// Shared copies of a map's keys and values.
    pub(super) fn map(&mut self, map: &BTreeMap<String, String>) -> BTreeMap<Shared, Shared> {
        map.iter().map(|(key, value)| (self.get(key), self.get(value))).collect()
    }

    /// The shared copy of a set of labels.
    pub(super) fn labels(&mut self, map: &BTreeMap<String, String>) -> Arc<BTreeMap<Shared, Shared>> {
        let labels = Arc::new(self.map(map));
        if let Some(shared) = self.known_labels.get(&labels) {
            return shared.clone();
        }
        self.known_labels.insert(labels.clone());
        labels
    }
}
