//! Where a pod may run, on the wire: only whether it is bound to nodes by name is kept.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Label with the node's own name (well-known labels of Kubernetes).
const HOSTNAME: &str = "kubernetes.io/hostname";
/// The only field that node affinity can match (core/v1 NodeSelectorTerm).
const NAME_FIELD: &str = "metadata.name";

/// A nodeSelector.
#[derive(Default, Deserialize)]
pub(super) struct Hostname {
    #[serde(rename = "kubernetes.io/hostname")]
    name: Option<IgnoredAny>,
}

impl Hostname {
    /// Whether it names a node.
    pub(super) fn is_named(&self) -> bool {
        self.name.is_some()
    }
}

/// An affinity; preferences and affinity to pods are not about names of nodes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Affinity {
    #[serde(default)]
    node_affinity: NodeAffinity,
}

#[derive(Default, Deserialize)]
struct NodeAffinity {
    #[serde(default, rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    required: Required,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Required {
    #[serde(default)]
    node_selector_terms: Vec<Term>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    #[serde(default)]
    match_expressions: Vec<Match>,
    #[serde(default)]
    match_fields: Vec<Match>,
}

#[derive(Deserialize)]
struct Match {
    key: String,
    operator: String,
}

impl Affinity {
    /// Whether every alternative names nodes: terms are alternatives of each other.
    pub(super) fn names_nodes(&self) -> bool {
        let terms = &self.node_affinity.required.node_selector_terms;
        let names = |matches: &[Match], key: &str| matches.iter().any(|m| m.key == key && m.operator == "In");
        !terms.is_empty()
            && terms
                .iter()
                .all(|term| names(&term.match_expressions, HOSTNAME) || names(&term.match_fields, NAME_FIELD))
    }
}
