//! The whole state of an embedded cluster behind one lock: no step of it ever waits while it holds the lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::api::Snapshots;
use super::clock::Clock;
use super::control::Queue;
use super::faults::Faults;
use super::helm::Releases;
use super::json;
use super::log::Log;
use super::node::{Machine, Sandbox};
use super::resource::{Registry, id};
use super::store::{Key, Store};

/// How long things take; on a paused clock these are virtual times.
#[derive(Clone, Debug)]
pub struct Timings {
    /// From a pod's binding to running containers.
    pub start: Duration,
    /// From running containers to Ready.
    pub ready: Duration,
    /// A container's own stop after SIGTERM; the grace period bounds it.
    pub stop: Duration,
    /// How long a Job's pod runs.
    pub job: Duration,
    /// From the reboot command to a Ready kubelet.
    pub reboot: Duration,
    /// Between two tries of something that failed: a sandbox, an image, an agent's start.
    pub retry: Duration,
}

impl Default for Timings {
    /// Milliseconds: for tests on the real clock.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { start: ms(4), ready: ms(4), stop: ms(4), job: ms(4), reboot: ms(20), retry: ms(8) }
    }
}

impl Timings {
    /// As on machines, somewhat different for each seed.
    pub fn drawn(seed: u64) -> Self {
        // Knuth's multiplicative hash: a small number between 0 and 999 for each seed.
        let jitter = seed.wrapping_mul(2_654_435_761) % 1000;
        let ms = |base: u64| Duration::from_millis(base + base * jitter / 1000);
        Self {
            start: ms(1500),
            ready: ms(4000),
            stop: ms(3000),
            job: ms(5000),
            reboot: ms(60_000),
            retry: ms(5000),
        }
    }
}

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
    pub(crate) machines: BTreeMap<String, Machine>,
    pub(crate) sandboxes: HashMap<Key, Sandbox>,
    pub(crate) releases: Releases,
    pub(crate) snapshots: Snapshots,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) timings: Timings,
    pub(crate) network: Network,
    /// Whether the caller of the door has only the rights that bindings give.
    pub(crate) rbac: bool,
}

impl World {
    /// A pod, a node or any object by namespace and name.
    pub(crate) fn object(
        &self,
        resource: super::resource::ResourceId,
        namespace: &str,
        name: &str,
    ) -> Option<&Value> {
        self.store.get(&Key::new(resource, namespace, name)).map(AsRef::as_ref)
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
        self.store
            .pods_on(node)
            .iter()
            .any(|(_, p)| json::label(p, key) == Some(value) && json::is_ready(p) && !json::is_deleting(p))
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
