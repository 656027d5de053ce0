//! The cluster as this tool thinks of it: a compact, immutable snapshot that every decision is made from.
//!
//! Nothing in here talks to anything. Strings that repeat (namespaces, label keys and values, owner names) are
//! shared, nodes are referred to by [`NodeId`], so that 150,000 pods stay small.

mod budget;
mod cidr;
mod cilium;
mod exposure;
mod intent;
mod inventory;
mod journal;
mod network_policy;
mod node;
mod pod;
pub mod unread;
mod workload;

pub use budget::{Budget, Expression, Operator, Selector};
pub use cidr::{Pool, overlaps};
pub use cilium::{AgentView, CiliumEndpoint, CiliumNode, CiliumNodeConfig, CiliumState, Release};
pub use exposure::{ApiService, Service, ServiceRef, Webhook};
pub use intent::{DryRun, Encryption, Features, Intent, OverlayPort, RebootMode};
pub use inventory::{Inventory, NodeResidue, ObjectRef, PodRoute};
pub use journal::{JOURNAL, JOURNAL_PARTS, is_of_the_journal, journal_document};
pub use network_policy::NetworkPolicy;
pub use node::{Condition, MIGRATION_LABEL, Node, PHASE_ANNOTATION, Taint, WAS_UNSCHEDULABLE_ANNOTATION};
pub use pod::{Owner, PROBE_LABEL, Phase, Pod, PodRef};
pub use workload::{ConfigData, DaemonSet, LocalVolume, Namespace, Rollout};

use std::collections::BTreeMap;
use std::sync::Arc;

/// Index of a node in [`Snapshot::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// A fact that may not have been readable: unknown is reported as unknown, with the reason, never as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// What was read.
    Known(T),
    /// Why it could not be read.
    Unknown(String),
}

impl<T> Read<T> {
    /// The value where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// Which cluster this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// UID of the `kube-system` namespace: the only identity that every cluster has.
    pub uid: String,
    /// Name of the kubeconfig's cluster entry: what the operator types to confirm.
    pub name: String,
    /// `gitVersion` as the API server gives it, for people.
    pub version: String,
    /// Major and minor version, for comparisons.
    pub minor: (u32, u32),
}

/// Everything that was observed at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The cluster's identity.
    pub cluster: Cluster,
    /// All nodes, ordered by name.
    pub nodes: Vec<Node>,
    /// Pods of the snapshot's scope: of the whole cluster, or of some nodes.
    pub pods: Vec<Pod>,
    /// Every PodDisruptionBudget.
    pub budgets: Vec<Budget>,
    /// Every DaemonSet.
    pub daemon_sets: Vec<DaemonSet>,
    /// Configuration that CNIs keep in ConfigMaps (`kube-flannel-cfg`, `cilium-config`, ...).
    pub configs: Vec<ConfigData>,
    /// Every NetworkPolicy.
    pub policies: Vec<NetworkPolicy>,
    /// Every Service.
    pub services: Vec<Service>,
    /// Webhooks of admission that a Service answers.
    pub webhooks: Vec<Webhook>,
    /// Aggregated APIs that a Service answers.
    pub api_services: Vec<ApiService>,
    /// Every namespace.
    pub namespaces: Vec<Namespace>,
    /// Volumes that live on one node and are claimed.
    pub local_volumes: Vec<LocalVolume>,
    /// Service address ranges.
    pub service_cidrs: Read<Vec<ipnet::IpNet>>,
    /// What there is of Cilium.
    pub cilium: CiliumState,
    /// What the agents see, by node; of a whole cluster only where it was asked for.
    pub agent_views: BTreeMap<Shared, Read<AgentView>>,
    /// The Helm release of Cilium; `Known(None)` means that there is none.
    pub release: Read<Option<Release>>,
    /// Objects of the source CNI that exist, of those that a source asked to look for.
    pub objects: Vec<ObjectRef>,
    /// What could not be read and is no field of its own: kind of thing, reason.
    pub unknown: Vec<(String, String)>,
}

impl Snapshot {
    /// A snapshot in which nothing was read yet.
    pub fn empty(cluster: Cluster) -> Self {
        Self {
            cluster,
            nodes: Vec::new(),
            pods: Vec::new(),
            budgets: Vec::new(),
            daemon_sets: Vec::new(),
            configs: Vec::new(),
            policies: Vec::new(),
            services: Vec::new(),
            webhooks: Vec::new(),
            api_services: Vec::new(),
            namespaces: Vec::new(),
            local_volumes: Vec::new(),
            service_cidrs: Read::Unknown("not read".into()),
            cilium: CiliumState::default(),
            agent_views: BTreeMap::new(),
            release: Read::Unknown("not read".into()),
            objects: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// The node of that id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node of that name.
    pub fn node_named(&self, name: &str) -> Option<(NodeId, &Node)> {
        let index = self.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok()?;
        Some((NodeId(u32::try_from(index).ok()?), &self.nodes[index]))
    }

    /// The pods bound to that node.
    pub fn pods_on(&self, id: NodeId) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(move |pod| pod.node == Some(id))
    }

    /// The pods of every node, in the order of the nodes: for questions about all nodes, which would otherwise walk over all
    /// pods for each of them.
    pub fn pods_by_node(&self) -> Vec<Vec<&Pod>> {
        let mut all = vec![Vec::new(); self.nodes.len()];
        for pod in &self.pods {
            if let Some(on_node) = pod.node.and_then(|id| all.get_mut(id.0 as usize)) {
                on_node.push(pod);
            }
        }
        all
    }

    /// The running Cilium agent pod of every node, in the order of the nodes.
    pub fn agents(&self) -> Vec<Option<&Pod>> {
        let by_node = self.pods_by_node().into_iter();
        by_node.map(|pods| pods.into_iter().find(|pod| pod.is_running_agent())).collect()
    }

    /// The ConfigMap of that namespace and name, among those that were read.
    pub fn config(&self, namespace: &str, name: &str) -> Option<&ConfigData> {
        self.configs.iter().find(|c| &*c.namespace == namespace && &*c.name == name)
    }

    /// Why a kind of [`unread`] could not be read; `None` where it was.
    pub fn unread(&self, kind: &str) -> Option<&str> {
        self.unknown.iter().find(|(what, _)| what == kind).map(|(_, why)| why.as_str())
    }

    /// The running Cilium agent pod of a node.
    pub fn agent_on(&self, id: NodeId) -> Option<&Pod> {
        self.pods_on(id).find(|pod| pod.is_running_agent())
    }
}

/// A string that many objects share.
pub type Shared = Arc<str>;
