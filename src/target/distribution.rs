//! Distributions of Kubernetes: how they are recognised, whether they leave the CNI to the operator, and what they
//! need of Cilium's values.

use serde_json::{Value, json};

use crate::model::{Node, Pod, Snapshot};

/// Where kubeadm keeps the configuration that it made the cluster with.
const KUBEADM_CONFIG: (&str, &str) = ("kube-system", "kubeadm-config");

/// A distribution of Kubernetes, as far as the CNI is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Not recognised: the chart's defaults are taken.
    #[default]
    Generic,
    /// kubeadm, and what is built on it.
    Kubeadm,
    /// kind: nodes are containers.
    Kind,
    /// Kubespray.
    Kubespray,
    /// k3s with its embedded Flannel.
    K3s,
    /// RKE2.
    Rke2,
    /// MicroK8s.
    MicroK8s,
    /// Talos Linux.
    Talos,
    /// kOps.
    Kops,
    /// Amazon EKS.
    Eks,
    /// Google Kubernetes Engine.
    Gke,
    /// Azure Kubernetes Service.
    Aks,
    /// OpenShift and OKD.
    OpenShift,
}

/// How well a migration by this tool goes with a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Well, and why.
    Yes(&'static str),
    /// It is not known.
    Unknown(&'static str),
    /// With help of the operator.
    Partly {
        /// What is special.
        what: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// Not at all.
    No {
        /// Why.
        what: &'static str,
        /// What to do instead.
        hint: &'static str,
    },
}

impl Distribution {
    /// Recognises the distribution by any node that tells.
    pub fn of(nodes: &[Node]) -> Self {
        nodes.iter().map(Self::of_node).find(|found| *found != Self::Generic).unwrap_or_default()
    }

    /// The same, and by what installers leave in the cluster where the nodes do not tell.
    pub fn of_cluster(snapshot: &Snapshot) -> Self {
        // Kubespray calls kubeadm, so it is looked for first: its nodes reach the API server through a static nginx.
        let kubespray = |pod: &Pod| pod.mirror && pod.label("k8s-app") == Some("kube-nginx");
        match Self::of(&snapshot.nodes) {
            Self::Generic if snapshot.pods.iter().any(kubespray) => Self::Kubespray,
            Self::Generic if snapshot.config(KUBEADM_CONFIG.0, KUBEADM_CONFIG.1).is_some() => Self::Kubeadm,
            found => found,
        }
    }

    fn of_node(node: &Node) -> Self {
        let version = |part: &str| node.kubelet_version.contains(part);
        let image = |start: &str| node.os_image.starts_with(start);
        let label = |key: &str| node.labels.contains_key(key);
        let signs = [
            (version("+k3s"), Self::K3s),
            (version("+rke2"), Self::Rke2),
            (label("microk8s.io/cluster"), Self::MicroK8s),
            (image("Talos"), Self::Talos),
            (label("kops.k8s.io/instancegroup"), Self::Kops),
            (version("-eks-"), Self::Eks),
            (version("-gke."), Self::Gke),
            (label("kubernetes.azure.com/cluster"), Self::Aks),
            (label("node.openshift.io/os_id"), Self::OpenShift),
            (&*node.provider == "kind", Self::Kind),
        ];
        signs.into_iter().find(|(there, _)| *there).map(|(_, distribution)| distribution).unwrap_or_default()
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "unknown distribution",
            Self::Kubeadm => "kubeadm",
            Self::Kind => "kind",
            Self::Kubespray => "Kubespray",
            Self::K3s => "k3s",
            Self::Rke2 => "RKE2",
            Self::MicroK8s => "MicroK8s",
            Self::Talos => "Talos",
            Self::Kops => "kOps",
            Self::Eks => "EKS",
            Self::Gke => "GKE",
            Self::Aks => "AKS",
            Self::OpenShift => "OpenShift",
        }
    }

    /// Whether kube-proxy runs inside of the distribution's own process, without pods.
    pub fn has_kube_proxy_inside(self) -> bool {
        matches!(self, Self::K3s | Self::MicroK8s)
    }

    /// How well a migration goes with it: whether the operator chooses the CNI, and where its files are.
    pub fn fit(self) -> Fit {
        match self {
            Self::Generic => Fit::Unknown("not recognised: the chart's defaults are taken"),
            Self::Kubeadm | Self::Kind => {
                Fit::Yes("leaves the CNI to the operator, files in the usual places")
            }
            Self::Kubespray => Fit::Partly {
                what: "its next run brings the old CNI back",
                hint: "set kube_network_plugin: cni in its inventory before the clean-up",
            },
            Self::K3s => Fit::No {
                what: "runs Flannel inside its own process, which is not supported as a source yet",
                hint: "build a new cluster with --flannel-backend=none, or wait for a release that supports it",
            },
            Self::Rke2 => Fit::Partly {
                what: "applies its CNI's chart again and again; a change of the CNI is not supported by its makers",
                hint: "set `cni: none` on all servers and remove the CNI's manifest before the clean-up",
            },
            Self::MicroK8s => Fit::Partly {
                what: "re-applies args/cni-network/cni.yaml; its CNI directories are its own, which the values know",
                hint: "move cni.yaml away on every node before the clean-up",
            },
            Self::Talos => Fit::Partly {
                what: "re-applies Flannel from its machine configuration; its root is read-only",
                hint: "set cluster.network.cni.name to none on the control plane before the clean-up; reboot with \
                       `talosctl`",
            },
            Self::Kops => Fit::No {
                what: "installs Cilium by a template of its own, without CiliumNodeConfig",
                hint: "change the CNI through kOps, with a new cluster or an outage",
            },
            Self::Eks => Fit::Partly {
                what: "its control plane does not route to an overlay's addresses",
                hint: "run webhooks and aggregated APIs on the host network first (HOOK-001, API-001)",
            },
            Self::Gke => Fit::Partly {
                what: "keeps plugins in /home/kubernetes/bin, and upgrades of nodes bring its own CNI back",
                hint: "set cni.binPath, and freeze upgrades of the node pools for the time of the migration",
            },
            Self::Aks => Fit::Partly {
                what: "only clusters with --network-plugin none may have a CNI of their own",
                hint: "set aksbyocni.enabled=true in the values, and make sure that the cluster is one of those",
            },
            Self::OpenShift => Fit::No {
                what: "its network operator owns the CNI and Multus",
                hint: "use the network operator's own migration",
            },
        }
    }

    /// Values that the distribution needs, as path and value.
    ///
    /// The host's CNI directories change here only: the path in the CiliumNodeConfig is the agent's own mount
    /// of them. Sources: k3s-io/k3s pkg/agent/config/config.go, canonical/microk8s CNI arguments, the Talos
    /// guide "Deploying Cilium CNI" (it forbids `SYS_MODULE` and mounts cgroups itself).
    pub fn values(self) -> Vec<(&'static str, Value)> {
        match self {
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
            _ => Vec::new(),
        }
    }
}
