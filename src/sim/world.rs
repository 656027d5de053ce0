//! The whole state of an embedded cluster behind one lock: no step of it ever waits while it holds the lock.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use ipnet::Ipv4Net;

use crate::sim::value::Value;

use super::api::{Snapshots, Written};
use super::clock::Clock;
use super::control::{Index, Load, Queue, Rosters, Slices};
use super::faults::Faults;
use super::guard::Guard;
use super::json;
use super::log::Log;
use super::node::probe::Progress;
use super::node::{Machine, Sandbox};
use super::resource::{Registry, id};
use super::store::{Key, Store};
use super::timings::Timings;

/// Address ranges and the like of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) pods: Ipv4Net,
    pub(crate) services: Ipv4Net,
    pub(crate) dns: String,
    pub(crate) version: String,
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) clock: Clock,
    pub(crate) queue: Queue,
    pub(crate) load: Load,
    pub(crate) index: Index,
    pub(crate) rosters: Rosters,
    pub(crate) slices: Slices,
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) sandboxes: HashMap<Key, Sandbox>,
    /// How far probe clients have come.
    pub(crate) probes: HashMap<Key, Progress>,
    pub(crate) snapshots: Snapshots,
    pub(crate) written: Written,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) guard: Guard,
    pub(crate) timings: Timings,
    pub(crate) network: Network,
    /// Whether the caller of the door has only the rights that bindings give.
    pub(crate) rbac: bool,
    /// What times and choices are drawn from.
    pub(crate) seed: Option<u64>,
    /// Whether nothing moves by itself.
    pub(crate) frozen: bool,
    /// Recorded revisions by the UID of their owner and the hash of its template.
    pub(crate) revisions: HashMap<(String, String), String>,
    /// Names by UID, of owners that the record did not hold.
    pub(crate) absent_owners: HashMap<String, String>,
    /// The nodes with an API server, once they were looked for.
    pub(crate) api_servers: OnceCell<Vec<String>>,
    /// What the record has and this cluster does not play.
    pub(crate) not_modelled: Vec<String>,
}

impl World {
    /// A pod, a node or any object by namespace and name.
    pub(crate) fn object(
        &self,
        resource: super::resource::ResourceId,
        namespace: &str,
        name: &str,
    ) -> Option<&Value> {
        self.store.find(resource, namespace, name)
    }

    /// The Node object.
    pub(crate) fn node(&self, name: &str) -> Option<&Value> {
        self.object(id::NODES, "", name)
    }

    /// Somebody changed files or links of a node: the agent's watcher and the kubelet notice.
    pub(crate) fn after_exec(&mut self, node: &str) {
        super::cni::agent::hide_other_confs(self, node);
        super::control::nodes::look_at(self, node);
        self.store.wake();
    }

    /// Whether a Ready pod with a label runs on a node.
    pub(crate) fn has_ready_pod(&self, node: &str, key: &str, value: &str) -> bool {
        let is_it =
            |p: &Value| json::label(p, key) == Some(value) && json::is_ready(p) && !json::is_deleting(p);
        self.store.each_on(node).any(|(_, pod)| is_it(pod))
    }
}

/// The world, shared by the doors and the controllers.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// Shares a world.
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// The world; a panic elsewhere in a test must not hide behind a poisoned lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
