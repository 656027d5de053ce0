//! In which order nodes are migrated.

use crate::model::Snapshot;

/// Names of the nodes that are not migrated yet: workers before the control plane (the Cilium guide advises
/// against beginning with a control-plane node), those begun already first, else by name.
pub fn nodes_in_order(snapshot: &Snapshot) -> Vec<String> {
    let mut nodes: Vec<_> = snapshot.nodes.iter().filter(|n| n.phase() != Some("Migrated")).collect();
    nodes.sort_by_key(|n| (n.phase().is_none(), n.is_control_plane(), n.name.clone()));
    nodes.into_iter().map(|n| n.name.to_string()).collect()
}
