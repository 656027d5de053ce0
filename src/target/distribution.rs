//! What distributions of Kubernetes need of Cilium's values, where the chart's defaults do not fit.

use serde_json::{Value, json};

use crate::model::Node;

/// A distribution whose needs differ from the chart's defaults, or any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Whatever the chart's defaults fit, such as kubeadm, kind, RKE2 or kubespray.
    #[default]
    Generic,
    /// k3s with its embedded Flannel.
    K3s,
    /// MicroK8s.
    MicroK8s,
    /// Talos Linux.
    Talos,
}

impl Distribution {
    /// Recognises the distribution by any node that tells.
    pub fn of(nodes: &[Node]) -> Self {
        nodes.iter().map(Self::of_node).find(|found| *found != Self::Generic).unwrap_or_default()
    }

    fn of_node(node: &Node) -> Self {
        if node.kubelet_version.contains("+k3s") {
            Self::K3s
        } else if node.labels.contains_key("microk8s.io/cluster") {
            Self::MicroK8s
        } else if node.os_image.starts_with("Talos") {
            Self::Talos
        } else {
            Self::Generic
        }
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::K3s => "k3s",
            Self::MicroK8s => "MicroK8s",
            Self::Talos => "Talos",
        }
    }

    /// Whether kube-proxy runs inside the distribution's own process, where no pod shows it.
    pub fn has_kube_proxy_inside(self) -> bool {
        matches!(self, Self::K3s | Self::MicroK8s)
    }

    /// Where every node reaches the API server without kube-proxy: host and port of the distribution's own load
    /// balancer (cilium/cilium issue 31565; Talos guide "Deploying Cilium CNI", KubePrism).
    pub fn api_server(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::K3s => Some(("127.0.0.1", "6444")),
            Self::Talos => Some(("localhost", "7445")),
            Self::Generic | Self::MicroK8s => None,
        }
    }

    /// Values that the distribution needs, as path and value.
    ///
    /// The host's CNI directories change here only: the path in the CiliumNodeConfig is the agent's own mount
    /// of them. Sources: k3s-io/k3s pkg/agent/config/config.go, canonical/microk8s CNI arguments, the Talos
    /// guide "Deploying Cilium CNI" (it forbids `SYS_MODULE` and mounts cgroups itself).
    pub fn values(self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Generic => Vec::new(),
            Self::K3s => vec![
                ("cni.confPath", json!("/var/lib/rancher/k3s/agent/etc/cni/net.d")),
                ("cni.binPath", json!("/var/lib/rancher/k3s/data/cni")),
            ],
            Self::MicroK8s => vec![
                ("cni.confPath", json!("/var/snap/microk8s/current/args/cni-network")),
                ("cni.binPath", json!("/var/snap/microk8s/current/opt/cni/bin")),
                ("daemon.runPath", json!("/var/snap/microk8s/current/var/run/cilium")),
            ],
            Self::Talos => vec![
                (
                    "securityContext.capabilities.ciliumAgent",
                    json!([
                        "CHOWN",
                        "KILL",
                        "NET_ADMIN",
                        "NET_RAW",
                        "IPC_LOCK",
                        "SYS_ADMIN",
                        "SYS_RESOURCE",
                        "DAC_OVERRIDE",
                        "FOWNER",
                        "SETGID",
                        "SETUID"
                    ]),
                ),
                (
                    "securityContext.capabilities.cleanCiliumState",
                    json!(["NET_ADMIN", "SYS_ADMIN", "SYS_RESOURCE"]),
                ),
                ("cgroup.autoMount.enabled", json!(false)),
                ("cgroup.hostRoot", json!("/sys/fs/cgroup")),
            ],
        }
    }
}
