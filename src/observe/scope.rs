//! How much is looked at.

use crate::kube::Selection;

/// The label of the agents (chart templates/cilium-agent/daemonset.yaml).
pub(super) const AGENTS: &str = "k8s-app=cilium";

/// How much of the cluster a snapshot covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// One node and its pods with what Cilium says about them, and the DaemonSets: all that a turn of the node depends on.
    Node(String),
    /// One node and its pods with what Cilium says about them; no list of all pods, nor of all of Cilium's objects.
    Networks(String),
    /// One node and its pods, and the DaemonSets: what a drain may evict.
    Drain(String),
    /// One node and its pods: cheap enough to ask for each second.
    Pods(String),
    /// One node and the Cilium agent there.
    Agent(String),
}

impl Scope {
    /// Its pods.
    pub(super) fn pods(&self) -> Selection {
        match self {
            Self::All => Selection::default(),
            Self::Node(name) | Self::Networks(name) | Self::Drain(name) | Self::Pods(name) => {
                Selection::on_node(name)
            }
            Self::Agent(name) => {
                Selection { fields: Selection::on_node(name).fields, ..Selection::labels(AGENTS) }
            }
        }
    }
}
