//! In which order nodes are migrated.

use std::net::IpAddr;

use super::build::is_access;
use crate::model::Snapshot;

/// Names of the nodes that are not migrated yet: those begun already first, workers before the control plane (the
/// Cilium guide advises against beginning with a control-plane node), the node that the API server is reached through
/// (`access`) last, else by name.
pub fn nodes_in_order(snapshot: &Snapshot, access: Option<IpAddr>) -> Vec<String> {
    let mut nodes: Vec<_> = snapshot.nodes.iter().filter(|n| n.phase() != Some("Migrated")).collect();
    nodes.sort_by_key(|n| (n.phase().is_none(), is_access(n, access), n.is_control_plane(), n.name.clone()));
    nodes.into_iter().map(|n| n.name.to_string()).collect()
}
