//! The past events of one resource: what a watch starts from.

use std::collections::VecDeque;

use crate::sim::value::Value;

/// Events kept per resource; older ones answer 410, as after an etcd compaction. Each holds its object twice.
const KEPT: usize = 1_000;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Added,
    Modified,
    Deleted,
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) revision: u64,
    pub(crate) kind: EventKind,
    pub(crate) object: Value,
    /// The object before: a selector may have matched then and not now.
    pub(crate) before: Option<Value>,
}

/// The events of one resource, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    events: VecDeque<Event>,
    forgotten: u64,
}

impl History {
    pub(crate) fn push(&mut self, event: Event) {
        self.events.push_back(event);
        if self.events.len() > KEPT
            && let Some(oldest) = self.events.pop_front()
        {
            self.forgotten = oldest.revision;
        }
    }

    pub(crate) fn after(&self, revision: u64) -> Option<Vec<Event>> {
        if revision < self.forgotten {
            return None;
        }
        let from = self.events.partition_point(|e| e.revision <= revision);
        Some(self.events.range(from..).cloned().collect())
    }

    pub(crate) fn compact(&mut self, revision: u64) {
        self.events.clear();
        self.forgotten = revision;
    }
}
