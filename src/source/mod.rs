//! The CNI that a cluster comes from: how it is recognised, what its parameters are, and what it leaves behind.
//!
//! One folder per CNI and one line in [`SOURCES`]; everything here decides from a [`Snapshot`] and asks nothing.

mod detect;
mod facts;
mod flannel;
mod iptables;
mod others;
mod residue;
mod routing;
#[cfg(test)]
mod tests;

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{Inventory, ObjectRef, Snapshot};

pub use detect::{Claim, Detection, detect};
pub use facts::{Family, Flavour, NodeFacts, Route, RuleDump, lines, link_names, nft_tables, routes};
pub(crate) use others::support;
pub use residue::{Leftover, scan};

/// Every CNI that can be migrated from.
pub static SOURCES: &[&dyn SourceCni] = &[&flannel::Flannel];

/// A CNI that can be migrated from.
pub trait SourceCni: fmt::Debug + Sync {
    /// Short name, such as `flannel`.
    fn id(&self) -> &'static str;

    /// API objects worth looking for, without UIDs; DaemonSets are observed anyway.
    fn candidates(&self) -> Vec<ObjectRef>;

    /// ConfigMaps worth reading, as namespace (`*`: any) and name.
    fn configs(&self) -> &'static [(&'static str, &'static str)];

    /// What speaks for this CNI; empty where nothing does.
    fn evidence(&self, snapshot: &Snapshot) -> Vec<Evidence>;

    /// The parameters of its pod network.
    ///
    /// # Errors
    /// Everything in its configuration that is missing or was not understood.
    fn parameters(&self, snapshot: &Snapshot) -> Result<Parameters, Vec<Problem>>;

    /// What belongs to it in this cluster: exactly the objects that were seen, in the order of deletion, and what
    /// a network of its parameters leaves on these nodes.
    fn inventory(&self, snapshot: &Snapshot) -> Inventory;

    /// Links that carry a network of those parameters between nodes.
    fn links(&self, parameters: &Parameters) -> Vec<String>;
}

/// Where a piece of evidence comes from; kinds are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum EvidenceKind {
    /// A DaemonSet runs the CNI.
    DaemonSet,
    /// A ConfigMap holds its configuration.
    ConfigMap,
    /// Nodes carry its annotations.
    NodeAnnotation,
    /// Pods have addresses of the network that it claims, or just not.
    PodAddress,
}

/// One observation that speaks for a CNI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it comes from.
    pub kind: EvidenceKind,
    /// The object or objects, such as `DaemonSet kube-flannel/kube-flannel-ds`.
    pub object: String,
    /// What it says, as a predicate: `runs ghcr.io/flannel-io/flannel:v0.28.9`.
    pub says: String,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.object, self.says)
    }
}

/// A source's pod network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// How packets travel between nodes, in the CNI's own words: `vxlan`, `host-gw`, `wireguard`, `udp`, `ipip`.
    pub backend: String,
    /// UDP port of the overlay; `None` where the backend has none.
    pub port: Option<u16>,
    /// VXLAN network identifier.
    pub vni: Option<u32>,
    /// Pod networks of the whole cluster.
    pub networks: Vec<IpNet>,
    /// MTU in bytes, where it is configured; else it follows the node's interface.
    pub mtu: Option<u32>,
    /// Whether nodes have routes to each other's pods past the overlay: always with `host-gw`, with `DirectRouting`
    /// between nodes of one segment.
    pub direct_routes: bool,
    /// Whether rules are written through nftables rather than iptables.
    pub nftables: bool,
    /// Name of the network in the CNI configuration file: names its folder below `/var/lib/cni/networks`.
    pub cni_name: String,
    /// The bridge that pods hang on.
    pub bridge: String,
    /// How it was installed, in words.
    pub layout: String,
    /// Its version, where the image says it.
    pub version: Option<String>,
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.backend)?;
        self.networks.iter().try_for_each(|network| write!(f, " · {network}"))?;
        self.port.map_or(Ok(()), |port| write!(f, " · udp {port}"))
    }
}

/// Something in a CNI's configuration that is missing or was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{object}: {message}")]
pub struct Problem {
    /// The object that it is in, such as `ConfigMap kube-flannel/kube-flannel-cfg`.
    pub object: String,
    /// What was found and what was expected.
    pub message: String,
}

/// Whether an object lives in every namespace by itself, so that it keeps no namespace alive.
///
/// Before a clean-up deletes [`Inventory::namespace`] it lists every namespaced resource that discovery names in
/// that namespace; one object for which this says no, and the namespace stays. The root certificate and the
/// default ServiceAccount are made by controllers in each namespace (KEP-1205), events are history.
pub fn lives_in_any_namespace(kind: &str, name: &str) -> bool {
    // What `rbac` prints for this namespace goes with it.
    let ours = matches!(kind, "Role" | "RoleBinding") && name.starts_with("cni-migrate");
    let made = matches!((kind, name), ("ConfigMap", "kube-root-ca.crt") | ("ServiceAccount", "default"));
    ours || made || kind == "Event"
}

/// Up to three names, and how many more there are.
pub(crate) fn some<T: fmt::Display>(names: &[T]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
