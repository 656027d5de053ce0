//! Reading the cluster into a [`Snapshot`]. Writes nothing; what could not be read is recorded as unknown.

mod agent;
mod cilium;
mod cluster;
mod discovery;
mod exposure;
mod intern;
mod network_policy;
mod nodes;
mod object;
mod objects;
mod placement;
mod places;
mod pods;
mod policy;
mod record;
mod residue;
mod scope;
mod served;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;

use crate::error::Result;
use crate::helm::Helm;
use crate::kube::{NodeAccess, Reader, Selection, Watch};
use crate::model::unread::{
    API_SERVICES, BUDGETS, CONFIG_MAPS, DAEMON_SETS, NAMESPACES, NETWORK_POLICIES, NODE_CONFIG_CRD, SERVICES,
    VOLUMES, WEBHOOKS,
};
use crate::model::{
    Budget, Cluster, DaemonSet, Node, NodeId, ObjectRef, Pod, PodRef, Read, Release, Shared, Snapshot,
};
use crate::source::SOURCES;

pub use cluster::{Rule, rights};
use intern::Interner;
pub use nodes::names as node_names;
pub use record::{Wanted, record};
pub use residue::NodeReading;
use scope::AGENTS;
pub use scope::Scope;

/// All pods.
const PODS: &str = "/api/v1/pods";

/// kube-proxy's configuration, and the one that kubeadm made the cluster with.
const KUBEADM_CONFIGS: [(&str, &str); 2] = [("kube-system", "kube-proxy"), ("kube-system", "kubeadm-config")];

/// Takes snapshots.
#[derive(Clone)]
pub struct Observer {
    reader: Reader,
    cluster: Cluster,
    release: Option<(Helm, String, String)>,
    cilium: cilium::Group,
}

impl Observer {
    /// Over that reader; `name` is the name of the kubeconfig's cluster entry.
    ///
    /// # Errors
    /// Where the API server does not answer, or does not let the caller see the cluster's identity.
    pub async fn new(reader: Reader, name: &str) -> Result<Self> {
        let cluster = cluster::identity(&reader, name).await?;
        Ok(Self { reader, cluster, release: None, cilium: cilium::Group::default() })
    }

    /// The cluster's identity.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Also reads the Helm release of that name and namespace.
    #[must_use]
    pub fn with_release(
        mut self,
        helm: Helm,
        release: impl Into<String>,
        namespace: impl Into<String>,
    ) -> Self {
        self.release = Some((helm, release.into(), namespace.into()));
        self
    }

    /// The reader, for the journal and the lease.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Reads what the agents of the snapshot's nodes see on their nodes.
    pub async fn add_agent_views(&self, snapshot: &mut Snapshot, access: &dyn NodeAccess) {
        let names = snapshot.nodes.iter().map(|node| node.name.clone());
        let agents: Vec<(Shared, Option<PodRef>)> =
            names.zip(snapshot.agents()).map(|(node, agent)| (node, agent.map(Pod::reference))).collect();
        let views = futures::stream::iter(agents.into_iter().map(async |(node, agent)| {
            let view = match agent {
                None => Read::Unknown("no cilium agent runs on the node".into()),
                Some(agent) => match agent::view(access, &agent).await {
                    Ok(view) => Read::Known(view),
                    Err(e) => Read::Unknown(e.message),
                },
            };
            (node, view)
        }))
        .buffer_unordered(8)
        .collect()
        .await;
        snapshot.agent_views = views;
    }

    /// The budgets of some namespaces; none of one in which they cannot be read: the API server decides all the same.
    pub async fn budgets_in(&self, namespaces: &BTreeSet<Shared>) -> Vec<Budget> {
        let (mut strings, mut all) = (Interner::default(), Vec::new());
        for namespace in namespaces {
            all.extend(policy::budgets_in(&self.reader, &mut strings, namespace).await.unwrap_or_default());
        }
        all
    }

