//! CNIs that are recognised so that they can be named, not migrated from.

use super::{Claim, Evidence, EvidenceKind};
use crate::model::{DaemonSet, Snapshot};

/// Name that the table gives to the target itself.
pub(super) const CILIUM: &str = "Cilium";

struct Known {
    name: &'static str,
    daemon_sets: &'static [&'static str],
    images: &'static [&'static str],
}

/// By DaemonSet name, else by a part of an image name; Canal has images of Flannel and Calico only.
const KNOWN: &[Known] = &[
    Known { name: "Canal", daemon_sets: &["canal", "rke2-canal"], images: &[] },
    Known { name: "Calico", daemon_sets: &["calico-node"], images: &["calico/node"] },
    Known { name: "kube-router", daemon_sets: &["kube-router"], images: &["cloudnativelabs/kube-router"] },
    Known { name: "Weave Net", daemon_sets: &["weave-net"], images: &["weave-kube"] },
    Known { name: "Antrea", daemon_sets: &["antrea-agent"], images: &["antrea/antrea"] },
    Known { name: "AWS VPC CNI", daemon_sets: &["aws-node"], images: &["amazon-k8s-cni"] },
    Known { name: "kindnet", daemon_sets: &["kindnet"], images: &["kindnetd"] },
    Known { name: CILIUM, daemon_sets: &["cilium"], images: &["cilium/cilium"] },
];

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
