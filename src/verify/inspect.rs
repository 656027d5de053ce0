//! What each node must show besides its pods: CNI directory, agent options, taints, conditions. Pure.

use serde::Serialize;

use crate::model::{AgentView, Node, Read, Snapshot};
use crate::target::CNI_FILE;

/// What was found about a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFinding {
    /// Name.
    pub node: String,
    /// `cilium` or `source`: which CNI should give addresses to new pods.
    pub side: &'static str,
    /// First configuration file of its CNI directory, Multus' own aside.
    pub first_file: String,
    /// What is not as it should be.
    pub problems: Vec<String>,
    /// What is worth knowing and no fault.
    pub notes: Vec<String>,
}

/// Inspects every node.
pub fn inspect(snapshot: &Snapshot) -> Vec<NodeFinding> {
    snapshot.nodes.iter().map(|node| inspect_node(node, snapshot)).collect()
}

fn inspect_node(node: &Node, snapshot: &Snapshot) -> NodeFinding {
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    if !node.is_ready() {
        problems.push("the node is not Ready".to_owned());
    }
    for taint in &node.taints {
        if taint.key.starts_with("node.cilium.io/") || &*taint.key == "node.kubernetes.io/network-unavailable"
        {
            problems.push(format!("taint {}:{}", taint.key, taint.effect));
        }
    }
    if let Some(condition) = node.condition("NetworkUnavailable").filter(|c| &*c.status == "True") {
        problems.push(format!("condition NetworkUnavailable is True ({})", condition.reason));
    }
    let installed = !snapshot.cilium.nodes.is_empty();
    let first_file = match snapshot.agent_views.get(&node.name) {
        Some(Read::Known(view)) => {
            problems.extend(disagreement(node, view));
            notes.extend(view.multus_file().map(|file| {
                format!("{file} is taken first: Multus hands pods on; their addresses prove to which CNI")
            }));
            view.first_cni_file().unwrap_or("none").to_owned()
        }
        // Without an agent there is no eye on the node; before the install that is no fault.
        Some(Read::Unknown(why)) if installed => {
            problems.push(why.clone());
            "unknown".into()
        }
        _ => "unknown".into(),
    };
    let side = if node.is_labelled() { "cilium" } else { "source" };
    NodeFinding { node: node.name.to_string(), side, first_file, problems, notes }
}

fn disagreement(node: &Node, view: &AgentView) -> Option<String> {
    let is_ciliums = view.first_cni_file() == Some(CNI_FILE);
    let manages = view.config.get("custom-cni-conf").is_some_and(|v| v == "false");
    match (node.is_labelled(), is_ciliums, manages) {
        (true, false, _) => Some(format!("is labelled for Cilium, but {CNI_FILE} is not first")),
        (true, _, false) => Some("is labelled for Cilium, but its agent was not restarted since".into()),
        (false, true, _) => Some(format!("is not labelled for Cilium, but {CNI_FILE} is first")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixtures::{flannel, map};
    use crate::model::MIGRATION_LABEL;

    /// The finding on a switched node with these CNI files.
    fn switched(files: &[&str]) -> NodeFinding {
        let mut snapshot = flannel();
        snapshot.nodes[0].labels = map(&[(MIGRATION_LABEL, "true")]);
        let view = AgentView {
            cni_files: files.iter().map(|file| (*file).to_owned()).collect(),
            config: [("custom-cni-conf".to_owned(), "false".to_owned())].into(),
        };
        snapshot.agent_views.insert(snapshot.nodes[0].name.clone(), Read::Known(view));
        inspect(&snapshot).remove(0)
    }

    #[test]
    fn multus_before_ciliums_file_is_a_note_and_another_cni_a_problem() {
        let multus = switched(&["00-multus.conf", "05-cilium.conflist", "10-flannel.conflist"]);
        assert_eq!((multus.first_file.as_str(), multus.problems.len()), (CNI_FILE, 0), "{multus:?}");
        assert!(multus.notes[0].starts_with("00-multus.conf is taken first"), "{multus:?}");
        let other = switched(&["00-multus.conf", "00-other.conf", "05-cilium.conflist"]);
        assert_eq!(other.problems, ["is labelled for Cilium, but 05-cilium.conflist is not first"]);
        assert_eq!(switched(&["05-cilium.conflist"]).notes, Vec::<String>::new());
    }
}
