//! The handle of an embedded cluster: what tests and `rehearse` do to it and ask of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kube::client::Body;
use serde::Serialize;
use serde_json::Value as Json;
use tokio::task::JoinHandle;
use tower::service_fn;

use crate::sim::value::{Value, plain};

use super::builder::Builder;
use super::door::Door;
use super::faults::{Fault, HelmFault};
use super::guard::Violation;
use super::json::{int, is_finished, is_ready, merge, name, namespace, text};
use super::lifecycle::Deletion;
use super::log::Entry;
use super::node::shell::Outcome;
use super::resource::{ResourceId, id};
use super::status::Refusal;
use super::store::Key;
use super::world::{Shared, World};
use super::{api, control};

/// What can go wrong with the cluster itself.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The cluster refused an object or a command.
    #[error("the embedded cluster refused: {0}")]
    Refused(String),
    /// Something did not come about in time.
    #[error("{what} did not come about within {limit:?}: {seen}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What stood in the way at the end.
        seen: String,
    },
    /// No port or no folder could be had.
    #[error("the embedded cluster could not open its door on loopback: {0}")]
    Door(#[from] std::io::Error),
}

impl From<Refusal> for SimError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(text(&refusal.body, "/message").to_owned())
    }
}

/// An embedded cluster; it ends with its last handle.
#[derive(Clone, Debug)]
pub struct Sim {
    pub(super) shared: Shared,
    _controllers: Option<Arc<Task>>,
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct Task(JoinHandle<()>);

impl Task {
    /// Starts a task.
    pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Sim {
    /// A cluster to be described.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts the controllers, if the world is not frozen; must be called inside a tokio runtime.
    pub(super) fn start(mut world: World) -> Self {
        // What happened before is no event that anybody could have seen.
        world.store.compact();
        let moves = !world.frozen;
        let shared = Shared::new(world);
        let controllers = moves.then(|| Arc::new(Task::spawn(control::run(shared.clone()))));
        Self { shared, _controllers: controllers }
    }

    pub(super) fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// What the cluster's clock shows.
    pub fn now(&self) -> jiff::Timestamp {
        self.shared.lock().clock.timestamp()
    }

    /// A client that calls the cluster in this process: no sockets, so it also works on a paused clock. exec does
    /// not fit through it: see [`Sim::exec`].
    pub fn client(&self) -> kube::Client {
        let shared = self.shared.clone();
        let service = service_fn(move |request: http::Request<Body>| {
            let shared = shared.clone();
            async move { api::handle(&shared, request).await }
        });
        kube::Client::new(service, "default")
    }

    /// Opens a port on loopback with a kubeconfig for it.
    ///
    /// # Errors
    /// Where no port or no folder for the kubeconfig can be had.
    pub async fn serve(&self) -> Result<Door, SimError> {
        self.serve_at("sim", (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// The same at an address, for a cluster of that name.
    ///
    /// # Errors
    /// Those of [`Sim::serve`].
    pub async fn serve_at(&self, name: &str, address: SocketAddr) -> Result<Door, SimError> {
        Ok(Door::open(self.shared.clone(), name, address).await?)
    }

    /// Runs a command in a container, as exec does.
    ///
    /// # Errors
    /// Without such a running container.
    pub fn exec(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        argv: &[&str],
    ) -> Result<Outcome, SimError> {
        let argv: Vec<String> = argv.iter().map(|w| (*w).to_owned()).collect();
        Ok(api::run_command(&mut self.shared.lock(), namespace, pod, container, &argv)?)
    }

    /// Waits until something holds; looks again after every write.
    ///
    /// # Errors
    /// Where it does not hold in time.
    pub async fn until(
        &self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<(), SimError> {
        let mut signal = self.shared.lock().store.subscribe();
        let wait = async {
            loop {
                signal.borrow_and_update();
                if holds(self) || signal.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(limit, wait).await.map_err(|_| SimError::Timeout {
            what: what.to_owned(),
            limit,
            seen: self.unready(usize::MAX).join(", "),
        })
    }

    /// Waits until every node is Ready, every pod too or finished, and every workload complete.
    ///
    /// # Errors
    /// Where that does not come about in time; names what is not.
    pub async fn settled(&self, limit: Duration) -> Result<(), SimError> {
        self.until("a cluster at rest", limit, |sim| sim.unready(1).is_empty()).await
    }

    fn unready(&self, most: usize) -> Vec<String> {
        let world = self.shared.lock();
        let pods = world.store.list(id::PODS, None).filter(|p| !is_ready(p) && !is_finished(p));
        let pods = pods.map(|p| format!("pod {}/{}", namespace(p), name(p)));
        let nodes = world.store.list(id::NODES, None).filter(|n| !is_ready(n)).map(name);
        let mut all: Vec<String> = pods.chain(nodes.map(|n| format!("node {n}"))).take(most).collect();
        for (resource, wanted, ready) in [
            (id::DEPLOYMENTS, "/spec/replicas", "/status/readyReplicas"),
            (id::STATEFULSETS, "/spec/replicas", "/status/readyReplicas"),
            (id::DAEMONSETS, "/status/desiredNumberScheduled", "/status/numberReady"),
        ] {
            let is_complete = |o: &Value| {
                int(o, ready) >= int(o, wanted)
                    && int(o, "/status/observedGeneration") >= int(o, "/metadata/generation")
            };
            let behind = world.store.list(resource, None).filter(|o| !is_complete(o)).take(most - all.len());
            all.extend(behind.map(|o| format!("{} {}/{}", text(o, "/kind"), namespace(o), name(o))));
        }
        all
    }

    /// One object; an empty namespace for cluster scope.
    pub fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Option<Json> {
        let world = self.shared.lock();
        let resource = world.registry.by_kind(api_version, kind)?;
        world.object(resource, namespace, name).map(plain)
    }

    /// All objects of a kind in all namespaces.
    pub fn list(&self, api_version: &str, kind: &str) -> Vec<Json> {
        let world = self.shared.lock();
        let Some(resource) = world.registry.by_kind(api_version, kind) else { return Vec::new() };
        world.store.list(resource, None).map(plain).collect()
    }

    /// The pods of a node.
    pub fn pods_on(&self, node: &str) -> Vec<Json> {
        self.shared.lock().store.pods_on(node).into_iter().map(|(_, p)| plain(&p)).collect()
    }

    /// All pods, as they are kept.
    pub(crate) fn pods(&self) -> Vec<Value> {
        self.shared.lock().store.list(id::PODS, None).cloned().collect()
    }

    /// Creates an object as an administrator elsewhere would; not in the log.
    ///
    /// # Errors
    /// As the API server refuses it.
    pub fn create(&self, object: &impl Serialize) -> Result<(), SimError> {
        let object = &read(object)?;
        let mut world = self.shared.lock();
        let resource = find(&world, object)?;
        world.create(resource, object.clone(), false)?;
        Ok(())
    }

    /// Merges a patch into an object as an administrator elsewhere would; not in the log. The patch names the object
    /// by apiVersion, kind and metadata.
    ///
    /// # Errors
    /// Where there is no such object.
    pub fn patch(&self, patch: &impl Serialize) -> Result<(), SimError> {
        let patch = &read(patch)?;
        let mut world = self.shared.lock();
        let resource = find(&world, patch)?;
        let key = Key::of(resource, patch);
        let missing = || SimError::Refused(format!("{} {} is not there", text(patch, "/kind"), key.name));
        world.modify(&key, |object| merge(object, patch)).map(drop).ok_or_else(missing)
    }

    /// Deletes an object as an administrator elsewhere would; not in the log.
    ///
    /// # Errors
    /// Where there is no such object.
    pub fn delete(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<(), SimError> {
        let mut world = self.shared.lock();
        let unknown = || SimError::Refused(format!("no kind {kind:?} in {api_version:?}"));
        let resource = world.registry.by_kind(api_version, kind).ok_or_else(unknown)?;
        world.delete(&Key::new(resource, namespace, name), &Deletion::default())?;
        Ok(())
    }

    /// Promises that callers' writes have broken so far, found by a checker that knows nothing of who writes.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.lock().guard.violations().to_vec()
    }

    /// What the record of this cluster has and the cluster does not play, a sentence each.
    pub fn not_modelled(&self) -> Vec<String> {
        self.shared.lock().not_modelled.clone()
    }

    /// All requests so far.
    pub fn log(&self) -> Vec<Entry> {
        self.shared.lock().log.entries().to_vec()
    }

    /// Forgets all requests.
    pub fn clear_log(&self) {
        self.shared.lock().log.clear();
    }

    /// Waits until a request is in the log that a test looks for: the moment to kill a process, say.
    ///
    /// # Errors
    /// Where none comes in time.
    pub async fn until_logged(
        &self,
        what: &str,
        limit: Duration,
        is_it: impl Fn(&Entry) -> bool,
    ) -> Result<Entry, SimError> {
        let mut signal = self.shared.lock().log.subscribe();
        let wait = async {
            loop {
                signal.borrow_and_update();
                if let Some(entry) = self.shared.lock().log.entries().iter().find(|e| is_it(e)) {
                    return entry.clone();
                }
                if signal.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(limit, wait).await.map_err(|_| SimError::Timeout {
            what: what.to_owned(),
            limit,
            seen: format!("{} requests in the log", self.log().len()),
        })
    }

    /// Sets a fault on calls.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.add(fault);
    }

    /// Takes all faults on calls away.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear_calls();
    }

    /// Denies a verb on a resource (`pods/eviction` for a subresource, `*` for any): 403, and reviews say so.
    pub fn deny(&self, verb: &str, resource: &str) {
        self.shared.lock().faults.deny(verb, resource);
    }

    /// Allows it again.
    pub fn allow(&self, verb: &str, resource: &str) {
        self.shared.lock().faults.allow(verb, resource);
    }

    /// What helm does at its next write.
    pub fn helm_fault(&self, fault: HelmFault) {
        self.shared.lock().faults.helm.push_back(fault);
    }

    /// Keeps the agent of a node from becoming Ready, or lets it.
    pub fn stick_agent(&self, node: &str, is_stuck: bool) {
        let mut world = self.shared.lock();
        if is_stuck {
            world.faults.stuck_agents.insert(node.to_owned());
        } else {
            world.faults.stuck_agents.remove(node);
        }
    }

    /// Makes the pull of images fail whose name contains this, or succeed again.
    pub fn lose_image(&self, part: &str, is_lost: bool) {
        let mut world = self.shared.lock();
        if is_lost {
            world.faults.missing_images.insert(part.to_owned());
        } else {
            world.faults.missing_images.remove(part);
        }
    }

    /// Loses all packets between two nodes (the same twice: between a node and all, itself included), or none.
    pub fn cut(&self, a: &str, b: &str, is_cut: bool) {
        self.shared.lock().faults.cut(a, b, is_cut);
    }

    /// Forgets past events and page runs: watches and lists that go on from before answer 410.
    pub fn compact(&self) {
        let mut world = self.shared.lock();
        world.store.compact();
        world.snapshots.compact();
    }
}

fn find(world: &World, object: &Value) -> Result<ResourceId, SimError> {
    let (version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
    let unknown = || SimError::Refused(format!("no kind {kind:?} in {version:?}"));
    world.registry.by_kind(version, kind).ok_or_else(unknown)
}

/// An object as it is kept here.
fn read(object: &impl Serialize) -> Result<Value, SimError> {
    let object = serde_json::to_value(object).map_err(|e| SimError::Refused(e.to_string()))?;
    Ok(object.into())
}
