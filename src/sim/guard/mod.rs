//! The safety checker: it sees every write of a caller with the state before, and knows nothing of the engine that
//! makes them. What it finds is a breach of a promise, whatever the engine believes.

mod budgets;
mod deletions;
mod nodes;
mod writer;

use std::collections::BTreeMap;
use std::fmt;

use hashbrown::HashSet;

use crate::sim::value::Value;

use super::api::{Call, Route};
use super::json::text;
use super::store::Key;
use super::world::World;

pub(super) use deletions::remember;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No eviction and no deletion takes a pod that a disruption budget needs.
    Budgets,
    /// Only the holder of the Lease writes, while it holds it.
    SingleWriter,
    /// No switched node takes new pods before probes from it were all answered.
    ProvenBeforeUncordon,
    /// Only what the inventory names, what the tool made, and pods that come back are deleted.
    Deletions,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub rule: Rule,
    /// When, on the cluster's clock.
    pub at: String,
    /// What was done, and what it broke.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.at, self.rule, self.what)
    }
}

/// One write before it is done.
#[derive(Debug)]
pub(crate) struct Write {
    /// Who, by its user agent.
    pub(crate) caller: String,
    /// The verb of authorization.
    pub(crate) verb: String,
    /// Resource, with the subresource after a slash.
    pub(crate) resource: String,
    /// The object; without a name for collections and where the server gives it.
    pub(crate) key: Key,
}

/// A write with what was there before it.
#[derive(Debug)]
pub(crate) struct Seen {
    write: Write,
    before: Option<Value>,
    /// What it would break if it is granted.
    breaks: Option<String>,
    revision: u64,
}

/// What the checker remembers.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    violations: Vec<Violation>,
    holder: Option<writer::Holder>,
    /// UIDs of what callers made.
    made: HashSet<String>,
    nodes: BTreeMap<String, nodes::Switch>,
}

impl Seen {
    /// Looks at the state before a call; `None` for one that writes nothing.
    pub(crate) fn of(world: &World, call: &Call, route: &Route, verb: &str, resource: &str) -> Option<Self> {
        let is_dry = call.raw_query.contains("dryRun=All") || resource.ends_with("/exec");
        let target = route.target().filter(|_| !matches!(verb, "get" | "list" | "watch") && !is_dry)?;
        let own_name = || {
            let body: Value = call.json().unwrap_or_default();
            text(&body, "/metadata/name").to_owned()
        };
        let namespace = target.namespace.as_deref().unwrap_or_default();
        let key = Key::new(target.resource, namespace, &target.name.clone().unwrap_or_else(own_name));
        let caller = call.header("user-agent").to_owned();
        let write = Write { caller, verb: verb.to_owned(), resource: resource.to_owned(), key };
        let before = world.store.get(&write.key).cloned();
        let breaks = before.as_ref().and_then(|pod| budgets::broken(world, &write, pod));
        Some(Self { write, before, breaks, revision: world.store.revision() })
    }

    /// Judges the write once it has been granted.
    pub(crate) fn granted(self, world: &mut World) {
        if world.store.revision() == self.revision && self.before.is_some() {
            return;
        }
        let mut broken = Vec::new();
        writer::judge(world, &self, &mut broken);
        if let Some(what) = &self.breaks {
            broken.push((Rule::Budgets, what.clone()));
        }
        nodes::judge(world, &self, &mut broken);
        deletions::judge(world, &self, &mut broken);
        let at = world.clock.now();
        let found = broken.into_iter().map(|(rule, what)| Violation { rule, at: at.clone(), what });
        world.guard.violations.extend(found);
    }

    /// `verb resource namespace/name` of the write.
    fn summary(&self) -> String {
        let Write { caller, verb, resource, key } = &self.write;
        let place = if key.namespace.is_empty() { String::new() } else { format!("{}/", key.namespace) };
        format!("{verb} {resource} {place}{} by {caller}", key.name)
    }
}

impl Guard {
    /// What was broken so far.
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }
}
