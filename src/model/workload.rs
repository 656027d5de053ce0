//! DaemonSets and configuration, the traces by which CNIs are recognised; namespaces and volumes.

use std::collections::BTreeMap;

use super::Shared;

/// A DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonSet {
    /// Namespace.
    pub namespace: Shared,
    /// Name.
    pub name: Shared,
    /// UID.
    pub uid: Shared,
    /// Labels.
    pub labels: BTreeMap<Shared, Shared>,
    /// Images of all containers, init containers included.
    pub images: Vec<Shared>,
    /// Command and arguments of all containers.
    pub args: Vec<Shared>,
    /// `app.kubernetes.io/managed-by` and `meta.helm.sh/release-name`, where Helm owns it.
    pub helm_release: Option<Shared>,
    /// Rollout numbers.
    pub rollout: Rollout,
}

/// Rollout numbers of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// Pods that should run.
    pub desired: u32,
    /// Pods of the newest template.
    pub updated: u32,
    /// Pods that are ready.
    pub ready: u32,
    /// Whether the controller has seen the newest spec.
    pub observed: bool,
    /// Whether the controller replaces pods of an older template by itself (update strategy RollingUpdate).
    pub rolls: bool,
}

impl Rollout {
    /// Whether the controller still has pods of an older template to replace.
    pub fn is_under_way(&self) -> bool {
        !self.observed || (self.rolls && self.updated < self.desired)
    }
}

/// A ConfigMap that was read for a CNI's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigData {
    /// Namespace.
    pub namespace: Shared,
    /// Name.
    pub name: Shared,
    /// `data`.
    pub data: BTreeMap<String, String>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Name.
    pub name: Shared,
    /// Label `pod-security.kubernetes.io/enforce`; `None` leaves it to the API server's default.
    pub pod_security: Option<Shared>,
}

/// A PersistentVolume that lives on one node (`local` or `hostPath`), and the claim that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalVolume {
    /// Name.
    pub name: Shared,
    /// Namespace of its claim.
    pub namespace: Shared,
    /// Name of its claim.
    pub claim: Shared,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_is_over_when_all_pods_are_new_or_nobody_replaces_them() {
        let over = Rollout { desired: 3, updated: 3, ready: 3, observed: true, rolls: true };
        assert!(!over.is_under_way());
        assert!(Rollout { updated: 1, ..over }.is_under_way());
        assert!(Rollout { observed: false, ..over }.is_under_way(), "the controller has yet to look");
        assert!(!Rollout { updated: 1, rolls: false, ..over }.is_under_way(), "OnDelete");
    }
}
