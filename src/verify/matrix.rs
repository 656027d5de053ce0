//! The probe matrix: which paths must answer, from what is known of the nodes. Pure.
//!
//! A node is proven by paths in both directions with one migrated and one unmigrated peer, not by a full mesh:
//! that grows with the square of the nodes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::agent::{PORT, Target, TargetKind};
use crate::model::Node;

/// Which CNI gives new pods of a node their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The source CNI.
    Old,
    /// Cilium.
    New,
}

impl Side {
    /// The side of a node, by its label.
    pub fn of(node: &Node) -> Self {
        if node.is_labelled() { Self::New } else { Self::Old }
    }
}

/// A node that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Node name.
    pub node: String,
    /// Its side.
    pub side: Side,
    /// Its InternalIP.
    pub node_ip: IpAddr,
    /// Address of its probe server's pod.
    pub server: IpAddr,
}

/// Addresses that every cluster has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Cluster address and port of the probe Service.
    pub service: String,
    /// Address and port of the API server's Service.
    pub api: String,
}

/// One client pod: where it runs and what it must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Node name.
    pub node: String,
    /// Whether it is on the host's network (node to pod) or on the pod network.
    pub host: bool,
    /// What it must reach.
    pub targets: Vec<Target>,
}

/// Members that take part in proving `subject`: itself, one peer of each side, and two old ones where there are.
pub(crate) fn participants<'a, N: AsRef<str>>(subject: &str, nodes: &'a [(N, Side)]) -> Vec<&'a (N, Side)> {
    let at = nodes.iter().position(|(name, _)| name.as_ref() == subject).unwrap_or(0);
    let ring = || nodes.iter().cycle().skip(at + 1).take(nodes.len().saturating_sub(1));
    let mut chosen: Vec<_> = nodes.iter().filter(|(name, _)| name.as_ref() == subject).collect();
    chosen.extend(ring().find(|(_, side)| *side == Side::New));
    chosen.extend(ring().filter(|(_, side)| *side == Side::Old).take(2));
    chosen
}

/// The paths that must answer to prove `subject`.
pub fn expected(subject: &str, members: &[Member], shared: &Shared) -> Vec<Client> {
    let mut clients: BTreeMap<(String, bool), Vec<Target>> = BTreeMap::new();
    let mut add = |from: &Member, host: bool, target: Target| {
        clients.entry((from.node.clone(), host)).or_default().push(target);
    };
    for from in members {
        for to in members {
            let concerns_subject = from.node == subject || to.node == subject;
            let both_old = from.side == Side::Old && to.side == Side::Old;
            if !concerns_subject && !both_old {
                continue;
            }
            add(from, false, pod_path(from, to));
            if from.node != to.node {
                add(from, true, node_to_pod(from, to));
                add(from, false, pod_to_node(from, to));
            }
        }
        add(from, false, common("service", from, &shared.service, TargetKind::Tcp, ""));
        add(from, false, common("api", from, &shared.api, TargetKind::Tcp, ""));
        add(from, false, common("dns", from, "", TargetKind::Dns, "kubernetes.default.svc.cluster.local"));
    }
    clients.into_iter().map(|((node, host), targets)| Client { node, host, targets }).collect()
}

fn pod_path(from: &Member, to: &Member) -> Target {
    let class = match (from.node == to.node, from.side, to.side) {
        (true, ..) => "same-node",
        (_, Side::Old, Side::Old) => "old-old",
        (_, Side::Old, Side::New) => "old-new",
        (_, Side::New, Side::Old) => "new-old",
        (_, Side::New, Side::New) => "new-new",
    };
    Target {
        id: format!("{class} {} -> {}", from.node, to.node),
        kind: TargetKind::Tcp,
        address: std::net::SocketAddr::new(to.server, PORT).to_string(),
        name: to.node.clone(),
    }
}

fn node_to_pod(from: &Member, to: &Member) -> Target {
    Target { id: format!("node-pod {} -> {}", from.node, to.node), ..pod_path(from, to) }
}

/// Every kubelet listens on 10250 (KubeletConfiguration `port`).
fn pod_to_node(from: &Member, to: &Member) -> Target {
    Target {
        id: format!("pod-node {} -> {}", from.node, to.node),
        kind: TargetKind::Tcp,
        address: std::net::SocketAddr::new(to.node_ip, 10250).to_string(),
        name: String::new(),
    }
}

fn common(class: &str, from: &Member, address: &str, kind: TargetKind, name: &str) -> Target {
    Target { id: format!("{class} {}", from.node), kind, address: address.to_owned(), name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(node: &str, side: Side, last: u8) -> Member {
        Member {
            node: node.into(),
            side,
            node_ip: [172, 30, 0, last].into(),
            server: [10, 0, last, 9].into(),
        }
    }

    fn ids(clients: &[Client]) -> Vec<String> {
        let mut ids: Vec<_> = clients.iter().flat_map(|c| &c.targets).map(|t| t.id.clone()).collect();
        ids.sort();
        ids
    }

    #[test]
    fn a_node_in_the_middle_is_proven_in_both_directions_with_both_sides() {
        let members = [member("n1", Side::Old, 1), member("n2", Side::New, 2), member("n3", Side::New, 3)];
        let shared = Shared { service: "10.96.0.9:9472".into(), api: "10.96.0.1:443".into() };
        let clients = expected("n2", &members, &shared);
        let ids = ids(&clients);
        for wanted in [
            "same-node n2 -> n2",
            "new-old n2 -> n1",
            "old-new n1 -> n2",
            "new-new n2 -> n3",
            "new-new n3 -> n2",
            "node-pod n1 -> n2",
            "pod-node n2 -> n1",
            "service n2",
            "dns n2",
            "api n2",
            "service n1",
        ] {
            assert!(ids.iter().any(|id| id == wanted), "{wanted} is missing in {ids:?}");
        }
        assert!(!ids.iter().any(|id| id == "new-old n3 -> n1"), "does not concern n2");
        let mut unique = ids.clone();
        unique.dedup();
        assert_eq!(unique, ids);
    }

    #[test]
    fn participants_are_the_subject_and_peers_of_both_sides() {
        let nodes: Vec<_> =
            [("a", Side::New), ("b", Side::Old), ("c", Side::New), ("d", Side::Old), ("e", Side::Old)]
                .map(|(n, s)| (n.to_owned(), s))
                .into();
        let names: Vec<_> = participants("c", &nodes).into_iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["c", "a", "d", "e"]);
        let alone = [("a".to_owned(), Side::New)];
        assert_eq!(participants("a", &alone).len(), 1);
    }
}
