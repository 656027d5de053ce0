//! What the API server says about Cilium: custom resources and the Helm release.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Selector, Shared};

/// Cilium's objects; empty where its CRDs are not served.
#[derive(Clone, Debug, Default)]
pub struct CiliumState {
    /// `apiVersion` under which CiliumNodeConfig is served, newest first in preference (discovery decides).
    pub node_config_version: Option<String>,
    /// CiliumNodes.
    pub nodes: Vec<CiliumNode>,
    /// CiliumEndpoints.
    pub endpoints: Vec<CiliumEndpoint>,
    /// CiliumNodeConfigs of all namespaces.
    pub node_configs: Vec<CiliumNodeConfig>,
    /// Versions in which the CRD of CiliumNodeConfig says that objects may be stored (`status.storedVersions`).
    pub node_config_stored: Vec<String>,
    /// Names of CRDs of the group `cilium.io` that exist.
    pub crds: Vec<String>,
}

/// What a node's agent sees: read by exec in the agent, not from the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentView {
    /// File names in the CNI configuration directory.
    pub cni_files: Vec<String>,
    /// The options that the agent was started with: ConfigMap and CiliumNodeConfigs merged by its init container.
    pub config: BTreeMap<String, String>,
}

impl AgentView {
    /// The file that the container runtime takes: the first of the configuration files by name (libcni
    /// ConfFiles reads `.conf`, `.conflist` and `.json`, sorted).
    pub fn first_cni_file(&self) -> Option<&str> {
        let is_config = |name: &str| {
            std::path::Path::new(name)
                .extension()
                .is_some_and(|e| e == "conf" || e == "conflist" || e == "json")
        };
        self.cni_files.iter().map(String::as_str).filter(|name| is_config(name)).min()
    }
}

/// A CiliumNode (pkg/k8s/apis/cilium.io/v2/types.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiliumNode {
    /// Name, the node's.
    pub name: Shared,
    /// `spec.ipam.podCIDRs`.
    pub pod_cidrs: Vec<IpNet>,
    /// `spec.addresses` of type CiliumInternalIP: the node's `cilium_host`.
    pub internal_ips: Vec<IpAddr>,
    /// `status.ipam.operator-status.error`.
    pub error: Option<String>,
}

/// A CiliumEndpoint: the agent's word that it manages a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiliumEndpoint {
    /// Namespace, the pod's.
    pub namespace: Shared,
    /// Name, the pod's.
    pub name: Box<str>,
    /// UID of the owning pod; a stale endpoint has another pod's (cilium #17631).
    pub pod_uid: Option<Box<str>>,
    /// `status.networking.addressing[].ipv4|ipv6`.
    pub ips: Vec<IpAddr>,
    /// `status.state`.
    pub state: Shared,
}

/// A CiliumNodeConfig: agent options for the nodes that it selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiliumNodeConfig {
    /// Namespace; only those of Cilium's own namespace count.
    pub namespace: Shared,
    /// Name.
    pub name: Shared,
    /// `spec.nodeSelector`; absent matches no node.
    pub selector: Option<Selector>,
    /// `spec.defaults`.
    pub defaults: BTreeMap<String, String>,
}

/// A Helm release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Release name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Revision.
    pub revision: u32,
    /// `deployed`, `failed`, `pending-upgrade`, ...
    pub status: String,
    /// Chart name and version, such as `cilium-1.19.6`.
    pub chart: String,
    /// Values that the user gave.
    pub values: serde_json::Value,
}
