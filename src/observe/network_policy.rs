//! Reader of NetworkPolicies: what they select, and the ranges that they name.

use ipnet::IpNet;
use serde::Deserialize;

use super::intern::Interner;
use super::object::Object;
use super::policy::{WireSelector, selector};
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::NetworkPolicy;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    pod_selector: WireSelector,
    #[serde(default)]
    ingress: Vec<Rule>,
    #[serde(default)]
    egress: Vec<Rule>,
}

/// A rule of either direction: one of the two lists of peers is there.
#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    from: Vec<Peer>,
    #[serde(default)]
    to: Vec<Peer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    ip_block: Option<IpBlock>,
}

#[derive(Deserialize)]
struct IpBlock {
    cidr: IpNet,
}

/// All NetworkPolicies.
pub(super) async fn policies(reader: &Reader, strings: &mut Interner) -> Result<Vec<NetworkPolicy>> {
    let path = "/apis/networking.k8s.io/v1/networkpolicies";
    let wires: Vec<Object<Spec>> = reader.list(path, &Selection::default()).await?;
    let convert = |wire: Object<Spec>| NetworkPolicy {
        namespace: strings.get(&wire.metadata.namespace),
        name: strings.get(&wire.metadata.name),
        blocks: blocks(&wire.spec),
        selector: selector(wire.spec.pod_selector, strings),
    };
    Ok(wires.into_iter().map(convert).collect())
}

fn blocks(spec: &Spec) -> Vec<IpNet> {
    let peers = spec.ingress.iter().chain(&spec.egress).flat_map(|rule| rule.from.iter().chain(&rule.to));
    peers.filter_map(|peer| peer.ip_block.as_ref()).map(|block| block.cidr).collect()
}
