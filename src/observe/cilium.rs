//! Readers of Cilium's custom resources; a cluster without its CRDs simply has none.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::discovery::{Groups, Resources};
use super::intern::Interner;
use super::object::Object;
use super::pods::addresses;
use super::policy::{WireSelector, selector};
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::{CiliumEndpoint, CiliumNode, CiliumNodeConfig, CiliumState, Pod};

const GROUP: &str = "cilium.io";

type WireNode = Object<NodeSpec, NodeStatus>;
type WireEndpoint = Object<IgnoredAny, EndpointStatus>;
type WireConfig = Object<ConfigSpec>;

#[derive(Default, Deserialize)]
struct NodeSpec {
    #[serde(default)]
    ipam: NodeIpam,
    #[serde(default)]
    addresses: Vec<NodeAddress>,
}

#[derive(Default, Deserialize)]
struct NodeIpam {
    #[serde(default, rename = "podCIDRs")]
    pod_cidrs: Vec<IpNet>,
}

#[derive(Deserialize)]
struct NodeAddress {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    ip: String,
}

#[derive(Default, Deserialize)]
struct NodeStatus {
    #[serde(default)]
    ipam: StatusIpam,
}

#[derive(Default, Deserialize)]
struct StatusIpam {
    #[serde(default, rename = "operator-status")]
    operator: OperatorStatus,
}

#[derive(Default, Deserialize)]
struct OperatorStatus {
    error: Option<String>,
}

#[derive(Default, Deserialize)]
struct EndpointStatus {
    #[serde(default)]
    networking: Networking,
    #[serde(default)]
    state: String,
}

#[derive(Default, Deserialize)]
struct Networking {
    #[serde(default)]
    addressing: Vec<Addressing>,
}

#[derive(Default, Deserialize)]
struct Addressing {
    #[serde(default)]
    ipv4: String,
    #[serde(default)]
    ipv6: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigSpec {
    node_selector: Option<WireSelector>,
    #[serde(default)]
    defaults: BTreeMap<String, String>,
}

/// Versions by their paths, with the plural names of what each serves.
type Served = Vec<(String, Vec<String>)>;

/// The plural names of what is read of the group.
const NODES: &str = "ciliumnodes";
const ENDPOINTS: &str = "ciliumendpoints";
const NODE_CONFIGS: &str = "ciliumnodeconfigs";

/// Everything of the group `cilium.io` that decisions depend on.
pub(super) async fn state(reader: &Reader, strings: &mut Interner) -> Result<CiliumState> {
    let mut state = CiliumState::default();
    let served = served(reader).await?;
    for (_, names) in &served {
        state.crds.extend(names.iter().filter(|name| !name.contains('/')).cloned());
    }
    if let Some(path) = path_of(&served, NODE_CONFIGS) {
        state.node_config_version = api_version(path);
        state.node_configs = node_configs(reader, strings, path).await?;
    }
    if let Some(path) = path_of(&served, NODES) {
        state.nodes = nodes(reader, strings, path, &Selection::default()).await?;
    }
    if let Some(path) = path_of(&served, ENDPOINTS) {
        let all = format!("{path}/{ENDPOINTS}");
        endpoints(reader, strings, &all, &Selection::default(), &mut state.endpoints).await?;
    }
    state.endpoints.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    state.crds.sort();
    state.crds.dedup();
    Ok(state)
}

/// What says of one node and these pods of it whether they are on Cilium: its block, and their endpoints. Each is read by
/// name: with thousands of nodes the lists of all would be read for each of them.
pub(super) async fn of_node(
    reader: &Reader,
    group: &Group,
    strings: &mut Interner,
    node: &str,
    pods: &[Pod],
) -> Result<CiliumState> {
    let mut state = CiliumState::default();
    let served = group.of_nodes(reader).await?;
    if let Some(path) = path_of(&served, NODES) {
        state.nodes = nodes(reader, strings, path, &Selection::named(node)).await?;
    }
    let blocks: Vec<IpNet> = state.nodes.iter().flat_map(|n| n.pod_cidrs.iter().copied()).collect();
    let in_block = |pod: &&Pod| pod.ips.first().is_some_and(|ip| blocks.iter().any(|b| b.contains(ip)));
    if let Some(path) = path_of(&served, ENDPOINTS) {
        for pod in pods.iter().filter(|p| p.on_pod_network()).filter(in_block) {
            let place = format!("{path}/namespaces/{}/{ENDPOINTS}", pod.namespace);
            endpoints(reader, strings, &place, &Selection::named(&pod.name), &mut state.endpoints).await?;
        }
    }
    state.endpoints.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(state)
}

/// The blocks of all nodes, and nothing else.
pub(super) async fn blocks(reader: &Reader, strings: &mut Interner) -> Result<CiliumState> {
    let mut state = CiliumState::default();
    if let Some(path) = path_of(&served(reader).await?, NODES) {
        state.nodes = nodes(reader, strings, path, &Selection::default()).await?;
    }
    Ok(state)
}

/// The blocks of some nodes, and nothing else.
pub(super) async fn some_blocks(
    reader: &Reader,
    strings: &mut Interner,
    names: &[&str],
) -> Result<CiliumState> {
    let mut state = CiliumState::default();
    if let Some(path) = path_of(&served(reader).await?, NODES) {
        for name in names {
            state.nodes.extend(nodes(reader, strings, path, &Selection::named(name)).await?);
        }
    }
    state.nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(state)
}

/// `apiVersion` under which CiliumNodeConfig is served; `None` where it is not.
pub(super) async fn node_config_version(reader: &Reader) -> Result<Option<String>> {
    let served = served(reader).await?;
    Ok(path_of(&served, NODE_CONFIGS).and_then(api_version))
}

fn api_version(path: &str) -> Option<String> {
    path.strip_prefix("/apis/").map(str::to_owned)
}

/// What of the group is served, once nodes and endpoints are: it is asked for each node again and again, and definitions
/// that were there stay.
#[derive(Clone, Debug, Default)]
pub(super) struct Group(Arc<OnceLock<Served>>);

impl Group {
    async fn of_nodes(&self, reader: &Reader) -> Result<Served> {
        if let Some(known) = self.0.get() {
            return Ok(known.clone());
        }
        let served = served(reader).await?;
        if [NODES, ENDPOINTS].iter().all(|resource| path_of(&served, resource).is_some()) {
            return Ok(self.0.get_or_init(|| served).clone());
        }
        Ok(served)
    }
}

/// The group's versions by their paths, the preferred one first as the API server lists them, with what they serve.
async fn served(reader: &Reader) -> Result<Served> {
    let groups: Groups = reader.must_get("/apis").await?;
    let mut all = Vec::new();
    for version in groups.groups.iter().filter(|g| g.name == GROUP).flat_map(|g| &g.versions) {
        let path = format!("/apis/{GROUP}/{}", version.version);
        let served: Resources = reader.must_get(&path).await?;
        all.push((path, served.resources.into_iter().map(|r| r.name).collect()));
    }
    Ok(all)
}

fn path_of<'s>(served: &'s [(String, Vec<String>)], resource: &str) -> Option<&'s str> {
    served.iter().find(|(_, names)| names.iter().any(|name| name == resource)).map(|(path, _)| path.as_str())
}

