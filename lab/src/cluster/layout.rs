//! Names, addresses and folders of one cluster.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Where clusters keep their state; reboots of the machine need not be survived.
const STATE: &str = "/var/lib/cni-migrate-lab";
/// Where `ip netns` keeps its handles.
pub(crate) const NETNS: &str = "/run/netns";
/// Network that joins the control plane and the nodes; it exists in a namespace of its own.
const FABRIC: [u8; 3] = [172, 30, 0];
/// Address of the bridge, the nodes' default gateway.
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(FABRIC[0], FABRIC[1], FABRIC[2], 1);
/// Address of the API server.
pub(crate) const CONTROL_PLANE: Ipv4Addr = Ipv4Addr::new(FABRIC[0], FABRIC[1], FABRIC[2], 10);
/// Length of the fabric's network prefix.
pub(crate) const PREFIX: u8 = 24;
/// Pods of the source CNI.
pub(crate) const POD_CIDR: &str = "10.244.0.0/16";
/// ClusterIPs.
pub(crate) const SERVICE_CIDR: &str = "10.96.0.0/16";
/// ClusterIP of the API server.
pub(crate) const API_SERVICE: &str = "10.96.0.1";
/// ClusterIP of CoreDNS.
pub(crate) const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// Node addresses follow the control plane's, and the fabric has 254.
pub(crate) const MAX_NODES: u8 = 100;

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Name inside Kubernetes, `n1` and so on.
    pub(crate) name: String,
    /// Address on the fabric.
    pub(crate) ip: Ipv4Addr,
    /// Folder with the node's private copies of host folders: `dir/etc/cni/net.d` is its `/etc/cni/net.d`.
    pub(crate) dir: PathBuf,
    /// Whether it carries the control-plane label and taint.
    pub(crate) control_plane: bool,
}

/// Where things of one cluster are; pure names, nothing is looked up.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Name of the cluster.
    pub(crate) name: String,
    /// Folder that `lab down` removes.
    pub(crate) state: PathBuf,
    /// Certificates and keys.
    pub(crate) pki: PathBuf,
    /// Logs of all components.
    pub(crate) logs: PathBuf,
    /// Programs by name.
    pub(crate) bin: PathBuf,
    /// The administrator's kubeconfig.
    pub(crate) kubeconfig: PathBuf,
}

impl Layout {
    /// The layout of a cluster of that name.
    pub(crate) fn new(name: &str) -> Self {
        let state = Path::new(STATE).join(name);
        Self {
            name: name.to_owned(),
            pki: state.join("pki"),
            logs: state.join("logs"),
            bin: state.join("bin"),
            kubeconfig: state.join("admin.kubeconfig"),
            state,
        }
    }

    /// Held by `up` and `down`, so that they wait for each other; it outlives the cluster.
    pub(crate) fn lock(&self) -> PathBuf {
        self.state.with_extension("lock")
    }

    /// The options the cluster was made with; there from the first moment of `up`.
    pub(crate) fn options(&self) -> PathBuf {
        self.state.join("cluster.json")
    }

    /// Copy of this program, so that rebuilding it does not disturb a running cluster.
    pub(crate) fn lab(&self) -> PathBuf {
        self.bin.join("lab")
    }

    /// Link to Cilium's Helm chart.
    pub(crate) fn chart(&self) -> PathBuf {
        self.state.join("chart")
    }

    /// Link to the folder of the layer that all images share.
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.state.join("rootfs")
    }

    /// Folder or file directly in the state folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }

    /// Log of a component.
    pub(crate) fn log(&self, component: &str) -> PathBuf {
        self.logs.join(format!("{component}.log"))
    }

    /// Name of a network namespace; `part` is `fabric`, `cp` or a node.
    pub(crate) fn netns(&self, part: &str) -> String {
        format!("{}{part}", self.netns_prefix())
    }

    /// What the names of all network namespaces of the cluster begin with.
    pub(crate) fn netns_prefix(&self) -> String {
        format!("lab-{}-", self.name)
    }

    /// Handle of a network namespace.
    pub(crate) fn netns_path(&self, part: &str) -> PathBuf {
        Path::new(NETNS).join(self.netns(part))
    }

    /// Name of the cluster's control group in every hierarchy.
    pub(crate) fn cgroup(&self) -> String {
        format!("lab-{}", self.name)
    }

    /// The node of that number, counted from 1; the first is the control-plane node.
    pub(crate) fn node(&self, number: u8) -> Node {
        let name = format!("n{number}");
        Node {
            ip: Ipv4Addr::new(FABRIC[0], FABRIC[1], FABRIC[2], CONTROL_PLANE.octets()[3] + number),
            dir: self.state.join("nodes").join(&name),
            control_plane: number == 1,
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_of_different_names_share_nothing() {
        let (a, b) = (Layout::new("a"), Layout::new("b"));
        assert_ne!(a.state, b.state);
        assert_ne!(a.netns("cp"), b.netns("cp"));
        assert_ne!(a.cgroup(), b.cgroup());
    }

    #[test]
    fn nodes_are_numbered_from_one_and_the_first_is_the_control_plane() {
        let layout = Layout::new("lab");
        let node = layout.node(2);
        assert_eq!((node.name.as_str(), node.ip.to_string().as_str()), ("n2", "172.30.0.12"));
        assert!(layout.node(1).control_plane && !node.control_plane);
        assert_eq!(layout.node(MAX_NODES).ip.to_string(), "172.30.0.110");
    }
}
