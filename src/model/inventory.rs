//! What belongs to the old CNI: taken once at detection, and the only things that a clean-up may delete.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// An API object that belongs to the source CNI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// `apiVersion`, such as `apps/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Plural resource name for the URL, such as `daemonsets`.
    pub resource: String,
    /// Namespace; `None` for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// UID at detection: an object re-created under the name is not ours. Empty until it was seen.
    pub uid: String,
}

impl ObjectRef {
    /// The namespace of that name, not seen yet.
    pub fn namespace(name: &str) -> Self {
        Self {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            resource: "namespaces".to_owned(),
            namespace: None,
            name: name.to_owned(),
            uid: String::new(),
        }
    }

    /// URL path of the object.
    pub fn path(&self) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        let namespace = self.namespace.as_ref().map_or_else(String::new, |n| format!("/namespaces/{n}"));
        format!("/{root}/{}{namespace}/{}/{}", self.api_version, self.resource, self.name)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What the source CNI leaves on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeResidue {
    /// Network links, such as `flannel.1`.
    pub links: Vec<String>,
    /// Bridges that pods hang on, such as `cni0`: they may only go once no pod of the node needs them.
    pub bridges: Vec<String>,
    /// iptables chains (either flavour) that belong to it alone, as `table/CHAIN`.
    pub chains: Vec<(String, String)>,
    /// Its pod networks: rules without a comment are recognised by them.
    pub networks: Vec<IpNet>,
    /// Comments by which its rules in shared chains are known, such as `flanneld masq`.
    pub rule_comments: Vec<String>,
    /// nftables tables as family and name, such as `ip` and `flannel-ipv4`.
    pub nft_tables: Vec<(String, String)>,
    /// File names in the CNI configuration directory.
    pub cni_files: Vec<String>,
    /// Files and folders elsewhere on the node, absolute; a trailing `*` matches the rest of a file name.
    pub paths: Vec<String>,
    /// Node annotations.
    pub annotations: Vec<String>,
    /// Its routes to the pods of each node that do not go with a link. Journals from before they were noted have
    /// none: then such routes are reported and left alone.
    #[serde(default)]
    pub routes: Vec<PodRoute>,
}

/// The source's route to the pods of one node, as every other node has it. The node itself cannot have it: the
/// kernel refuses a gateway that is its own address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRoute {
    /// The node's pod range.
    pub dst: IpNet,
    /// The node's address, as the source announced it.
    pub gateway: IpAddr,
}

/// Everything of the source CNI in this cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// Id of the source, such as `flannel`.
    pub source: String,
    /// API objects, in the order of deletion.
    pub objects: Vec<ObjectRef>,
    /// Its own namespace: deleted after `objects`, and only when nothing of anybody else lives in it
    /// ([`crate::source::lives_in_any_namespace`] says what does not count).
    pub namespace: Option<ObjectRef>,
    /// Who owns the objects and would bring them back, and what to do there first; `None`: nobody that is known.
    pub owner_advice: Option<String>,
    /// What to look for on each node.
    pub residue: NodeResidue,
}
