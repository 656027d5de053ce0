//! Reader of pods: a projection that drops nine tenths of the bytes of each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::intern::Interner;
use super::object::{Map, Object};
use super::placement::{Affinity, Hostname};
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::{NodeId, Owner, Phase, Pod, Shared};

/// Kubernetes' default for `terminationGracePeriodSeconds`.
const DEFAULT_GRACE: u32 = 30;

type Wire = Object<Spec, Status, Mirror, Map>;

/// A static pod's mirror carries this annotation (kubelet/types: ConfigMirrorAnnotationKey).
#[derive(Default, Deserialize)]
struct Mirror {
    #[serde(rename = "kubernetes.io/config.mirror")]
    mirror: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    node_name: Option<String>,
    #[serde(default)]
    host_network: bool,
    termination_grace_period_seconds: Option<u32>,
    #[serde(default)]
    volumes: Vec<Volume>,
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    tolerations: Vec<Toleration>,
    #[serde(default)]
    node_selector: Hostname,
    #[serde(default)]
    affinity: Affinity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    empty_dir: Option<IgnoredAny>,
    persistent_volume_claim: Option<Claim>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    claim_name: String,
}

#[derive(Deserialize)]
struct Toleration {
    #[serde(default)]
    key: String,
    #[serde(default)]
    effect: String,
}

impl Toleration {
    /// Without a key it is about every taint of its effect, without an effect about every taint (core/v1 Toleration).
    fn is_about_all(&self) -> bool {
        self.key.is_empty() && ["", "NoSchedule"].contains(&self.effect.as_str())
    }
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    host_port: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    phase: String,
    #[serde(default, rename = "podIPs")]
    pod_ips: Vec<PodIp>,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
struct PodIp {
    ip: String,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    #[serde(default)]
    restart_count: u32,
    #[serde(default)]
    state: State,
}

#[derive(Default, Deserialize)]
struct State {
    waiting: Option<Waiting>,
    terminated: Option<Terminated>,
}

#[derive(Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Terminated {
    #[serde(default)]
    message: String,
}

/// The UIDs of the pods of a selection, by their metadata alone.
pub(super) async fn uids(reader: &Reader, path: &str, selection: Selection) -> Result<BTreeSet<String>> {
    let pods: Vec<Object> = reader.list(path, &selection.bare()).await?;
    Ok(pods.into_iter().map(|pod| pod.metadata.uid).collect())
}

/// The pods of a selection, in the API server's order (by namespace and name).
pub(super) async fn list(
    reader: &Reader,
    path: &str,
    strings: &mut Interner,
    nodes: &BTreeMap<Shared, NodeId>,
    selection: &Selection,
) -> Result<Vec<Pod>> {
    let mut pods = Vec::new();
    each(reader, path, strings, nodes, selection, (&mut pods, Vec::clear, Vec::push)).await?;
    Ok(pods)
}

/// Feeds them to the last of `(state, restart, take)` in that order; `restart` is called where they come anew.
pub(super) async fn each<S>(
    reader: &Reader,
    path: &str,
    strings: &mut Interner,
    nodes: &BTreeMap<Shared, NodeId>,
    selection: &Selection,
    (state, restart, take): (&mut S, impl Fn(&mut S), impl Fn(&mut S, Pod)),
) -> Result<()> {
    let mut state = (state, strings);
    reader
        .each::<Wire, _>(
            path,
            selection,
            &mut state,
            |(state, _)| restart(state),
            |(state, strings), wire| take(state, convert(wire, strings, nodes)),
        )
        .await
}

fn convert(wire: Wire, strings: &mut Interner, nodes: &BTreeMap<Shared, NodeId>) -> Pod {
    let Wire { metadata, spec, status } = wire;
    let owner = metadata.owner_references.iter().find(|o| o.controller).map(|o| Owner {
        kind: strings.get(&o.kind),
        name: strings.get(&o.name),
        uid: strings.get(&o.uid),
    });
    let state = status.container_statuses.first().map(|c| &c.state);
    Pod {
        namespace: strings.get(&metadata.namespace),
        name: metadata.name.into(),
        uid: metadata.uid.into(),
        node: spec.node_name.as_deref().and_then(|name| nodes.get(name).copied()),
        host_network: spec.host_network,
        phase: phase(&status.phase),
        ready: status.conditions.iter().any(|c| c.kind == "Ready" && c.status == "True"),
        ips: addresses(status.pod_ips.iter().map(|p| p.ip.as_str())),
        deleting: metadata.deletion_timestamp.is_some(),
        deletion_timestamp: metadata.deletion_timestamp,
        grace_seconds: spec.termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE),
        owner,
        labels: strings.labels(&metadata.labels),
        mirror: metadata.annotations.mirror.is_some(),
        empty_dir: spec.volumes.iter().any(|v| v.empty_dir.is_some()),
        host_ports: spec
            .containers
            .iter()
            .flat_map(|c| &c.ports)
            .filter_map(|p| p.host_port.filter(|port| *port != 0))
            .collect(),
        tolerates_all: spec.tolerations.iter().any(Toleration::is_about_all),
        pinned: spec.node_selector.is_named() || spec.affinity.names_nodes(),
        claims: spec
            .volumes
            .iter()
            .filter_map(|v| v.persistent_volume_claim.as_ref())
            .map(|claim| strings.get(&claim.claim_name))
            .collect(),
        restarts: status.container_statuses.iter().map(|c| c.restart_count).sum(),
        waiting: waiting(&status).map(Into::into),
        message: state
            .and_then(|s| s.terminated.as_ref())
            .filter(|t| !t.message.is_empty())
            .map(|t| t.message.as_str().into()),
    }
}

/// With no room to spare: nearly every pod has one.
pub(super) fn addresses<'a>(ips: impl Iterator<Item = &'a str>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = ips.filter_map(|ip| ip.parse().ok()).collect();
    addresses.shrink_to_fit();
    addresses
}

/// The first reason why a container waits; that of an init container says more than `PodInitializing` after it.
fn waiting(status: &Status) -> Option<&str> {
    let all = || status.init_container_statuses.iter().chain(&status.container_statuses);
    let mut reasons = all().filter_map(|c| c.state.waiting.as_ref()).map(|w| w.reason.as_str());
    let dull = |reason: &&str| matches!(*reason, "PodInitializing" | "ContainerCreating");
    reasons.clone().find(|r| !dull(r)).or_else(|| reasons.next())
}

fn phase(text: &str) -> Phase {
    match text {
        "Pending" | "" => Phase::Pending,
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        _ => Phase::Unknown,
    }
}
