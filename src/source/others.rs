//! CNIs that are recognised so that they can be named, not migrated from.

use super::{Claim, Evidence, EvidenceKind};
use crate::model::{DaemonSet, Snapshot};

/// Name that the table gives to the target itself.
pub(super) const CILIUM: &str = "Cilium";

struct Known {
    name: &'static str,
    daemon_sets: &'static [&'static str],
    images: &'static [&'static str],
    /// What is and what is not supported, and why.
    support: &'static str,
}

/// By DaemonSet name, else by a part of an image name; Canal has images of Flannel and Calico only.
const KNOWN: &[Known] = &[
    Known {
        name: "Canal",
        daemon_sets: &["canal", "rke2-canal"],
        images: &[],
        support: "Flannel carries its packets, but Calico gives pods their links and enforces policies: neither the \
                  clean-up nor the policies are supported yet",
    },
    Known {
        name: "OpenShift SDN",
        daemon_sets: &["sdn"],
        images: &["openshift/sdn", "ose-sdn"],
        support: "the cluster's network operator owns the CNI: use its own migration",
    },
    Known {
        name: "OVN-Kubernetes",
        daemon_sets: &["ovnkube-node", "ovnkube-node-dpu"],
        images: &["ovn-kubernetes"],
        support: "it does not use the node's routing, which a migration node by node needs",
    },
    Known {
        name: "Calico",
        daemon_sets: &["calico-node"],
        images: &["calico/node"],
        support: "not supported yet: its detection of node addresses must be pinned before Cilium is installed, and its \
                  own policies have no equivalent (cilium #31273)",
    },
    Known {
        name: "kube-router",
        daemon_sets: &["kube-router"],
        images: &["cloudnativelabs/kube-router"],
        support: "not supported: it routes by BGP, which Cilium's guide does not test, and may also serve Services",
    },
    Known {
        name: "Weave Net",
        daemon_sets: &["weave-net"],
        images: &["weave-kube"],
        support: "not supported: its fast datapath is no Linux routing, which a migration node by node needs",
    },
    Known {
        name: "Antrea",
        daemon_sets: &["antrea-agent"],
        images: &["antrea/antrea"],
        support: "not supported: Open vSwitch is no Linux routing, which a migration node by node needs",
    },
    Known {
        name: "AWS VPC CNI",
        daemon_sets: &["aws-node"],
        images: &["amazon-k8s-cni"],
        support: "not supported yet: pods have addresses of the VPC, whose SNAT rules must leave Cilium's range out first",
    },
    Known {
        name: "kindnet",
        daemon_sets: &["kindnet"],
        images: &["kindnetd"],
        support: "not supported: make kind clusters with disableDefaultCNI and the CNI that you want",
    },
    Known {
        name: CILIUM,
        daemon_sets: &["cilium"],
        images: &["cilium/cilium"],
        support: "it is what a migration leads to: if every pod is on it nothing is left to do, else see LEFT-001",
    },
];

/// What is and is not supported of a CNI that [`seen`] named; `None` for anything else.
pub(crate) fn support(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| known.name == name).map(|known| known.support)
}

/// The other CNI that a DaemonSet runs.
pub(super) fn name_of(daemon_set: &DaemonSet) -> Option<&'static str> {
    let named = |known: &&Known| known.daemon_sets.contains(&&*daemon_set.name);
    let pictured = |known: &&Known| {
        daemon_set.images.iter().any(|image| known.images.iter().any(|part| image.contains(part)))
    };
    KNOWN.iter().find(named).or_else(|| KNOWN.iter().find(pictured)).map(|known| known.name)
}

/// Every other CNI of the cluster, with the DaemonSet that shows it.
pub(super) fn seen(snapshot: &Snapshot) -> Vec<Claim> {
    let claim = |daemon_set: &DaemonSet| {
        name_of(daemon_set).map(|name| Claim {
            by: name.to_owned(),
            evidence: vec![Evidence {
                kind: EvidenceKind::DaemonSet,
                object: format!("DaemonSet {}/{}", daemon_set.namespace, daemon_set.name),
                says: format!("runs {}", daemon_set.images.first().map_or("no image", |image| image)),
            }],
        })
    };
    snapshot.daemon_sets.iter().filter_map(claim).collect()
}
