//! Steps and their stable ids.

use std::fmt;

use crate::model::RebootMode;

/// One step of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cilium installed beside the source CNI.
    Install,
    /// A step on one node.
    Node(String, NodeStep),
    /// Cilium's final values, and the CiliumNodeConfig gone.
    Finalize,
    /// Nothing of the source CNI left.
    Cleanup,
}

/// A step of a node's migration, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStep {
    /// No new pods come.
    Cordon,
    /// The pods that may live elsewhere do.
    Drain,
    /// The agent manages the CNI configuration: new pods get Cilium addresses.
    Switch,
    /// The node was rebooted.
    Reboot,
    /// No pod of the node is on the old network.
    Restart,
    /// All paths were probed.
    Verify,
    /// Scheduling is as it was.
    Uncordon,
}

/// Phase of a node as its annotation says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not begun.
    Pending,
    /// Cordoned, pods are being evicted.
    Draining,
    /// No pod is left that a drain would evict.
    Drained,
    /// The label is set, the agent restarts.
    Switching,
    /// The agent manages the CNI configuration.
    Switched,
    /// Paths are being probed.
    Verifying,
    /// Done.
    Migrated,
    /// Being taken back to the source CNI.
    RollingBack,
}

impl NodeStep {
    /// The steps of a node's migration.
    pub fn sequence(reboot: RebootMode) -> Vec<Self> {
        let mut steps = vec![Self::Cordon, Self::Drain, Self::Switch];
        if reboot != RebootMode::Never {
            steps.push(Self::Reboot);
        }
        steps.extend([Self::Restart, Self::Verify, Self::Uncordon]);
        steps
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cordon => "cordon",
            Self::Drain => "drain",
            Self::Switch => "switch",
            Self::Reboot => "reboot",
            Self::Restart => "restart",
            Self::Verify => "verify",
            Self::Uncordon => "uncordon",
        }
    }
}

impl Step {
    /// Stable id in the journal.
    pub fn id(&self) -> String {
        match self {
            Self::Install => "install".into(),
            Self::Node(node, step) => format!("node/{node}/{}", step.name()),
            Self::Finalize => "finalize".into(),
            Self::Cleanup => "cleanup".into(),
        }
    }
}

impl Phase {
    const ALL: [Self; 8] = [
        Self::Pending,
        Self::Draining,
        Self::Drained,
        Self::Switching,
        Self::Switched,
        Self::Verifying,
        Self::Migrated,
        Self::RollingBack,
    ];

    /// Reads the annotation; `None` for a word that this tool does not write.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.to_string() == text)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_phases_are_stable_words() {
        assert_eq!(Step::Node("n2".into(), NodeStep::Drain).id(), "node/n2/drain");
        assert_eq!(Phase::parse("Switched"), Some(Phase::Switched));
        assert_eq!(Phase::parse("switched"), None);
        for phase in Phase::ALL {
            assert_eq!(Phase::parse(&phase.to_string()), Some(phase));
        }
    }

    #[test]
    fn cordon_and_drain_come_before_the_label_and_verification_before_the_uncordon() {
        for mode in [RebootMode::Never, RebootMode::Pod] {
            let steps = NodeStep::sequence(mode);
            let at = |step| steps.iter().position(|s| *s == step).expect("the step");
            assert!(at(NodeStep::Drain) < at(NodeStep::Switch));
            assert!(at(NodeStep::Verify) < at(NodeStep::Uncordon));
            assert_eq!(steps.contains(&NodeStep::Reboot), mode == RebootMode::Pod);
        }
    }
}
