//! Readers of Cilium's custom resources; a cluster without its CRDs simply has none.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::discovery::{Groups, Resources};
use super::intern::Interner;
use super::object::Object;
use super::policy::{WireSelector, selector};
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::{CiliumEndpoint, CiliumNode, CiliumNodeConfig, CiliumState};

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

/// Everything of the group `cilium.io` that decisions depend on.
pub(super) async fn state(reader: &Reader, strings: &mut Interner) -> Result<CiliumState> {
    let groups: Groups = reader.must_get("/apis").await?;
    let Some(group) = groups.groups.iter().find(|g| g.name == GROUP) else {
        return Ok(CiliumState::default());
    };
    let mut state = CiliumState::default();
    // The API server lists versions with the preferred one first.
    for version in &group.versions {
        let path = format!("/apis/{GROUP}/{}", version.version);
        let served: Resources = reader.must_get(&path).await?;
        let serves = |name: &str| served.resources.iter().any(|r| r.name == name);
        state.crds.extend(served.resources.iter().map(|r| r.name.clone()).filter(|name| !name.contains('/')));
        if state.node_config_version.is_none() && serves("ciliumnodeconfigs") {
            state.node_config_version = Some(format!("{GROUP}/{}", version.version));
            state.node_configs = node_configs(reader, strings, &path).await?;
        }
        if serves("ciliumnodes") && state.nodes.is_empty() {
            state.nodes = nodes(reader, strings, &path).await?;
        }
        if serves("ciliumendpoints") && state.endpoints.is_empty() {
            state.endpoints = endpoints(reader, strings, &path).await?;
        }
    }
    state.endpoints.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    state.crds.sort();
    state.crds.dedup();
    Ok(state)
}

async fn nodes(reader: &Reader, strings: &mut Interner, group: &str) -> Result<Vec<CiliumNode>> {
    let wires: Vec<WireNode> = reader.list(&format!("{group}/ciliumnodes"), &Selection::default()).await?;
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
    Ok(wires.into_iter().map(&mut convert).collect())
}

async fn endpoints(reader: &Reader, strings: &mut Interner, group: &str) -> Result<Vec<CiliumEndpoint>> {
    let mut state = (Vec::new(), strings);
    reader
        .each::<WireEndpoint, _>(
            &format!("{group}/ciliumendpoints"),
            &Selection::default(),
            &mut state,
            |(all, _)| all.clear(),
            |(all, strings), wire| {
                let addressing = &wire.status.networking.addressing;
                let owners = &wire.metadata.owner_references;
                all.push(CiliumEndpoint {
                    namespace: strings.get(&wire.metadata.namespace),
                    pod_uid: owners.iter().find(|o| o.kind == "Pod").map(|o| o.uid.as_str().into()),
                    ips: addressing
                        .iter()
                        .flat_map(|a| [&a.ipv4, &a.ipv6])
                        .filter_map(|ip| ip.parse::<IpAddr>().ok())
                        .collect(),
                    state: strings.get(&wire.status.state),
                    name: wire.metadata.name.into(),
                });
            },
        )
        .await?;
    Ok(state.0)
}

async fn node_configs(reader: &Reader, strings: &mut Interner, group: &str) -> Result<Vec<CiliumNodeConfig>> {
    let wires: Vec<WireConfig> =
        reader.list(&format!("{group}/ciliumnodeconfigs"), &Selection::default()).await?;
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