async fn nodes(
    reader: &Reader,
    strings: &mut Interner,
    group: &str,
    which: &Selection,
) -> Result<Vec<CiliumNode>> {
    let wires: Vec<WireNode> = reader.list(&format!("{group}/{NODES}"), which).await?;
    let mut convert = |wire: WireNode| CiliumNode {
        name: strings.get(&wire.metadata.name),
        pod_cidrs: wire.spec.ipam.pod_cidrs,
        internal_ips: wire
            .spec
            .addresses
            .iter()
            .filter(|a| a.kind == "CiliumInternalIP")
            .filter_map(|a| a.ip.parse().ok())
            .collect(),
        error: wire.status.ipam.operator.error.filter(|e| !e.is_empty()),
    };
    let mut nodes: Vec<CiliumNode> = wires.into_iter().map(&mut convert).collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(nodes)
}

/// Adds the endpoints of a list.
async fn endpoints(
    reader: &Reader,
    strings: &mut Interner,
    path: &str,
    which: &Selection,
    found: &mut Vec<CiliumEndpoint>,
) -> Result<()> {
    let mut state = (Vec::new(), strings);
    reader
        .each::<WireEndpoint, _>(
            path,
            which,
            &mut state,
            |(all, _)| all.clear(),
            |(all, strings), wire| {
                let addressing = &wire.status.networking.addressing;
                let owners = &wire.metadata.owner_references;
                all.push(CiliumEndpoint {
                    namespace: strings.get(&wire.metadata.namespace),
                    pod_uid: owners.iter().find(|o| o.kind == "Pod").map(|o| o.uid.as_str().into()),
                    ips: addresses(addressing.iter().flat_map(|a| [a.ipv4.as_str(), a.ipv6.as_str()])),
                    state: strings.get(&wire.status.state),
                    name: wire.metadata.name.into(),
                });
            },
        )
        .await?;
    found.extend(state.0);
    Ok(())
}

async fn node_configs(reader: &Reader, strings: &mut Interner, group: &str) -> Result<Vec<CiliumNodeConfig>> {
    let wires: Vec<WireConfig> =
        reader.list(&format!("{group}/{NODE_CONFIGS}"), &Selection::default()).await?;
    Ok(wires
        .into_iter()
        .map(|wire| CiliumNodeConfig {
            namespace: strings.get(&wire.metadata.namespace),
            name: strings.get(&wire.metadata.name),
            selector: wire.spec.node_selector.and_then(|s| selector(s, strings)),
            defaults: wire.spec.defaults,
        })
        .collect())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CrdStatus {
    #[serde(default)]
    stored_versions: Vec<String>,
}

/// The versions in which CiliumNodeConfigs may be stored; none where there is no such CRD.
pub(super) async fn node_config_stored(reader: &Reader) -> Result<Vec<String>> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/ciliumnodeconfigs.cilium.io";
    let crd: Option<Object<IgnoredAny, CrdStatus>> = reader.get(path).await?;
    Ok(crd.map(|crd| crd.status.stored_versions).unwrap_or_default())
}
