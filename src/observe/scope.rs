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
    /// Whether what is seen in this scope tells all that would be seen in another.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Node(here) | Self::Networks(here) | Self::Drain(here) | Self::Pods(here),
                Self::Agent(there),
            ) => here == there,
            _ => self == other,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn all_pods_of_a_node_tell_of_its_agent_too() {
        let agent = Scope::Agent("n1".into());
        for scope in [Scope::Pods, Scope::Drain, Scope::Networks, Scope::Node, Scope::Agent] {
            assert!(scope("n1".into()).covers(&agent));
            assert!(!scope("n2".into()).covers(&agent));
        }
        assert!(!agent.covers(&Scope::Pods("n1".into())));
        assert!(!Scope::Pods("n1".into()).covers(&Scope::Drain("n1".into())));
    }
}