    /// All nodes with their blocks, without pods: enough to lay out probes.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub async fn nodes_and_blocks(&self) -> Result<Snapshot> {
        let mut strings = Interner::default();
        let nodes = nodes::all(&self.reader, &mut strings).await?;
        let cilium = cilium::blocks(&self.reader, &mut strings).await?;
        Ok(Snapshot { nodes, cilium, ..Snapshot::empty(self.cluster.clone()) })
    }

    /// All nodes with what Cilium says of its pods, but the pods themselves.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub async fn nodes_and_endpoints(&self) -> Result<Snapshot> {
        let mut strings = Interner::default();
        let nodes = nodes::all(&self.reader, &mut strings).await?;
        let cilium = cilium::state(&self.reader, &mut strings).await?;
        Ok(Snapshot { nodes, cilium, ..Snapshot::empty(self.cluster.clone()) })
    }

    /// Adds every pod up, by page: to hold all of them takes more room than a large cluster's nodes and endpoints.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn sum_of_pods<S: Default>(&self, nodes: &[Node], add: impl Fn(&mut S, &Pod)) -> Result<S> {
        let (mut sum, mut strings) = (S::default(), Interner::default());
        let restart = |sum: &mut S| *sum = S::default();
        let steps = (&mut sum, restart, |sum: &mut S, pod| add(sum, &pod));
        pods::each(&self.reader, PODS, &mut strings, &ids(nodes), &Selection::default(), steps).await?;
        Ok(sum)
    }

    /// Some nodes with their blocks; those that do not exist are not in it.
    ///
    /// # Errors
    /// Where one of them cannot be read.
    pub async fn some_nodes_and_blocks(&self, names: &[&str]) -> Result<Snapshot> {
        let mut strings = Interner::default();
        let nodes = nodes::named(&self.reader, &mut strings, names).await?;
        let cilium = cilium::some_blocks(&self.reader, &mut strings, names).await?;
        Ok(Snapshot { nodes, cilium, ..Snapshot::empty(self.cluster.clone()) })
    }

    /// The nodes with their blocks, their agents and no other pods, and the DaemonSets: whether Cilium is there everywhere.
    ///
    /// # Errors
    /// Where nodes, pods or Cilium's objects cannot be read.
    pub async fn agents(&self) -> Result<Snapshot> {
        let mut strings = Interner::default();
        let mut snapshot = self.nodes_and_blocks().await?;
        let ids = ids(&snapshot.nodes);
        let agents = Selection::labels(AGENTS);
        snapshot.pods = pods::list(&self.reader, PODS, &mut strings, &ids, &agents).await?;
        note(&mut snapshot, DAEMON_SETS, workloads::daemon_sets(&self.reader, &mut strings).await, |s, v| {
            s.daemon_sets = v;
        });
        Ok(snapshot)
    }

    /// All DaemonSets.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn daemon_sets(&self) -> Result<Vec<DaemonSet>> {
        workloads::daemon_sets(&self.reader, &mut Interner::default()).await
    }

    /// `apiVersion` under which CiliumNodeConfig is served; `None` where it is not.
    ///
    /// # Errors
    /// Where discovery does not answer.
    pub async fn node_config_version(&self) -> Result<Option<String>> {
        cilium::node_config_version(&self.reader).await
    }

    /// What a node carries, read through its agent.
    pub async fn node_reading(&self, access: &dyn NodeAccess, agent: &PodRef) -> Result<NodeReading> {
        residue::read(access, agent).await
    }

    /// Pods of one namespace by label, without their nodes.
    pub async fn pods_in(&self, namespace: &str, labels: &str) -> Result<Vec<Pod>> {
        self.pods(namespace, &Selection::labels(labels)).await
    }

    /// One pod by its name, without its node; `None` where it does not exist.
    pub async fn pod(&self, namespace: &str, name: &str) -> Result<Option<Pod>> {
        Ok(self.pods(namespace, &Selection::named(name)).await?.pop())
    }

    /// A watch on the pods of a scope.
    pub fn watch(&self, scope: &Scope) -> Watch {
        Watch::new(self.reader.clone(), PODS, scope.pods())
    }

    /// A watch on the pods of one namespace by label.
    pub fn watch_pods_in(&self, namespace: &str, labels: &str) -> Watch {
        Watch::new(self.reader.clone(), pods_of(namespace), Selection::labels(labels))
    }

    /// A watch on one pod by its name.
    pub fn watch_pod(&self, namespace: &str, name: &str) -> Watch {
        Watch::new(self.reader.clone(), pods_of(namespace), Selection::named(name))
    }

    async fn pods(&self, namespace: &str, which: &Selection) -> Result<Vec<Pod>> {
        pods::list(&self.reader, &pods_of(namespace), &mut Interner::default(), &BTreeMap::new(), which).await
    }

    /// Cluster address and first port of a Service, as `address:port`.
    pub async fn service(&self, namespace: &str, name: &str) -> Result<Option<String>> {
        cluster::service_address(&self.reader, namespace, name).await
    }

    /// Phase of a namespace, such as `Active`; `None` where it does not exist.
    pub async fn namespace(&self, name: &str) -> Result<Option<String>> {
        cluster::namespace_phase(&self.reader, name).await
    }

    /// The UID of an object; `None` where it does not exist.
    pub async fn uid(&self, object: &ObjectRef) -> Result<Option<String>> {
        objects::uid(&self.reader, object).await
    }

    /// One object that lives in a namespace and is not `harmless`; `None` where there is none.
    pub async fn living_in(
        &self,
        namespace: &str,
        harmless: impl Fn(&str, &str) -> bool,
    ) -> Result<Option<String>> {
        objects::living_in(&self.reader, namespace, harmless).await
    }

    /// An object as it is, for safe-keeping; `None` where it does not exist.
    pub async fn object(&self, object: &ObjectRef) -> Result<Option<serde_json::Value>> {
        self.reader.get(&object.path()).await
    }

    /// Reads what the scope says.
    ///
    /// # Errors
    /// Where nodes, pods or the cluster's identity cannot be read; any other gap is recorded in the snapshot.
    pub async fn snapshot(&self, scope: &Scope) -> Result<Snapshot> {
        let mut strings = Interner::default();
        let nodes = match scope {
            Scope::All => nodes::all(&self.reader, &mut strings).await?,
            Scope::Node(name)
            | Scope::Networks(name)
            | Scope::Drain(name)
            | Scope::Pods(name)
            | Scope::Agent(name) => {
                vec![nodes::one(&self.reader, &mut strings, name).await?]
            }
        };
        let ids = ids(&nodes);
        let pods = pods::list(&self.reader, PODS, &mut strings, &ids, &scope.pods()).await?;
        let mut snapshot = Snapshot { nodes, pods, ..Snapshot::empty(self.cluster.clone()) };
        match scope {
            Scope::All => snapshot.cilium = cilium::state(&self.reader, &mut strings).await?,
            Scope::Node(name) | Scope::Networks(name) => {
                let pods = &snapshot.pods;
                snapshot.cilium =
                    cilium::of_node(&self.reader, &self.cilium, &mut strings, name, pods).await?;
            }
            Scope::Drain(_) | Scope::Pods(_) | Scope::Agent(_) => {}
        }
        if matches!(scope, Scope::All | Scope::Node(_) | Scope::Drain(_)) {
            let daemon_sets = workloads::daemon_sets(&self.reader, &mut strings).await;
            note(&mut snapshot, DAEMON_SETS, daemon_sets, |s, v| s.daemon_sets = v);
        }
        if *scope == Scope::All {
            note(&mut snapshot, BUDGETS, policy::budgets(&self.reader, &mut strings).await, |s, v| {
                s.budgets = v;
            });
            self.read_cluster_wide(&mut snapshot, &mut strings).await;
        }
        Ok(snapshot)
    }

    /// Reads the pods of a scope anew, and nothing else: what a wait for them looks at again and again.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn renew_pods(&self, snapshot: &mut Snapshot, scope: &Scope) -> Result<()> {
        let (mut strings, ids) = (Interner::default(), ids(&snapshot.nodes));
        snapshot.pods = pods::list(&self.reader, PODS, &mut strings, &ids, &scope.pods()).await?;
        Ok(())
    }

    /// Takes the pods out that are gone, by metadata alone; `false` where there are others now, of which more must be read.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn drop_gone_pods(&self, snapshot: &mut Snapshot, scope: &Scope) -> Result<bool> {
        let there = pods::uids(&self.reader, PODS, scope.pods()).await?;
        snapshot.pods.retain(|pod| there.contains(&*pod.uid));
        Ok(there.len() == snapshot.pods.len())
    }

    async fn read_cluster_wide(&self, snapshot: &mut Snapshot, strings: &mut Interner) {
        let reader = &self.reader;
        let sources = SOURCES.iter().flat_map(|s| s.configs().iter().copied());
        let wanted: Vec<_> = sources.chain(KUBEADM_CONFIGS).collect();
        note(snapshot, CONFIG_MAPS, workloads::configs(reader, strings, &wanted).await, |s, v| {
            s.configs = v;
        });
        let candidates = SOURCES.iter().flat_map(|s| s.candidates()).collect();
        note(snapshot, "objects of the source CNI", objects::present(reader, candidates).await, |s, v| {
            s.objects = v;
        });
        snapshot.service_cidrs = match cluster::service_cidrs(reader).await {
            Ok(ranges) => Read::Known(ranges),
            Err(e) => Read::Unknown(e.message),
        };
        snapshot.release = self.release().await;
        self.read_surroundings(snapshot, strings).await;
    }

    /// What neither CNI owns, and the change of the CNI touches all the same.
    async fn read_surroundings(&self, snapshot: &mut Snapshot, strings: &mut Interner) {
        let reader = &self.reader;
        note(snapshot, NETWORK_POLICIES, network_policy::policies(reader, strings).await, |s, v| {
            s.policies = v;
        });
        note(snapshot, SERVICES, exposure::services(reader, strings).await, |s, v| s.services = v);
        note(snapshot, WEBHOOKS, exposure::webhooks(reader, strings).await, |s, v| s.webhooks = v);
        note(snapshot, API_SERVICES, exposure::api_services(reader, strings).await, |s, v| {
            s.api_services = v;
        });
        note(snapshot, NAMESPACES, places::namespaces(reader, strings).await, |s, v| s.namespaces = v);
        note(snapshot, VOLUMES, places::local_volumes(reader, strings).await, |s, v| s.local_volumes = v);
        note(snapshot, NODE_CONFIG_CRD, cilium::node_config_stored(reader).await, |s, v| {
            s.cilium.node_config_stored = v;
        });
    }

    /// The Helm release of Cilium.
    pub async fn release(&self) -> Read<Option<Release>> {
        match &self.release {
            None => Read::Unknown("helm was not found".into()),
            Some((helm, name, namespace)) => match helm.release(name, namespace).await {
                Ok(release) => Read::Known(release),
                Err(e) => Read::Unknown(e.message),
            },
        }
    }
}

fn pods_of(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

fn ids(nodes: &[Node]) -> BTreeMap<Shared, NodeId> {
    nodes.iter().zip(0..).map(|(node, index)| (node.name.clone(), NodeId(index))).collect()
}

/// Puts a result into the snapshot, or the reason why there is none.
fn note<T>(snapshot: &mut Snapshot, what: &str, result: Result<T>, put: impl FnOnce(&mut Snapshot, T)) {
    match result {
        Ok(value) => put(snapshot, value),
        Err(e) => snapshot.unknown.push((what.to_owned(), e.message)),
    }
}
