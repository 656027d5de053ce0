//! NetworkPolicies, as far as the change of the CNI changes what they do.

use ipnet::IpNet;

use super::{Pod, Selector, Shared};

/// A NetworkPolicy (networking.k8s.io/v1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Namespace.
    pub namespace: Shared,
    /// Name.
    pub name: Shared,
    /// `spec.podSelector`; empty selects the whole namespace, `None` could not be understood.
    pub selector: Option<Selector>,
    /// Ranges of its `ipBlock` peers, incoming and outgoing.
    pub blocks: Vec<IpNet>,
}

impl NetworkPolicy {
    /// Whether it is about that pod; pods on the host network are beyond any policy of this kind.
    pub fn covers(&self, pod: &Pod) -> bool {
        pod.on_pod_network()
            && *self.namespace == *pod.namespace
            && self.selector.as_ref().is_some_and(|selector| selector.matches(&pod.labels))
    }
}
