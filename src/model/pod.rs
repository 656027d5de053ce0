//! Pods: what drain, classification and verification need to know of them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{NodeId, Shared};

/// Label by which this tool's probe pods are known; its value is `server` or `client`.
pub const PROBE_LABEL: &str = "cni-migrate.dev/probe";

/// One pod.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that Kubernetes reports")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace.
    pub namespace: Shared,
    /// Name.
    pub name: Box<str>,
    /// UID: a pod re-created under the same name is another pod.
    pub uid: Box<str>,
    /// The node that it is bound to; `None` while unscheduled.
    pub node: Option<NodeId>,
    /// `spec.hostNetwork`: such a pod has no address of any CNI.
    pub host_network: bool,
    /// `status.phase`.
    pub phase: Phase,
    /// Condition Ready is True.
    pub ready: bool,
    /// `status.podIPs`.
    pub ips: Vec<IpAddr>,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `metadata.deletionTimestamp`: the end of its grace period, set exactly when it is being deleted.
    pub deletion_timestamp: Option<jiff::Timestamp>,
    /// `spec.terminationGracePeriodSeconds`, seconds.
    pub grace_seconds: u32,
    /// The controller that would re-create it.
    pub owner: Option<Owner>,
    /// Labels; the pods of one template share them.
    pub labels: Arc<BTreeMap<Shared, Shared>>,
    /// A static pod's mirror: the kubelet owns it, the API cannot delete it.
    pub mirror: bool,
    /// Has an emptyDir volume, whose content an eviction loses.
    pub empty_dir: bool,
    /// Ports of the node that its containers take: host ports, and on the host network every port they declare.
    pub host_ports: Vec<u16>,
    /// Tolerates every taint that keeps pods off a node, and so comes back to a cordoned one.
    pub tolerates_all: bool,
    /// Its nodeSelector or required node affinity names single nodes.
    pub pinned: bool,
    /// Names of the PersistentVolumeClaims that it mounts.
    pub claims: Box<[Shared]>,
    /// Sum of container restarts.
    pub restarts: u32,
    /// Reason of a container that waits, such as `ImagePullBackOff`.
    pub waiting: Option<Box<str>>,
    /// Termination message of its first container, where it has one.
    pub message: Option<Box<str>>,
}

/// Namespace and name of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodRef {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for PodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The controlling owner reference of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Kind, such as `DaemonSet`.
    pub kind: Shared,
    /// Name.
    pub name: Shared,
    /// UID.
    pub uid: Shared,
}

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers have started yet.
    Pending,
    /// At least one container runs.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one of them badly.
    Failed,
    /// The node does not report.
    Unknown,
}

impl Pod {
    /// Namespace and name.
    pub fn reference(&self) -> PodRef {
        PodRef { namespace: self.namespace.to_string(), name: self.name.to_string() }
    }

    /// Succeeded or Failed: it has no network any more.
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Whether a CNI gives (or gave) it an address and still must.
    pub fn on_pod_network(&self) -> bool {
        !self.host_network && !self.is_finished()
    }

    /// Whether a DaemonSet controls it.
    pub fn is_daemon(&self) -> bool {
        self.owner.as_ref().is_some_and(|owner| &*owner.kind == "DaemonSet")
    }

    /// Whether it is a Cilium agent: the chart labels its pods `k8s-app=cilium` (templates/cilium-agent/daemonset.yaml).
    pub fn is_cilium_agent(&self) -> bool {
        self.label("k8s-app") == Some("cilium") && self.is_daemon()
    }

    /// Whether it is a Cilium agent that is not about to go.
    pub fn is_running_agent(&self) -> bool {
        self.is_cilium_agent() && !self.deleting
    }

    /// Whether it is a probe pod of this tool: no drain, restart or count is about those.
    pub fn is_probe(&self) -> bool {
        self.labels.contains_key(PROBE_LABEL)
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(|value| &**value)
    }
}
