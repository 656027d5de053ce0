//! The cluster as it stands at one moment: what must be the same afterwards, and what must have changed.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::world::World;
use crate::{error::Error, workload};

/// What is compared of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeState {
    /// Whether it is cordoned.
    pub(crate) cordoned: bool,
    /// Its taints, as `key:effect`.
    pub(crate) taints: Vec<String>,
    /// The id of its boot.
    pub(crate) boot_id: String,
}

/// What is compared of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodState {
    /// Namespace and name.
    pub(crate) name: String,
    /// Its node.
    pub(crate) node: String,
    /// Its address.
    pub(crate) address: String,
    /// Whether the address is one of its own.
    pub(crate) on_pod_network: bool,
    /// How often its containers were started again.
    pub(crate) restarts: i32,
}

/// Nodes by name and pods by UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// All nodes.
    pub(crate) nodes: BTreeMap<String, NodeState>,
    /// All pods that have not ended.
    pub(crate) pods: BTreeMap<String, PodState>,
}

impl World {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// When the API does not answer.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        let nodes: Vec<Node> = self.list("nodes")?;
        let pods: Vec<Pod> = self.list("pods")?;
        Ok(Snapshot {
            nodes: nodes.iter().map(node_state).collect(),
            pods: pods.iter().filter(|pod| !workload::pod_has_ended(pod)).map(pod_state).collect(),
        })
    }
}

impl Snapshot {
    /// The pods of the host's network, outside of the namespace that a migration removes, that are not the same ones
    /// in `later` or were restarted; `spared` tells the nodes that this is asked of.
    pub(crate) fn disturbed(&self, later: &Self, spared: impl Fn(&str) -> bool) -> Vec<String> {
        let untouched = self.pods.iter().filter(|(_, pod)| {
            !pod.on_pod_network && !pod.name.starts_with("kube-flannel/") && spared(&pod.node)
        });
        untouched
            .filter_map(|(uid, before)| match later.pods.get(uid) {
                None => Some(format!("{} on {} is another pod", before.name, before.node)),
                Some(after) if after.restarts > before.restarts => {
                    Some(format!("{} on {} restarted {} times", before.name, before.node, after.restarts))
                }
                Some(_) => None,
            })
            .collect()
    }

    /// The pods on nodes chosen by `on` whose containers were ever started again.
    pub(crate) fn restarted(&self, on: impl Fn(&str) -> bool) -> Vec<String> {
        let restarted = self.pods.values().filter(|pod| pod.restarts > 0 && on(&pod.node));
        restarted
            .map(|pod| format!("{} on {} restarted {} times", pod.name, pod.node, pod.restarts))
            .collect()
    }

    /// The nodes whose cordon or taints differ from those of `earlier`.
    pub(crate) fn cordons_changed(&self, earlier: &Self) -> Vec<String> {
        let view = |node: Option<&NodeState>| node.map(|node| (node.cordoned, node.taints.clone()));
        earlier
            .nodes
            .iter()
            .map(|(name, before)| (name, view(Some(before)), view(self.nodes.get(name))))
            .filter(|(_, before, after)| before != after)
            .map(|(name, before, after)| format!("{name} (cordoned, taints) was {before:?}, is {after:?}"))
            .collect()
    }

    /// The pods on the pod network.
    pub(crate) fn on_pod_network(&self) -> impl Iterator<Item = &PodState> {
        self.pods.values().filter(|pod| pod.on_pod_network)
    }
}

fn node_state(node: &Node) -> (String, NodeState) {
    let spec = node.spec.clone().unwrap_or_default();
    let taints = spec.taints.unwrap_or_default().iter().map(|t| format!("{}:{}", t.key, t.effect)).collect();
    let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    let state = NodeState {
        cordoned: spec.unschedulable.unwrap_or_default(),
        taints,
        boot_id: info.map(|info| info.boot_id.clone()).unwrap_or_default(),
    };
    (node.metadata.name.clone().unwrap_or_default(), state)
}

fn pod_state(pod: &Pod) -> (String, PodState) {
    let state = PodState {
        name: workload::pod_name(pod),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
        address: pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap_or_default(),
        on_pod_network: workload::pod_is_on_pod_network(pod),
        restarts: workload::restarts(pod),
    };
    (pod.metadata.uid.clone().unwrap_or_default(), state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, on_pod_network: bool, restarts: i32) -> PodState {
        PodState { name: name.into(), node: "n1".into(), address: String::new(), on_pod_network, restarts }
    }

    fn snapshot(cordoned: bool, pods: &[(&str, PodState)]) -> Snapshot {
        let node = NodeState { cordoned, taints: vec![], boot_id: String::new() };
        let pods = pods.iter().map(|(uid, pod)| ((*uid).to_owned(), pod.clone())).collect();
        Snapshot { nodes: [("n1".to_owned(), node)].into(), pods }
    }

    #[test]
    fn host_network_pods_must_stay_the_same_and_pod_network_pods_may_be_others() {
        let before = snapshot(
            false,
            &[
                ("1", pod("shop/hostagent-a", false, 0)),
                ("2", pod("kube-system/kube-proxy-a", false, 1)),
                ("3", pod("kube-flannel/kube-flannel-ds-a", false, 0)),
                ("4", pod("shop/web-a", true, 0)),
            ],
        );
        let after = snapshot(false, &[("2", pod("kube-system/kube-proxy-a", false, 2))]);
        assert_eq!(
            before.disturbed(&after, |_| true),
            ["shop/hostagent-a on n1 is another pod", "kube-system/kube-proxy-a on n1 restarted 2 times"]
        );
        assert!(before.disturbed(&after, |node| node != "n1").is_empty());
        assert!(before.disturbed(&before, |_| true).is_empty());
    }

    #[test]
    fn a_node_left_cordoned_is_named() {
        let (before, after) = (snapshot(false, &[]), snapshot(true, &[]));
        assert!(before.cordons_changed(&before).is_empty());
        let changed = after.cordons_changed(&before);
        assert_eq!(changed, ["n1 (cordoned, taints) was Some((false, [])), is Some((true, []))"]);
    }
}
