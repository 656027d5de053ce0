//! Objects as they were written for a list: who waits for something reads the same ones again and again.

use std::sync::Arc;

use hashbrown::HashMap;
use serde_json::value::{RawValue, to_raw_value};

use crate::sim::value::Value;

use super::read::built_in_item;

/// So many texts are kept at most; then all are forgotten.
const KEPT: usize = 2_048;

/// Texts by where their object lies; each keeps its object, so that no other one comes to lie there.
#[derive(Debug, Default)]
pub(crate) struct Written(HashMap<usize, (Value, Arc<RawValue>)>);

impl Written {
    /// The object as an item of a list; `None` where it cannot be written.
    pub(super) fn item(&mut self, object: &Value) -> Option<Arc<RawValue>> {
        let at = object.as_object()?.address();
        if let Some((_, text)) = self.0.get(&at) {
            return Some(Arc::clone(text));
        }
        if self.0.len() == KEPT {
            self.0.clear();
        }
        let text: Arc<RawValue> = to_raw_value(&built_in_item(object)).ok()?.into();
        self.0.insert(at, (object.clone(), Arc::clone(&text)));
        Some(text)
    }
}
