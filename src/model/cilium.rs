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
    /// CiliumNodes, ordered by name.
    pub nodes: Vec<CiliumNode>,
    /// CiliumEndpoints, ordered by namespace and name.
    pub endpoints: Vec<CiliumEndpoint>,
    /// CiliumNodeConfigs of all namespaces.
    pub node_configs: Vec<CiliumNodeConfig>,
    /// Versions in which the CRD of CiliumNodeConfig says that objects may be stored (`status.storedVersions`).
    pub node_config_stored: Vec<String>,
    /// Names of CRDs of the group `cilium.io` that exist.
    pub crds: Vec<String>,
}

impl CiliumState {
    /// The CiliumNode of a node.
    pub fn node(&self, name: &str) -> Option<&CiliumNode> {
        let index = self.nodes.binary_search_by(|node| (*node.name).cmp(name)).ok()?;
        Some(&self.nodes[index])
    }

    /// The blocks of Cilium's pool that a node has.
    pub fn blocks_of(&self, node: &str) -> &[IpNet] {
        self.node(node).map(|n| n.pod_cidrs.as_slice()).unwrap_or_default()
    }
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
    /// The file whose CNI gives pods their addresses: the first of the configuration files by name, which the container
    /// runtime takes (libcni ConfFiles reads `.conf`, `.conflist` and `.json`, sorted). Multus' own file does not count:
    /// it hands pods on to the first of the others.
    pub fn first_cni_file(&self) -> Option<&str> {
        self.configurations().filter(|name| !is_multus(name)).min()
    }

    /// Multus' own file, where the container runtime takes that one.
    pub fn multus_file(&self) -> Option<&str> {
        self.configurations().min().filter(|name| is_multus(name))
    }

    fn configurations(&self) -> impl Iterator<Item = &str> {
        let is_config = |name: &&str| {
            std::path::Path::new(name)
                .extension()
                .is_some_and(|e| e == "conf" || e == "conflist" || e == "json")
        };
        self.cni_files.iter().map(String::as_str).filter(is_config)
    }
}

/// The name under which Multus writes its configuration (k8snetworkplumbingwg/multus-cni `docs/configuration.md`).
fn is_multus(name: &str) -> bool {
    name.starts_with("00-multus.")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multus_hands_on_to_the_first_file_of_the_others() {
        let first = |names: &[&str]| {
            let view = AgentView {
                cni_files: names.iter().map(|n| (*n).to_owned()).collect(),
                ..AgentView::default()
            };
            (view.first_cni_file().map(str::to_owned), view.multus_file().map(str::to_owned))
        };
        let some = |name: &str| Some(name.to_owned());
        let both = ["10-flannel.conflist", "05-cilium.conflist", "multus.d"];
        assert_eq!(first(&both), (some("05-cilium.conflist"), None));
        let with = [&both[..], &["00-multus.conf"]].concat();
        assert_eq!(first(&with), (some("05-cilium.conflist"), some("00-multus.conf")));
        assert_eq!(first(&["00-multus.conf"]), (None, some("00-multus.conf")));
        // Where another file comes first Multus is not asked.
        assert_eq!(first(&["00-a.conf", "00-multus.conf"]), (some("00-a.conf"), None));
    }
}
