//! Nodes: what scheduling, the old CNI and Cilium say about them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Shared;

/// Node label that makes the CiliumNodeConfig of a migration apply
/// (Cilium guide "Migrating a cluster to Cilium", step "Migration").
pub const MIGRATION_LABEL: &str = "io.cilium.migration/cilium-default";
/// Node annotation with the phase that this tool has brought the node to.
pub const PHASE_ANNOTATION: &str = "cni-migrate.dev/phase";
/// Node annotation that remembers whether the node was unschedulable before the migration touched it.
pub const WAS_UNSCHEDULABLE_ANNOTATION: &str = "cni-migrate.dev/was-unschedulable";

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: Shared,
    /// UID: a node replaced under the same name is another node.
    pub uid: Shared,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// All labels.
    pub labels: BTreeMap<Shared, Shared>,
    /// Annotations of CNIs and of this tool; others are not kept.
    pub annotations: BTreeMap<Shared, Shared>,
    /// `spec.podCIDRs`, the ranges of host-local IPAM.
    pub pod_cidrs: Vec<IpNet>,
    /// Addresses of type InternalIP.
    pub internal_ips: Vec<IpAddr>,
    /// Addresses of type ExternalIP.
    pub external_ips: Vec<IpAddr>,
    /// Scheme of `spec.providerID`, such as `kind` or `aws`; empty where there is none.
    pub provider: Shared,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// `status.nodeInfo.bootID`: changes with each boot.
    pub boot_id: Shared,
    /// `status.nodeInfo.kernelVersion`.
    pub kernel: Shared,
    /// `status.nodeInfo.architecture`.
    pub architecture: Shared,
    /// `status.nodeInfo.kubeletVersion`.
    pub kubelet_version: Shared,
    /// `status.nodeInfo.operatingSystem`.
    pub os: Shared,
    /// `status.nodeInfo.osImage`.
    pub os_image: Shared,
    /// `status.capacity.pods`.
    pub max_pods: u32,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: Shared,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: Shared,
}

/// A condition of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Type, such as `Ready`.
    pub kind: Shared,
    /// `True`, `False` or `Unknown`.
    pub status: Shared,
    /// Reason, such as `FlannelIsUp`.
    pub reason: Shared,
}

impl Node {
    /// The condition of that type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| &*c.kind == kind)
    }

    /// Whether the kubelet reports Ready.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|c| &*c.status == "True")
    }

    /// Whether the migration label selects this node for Cilium.
    pub fn is_labelled(&self) -> bool {
        self.labels.get(MIGRATION_LABEL).is_some_and(|value| &**value == "true")
    }

    /// Whether a control-plane role label is set (KEP-2067 names the label).
    pub fn is_control_plane(&self) -> bool {
        self.labels.contains_key("node-role.kubernetes.io/control-plane")
            || self.labels.contains_key("node-role.kubernetes.io/master")
    }

    /// The phase that this tool wrote on the node.
    pub fn phase(&self) -> Option<&str> {
        self.annotations.get(PHASE_ANNOTATION).map(|value| &**value)
    }
}
