//! Reader of nodes.

use serde::Deserialize;

use super::intern::Interner;
use super::object::{Map, Object};
use crate::error::{Error, Result};
use crate::kube::{Reader, Selection};
use crate::model::{Condition, Node, Shared, Taint};

/// Prefixes of the annotations that are kept.
const ANNOTATIONS: &[&str] =
    &["flannel.alpha.coreos.com/", "projectcalico.org/", "cni-migrate.dev/", "network.cilium.io/"];

type Wire = Object<Spec, Status, Map, Map>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    unschedulable: bool,
    #[serde(default, rename = "providerID")]
    provider_id: String,
    #[serde(default, rename = "podCIDRs")]
    pod_cidrs: Vec<ipnet::IpNet>,
    #[serde(default)]
    taints: Vec<WireTaint>,
}

#[derive(Deserialize)]
struct WireTaint {
    key: String,
    effect: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    addresses: Vec<Address>,
    #[serde(default)]
    conditions: Vec<WireCondition>,
    #[serde(default)]
    node_info: Info,
    #[serde(default)]
    capacity: Map,
}

#[derive(Deserialize)]
struct Address {
    #[serde(rename = "type")]
    kind: String,
    address: String,
}

#[derive(Deserialize)]
struct WireCondition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    #[serde(default, rename = "bootID")]
    boot_id: String,
    #[serde(default)]
    kernel_version: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    kubelet_version: String,
    #[serde(default)]
    operating_system: String,
    #[serde(default)]
    os_image: String,
}

/// All nodes by name.
pub(super) async fn all(reader: &Reader, strings: &mut Interner) -> Result<Vec<Node>> {
    let wires = reader.list::<Wire>("/api/v1/nodes", &Selection::default()).await?;
    Ok(in_order(wires, strings))
}

/// Some nodes by name; those that do not exist are left out.
pub(super) async fn named(reader: &Reader, strings: &mut Interner, names: &[&str]) -> Result<Vec<Node>> {
    let mut wires = Vec::new();
    for name in names {
        wires.extend(reader.list::<Wire>("/api/v1/nodes", &Selection::named(name)).await?);
    }
    Ok(in_order(wires, strings))
}

fn in_order(wires: Vec<Wire>, strings: &mut Interner) -> Vec<Node> {
    let mut nodes: Vec<Node> = wires.into_iter().map(|wire| convert(wire, strings)).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

/// The names of all nodes.
///
/// # Errors
/// Where they cannot be listed.
pub async fn names(reader: &Reader) -> Result<Vec<String>> {
    let nodes: Vec<Object> = reader.list("/api/v1/nodes", &Selection::default()).await?;
    Ok(nodes.into_iter().map(|node| node.metadata.name).collect())
}

/// One node.
pub(super) async fn one(reader: &Reader, strings: &mut Interner, name: &str) -> Result<Node> {
    let wire: Option<Wire> = reader.get(&format!("/api/v1/nodes/{name}")).await?;
    let wire = wire.ok_or_else(|| {
        Error::failed(format!("node {name} does not exist")).hint("nodes are listed by: kubectl get nodes")
    })?;
    Ok(convert(wire, strings))
}

fn convert(wire: Wire, strings: &mut Interner) -> Node {
    let Wire { metadata, spec, status } = wire;
    let kept = |key: &str| ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix));
    let annotations = metadata.annotations.into_iter().filter(|(key, _)| kept(key)).collect();
    let mut share = |text: &str| -> Shared { strings.get(text) };
    Node {
        name: share(&metadata.name),
        uid: share(&metadata.uid),
        unschedulable: spec.unschedulable,
        taints: spec.taints.iter().map(|t| Taint { key: share(&t.key), effect: share(&t.effect) }).collect(),
        conditions: status
            .conditions
            .iter()
            .map(|c| Condition { kind: share(&c.kind), status: share(&c.status), reason: share(&c.reason) })
            .collect(),
        boot_id: share(&status.node_info.boot_id),
        kernel: share(&status.node_info.kernel_version),
        architecture: share(&status.node_info.architecture),
        kubelet_version: share(&status.node_info.kubelet_version),
        os: share(&status.node_info.operating_system),
        os_image: share(&status.node_info.os_image),
        provider: share(spec.provider_id.split_once("://").map_or("", |(scheme, _)| scheme)),
        pod_cidrs: spec.pod_cidrs,
        internal_ips: addresses(&status, "InternalIP"),
        external_ips: addresses(&status, "ExternalIP"),
        max_pods: status.capacity.get("pods").and_then(|n| n.parse().ok()).unwrap_or(0),
        labels: strings.map(&metadata.labels),
        annotations: strings.map(&annotations),
    }
}

fn addresses(status: &Status, kind: &str) -> Vec<std::net::IpAddr> {
    let of_kind = status.addresses.iter().filter(|address| address.kind == kind);
    of_kind.filter_map(|address| address.address.parse().ok()).collect()
}
