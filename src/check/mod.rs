//! Checks: one question each, answered from facts, with a finding that says what to do.
//!
//! One file and one line in [`CHECKS`] per check or family, one page `docs/checks/ID.md` per check. A check that
//! cannot know says so: unknown is never reported as fine.

mod api_available;
mod api_network;
mod arch;
mod autoscaler;
mod chart;
mod cidr_external;
mod cidr_nodes;
mod cidr_pods;
mod cidr_services;
mod cni_filters;
mod cni_istio;
mod cni_linkerd;
mod cni_multus;
mod control_plane;
mod distribution;
mod dns;
mod empty_dir;
mod exclude;
#[cfg(test)]
pub(crate) mod fixtures;
mod helm;
mod hook_network;
mod hook_ready;
mod host_port;
mod ip_family;
mod kernel;
mod kernel_wireguard;
mod kube_proxy;
mod kube_proxy_cidr;
mod kubelet_versions;
mod kubernetes;
mod left_agents;
mod left_resources;
mod left_taints;
mod leftovers;
mod mtu;
mod needs;
mod node_actors;
mod node_config_api;
mod node_config_others;
mod node_config_overrides;
mod node_cordoned;
mod node_pod_cidr;
mod node_pressure;
mod node_ready;
mod os_known;
mod os_linux;
mod pages;
mod pdb_double;
mod pdb_room;
mod pdb_unhealthy;
mod pod_baseline;
mod pod_grace;
mod pod_pinned;
mod pod_security;
mod pod_tolerates;
mod pod_volume;
mod pods;
mod policy_begin;
mod policy_blocks;
mod policy_nodes;
mod policy_pause;
mod pool_size;
mod port;
mod port_agent;
mod port_wireguard;
mod rights;
mod roles;
mod single_replica;
mod source;
#[cfg(test)]
mod tests;
mod unmanaged;
mod version;

use std::fmt;

use serde::Serialize;

use crate::model::{DaemonSet, Intent, Pod, Read, Snapshot};
use crate::report::count;
use crate::source::{Detection, some};

pub use chart::ChartAnswer;
pub use exclude::{Exclusion, Judged, exclusions, judge};
use needs::can_be_missed;
pub use needs::{Task, needed_rights};
pub use pages::{ids, page};
pub use rights::Right;
pub use roles::{Subject, roles};

/// Every check, in the order of the report.
pub static CHECKS: &[&dyn Check] = &[
    &source::Source,
    &distribution::Distribution,
    &version::Version,
    &cidr_nodes::CidrNodes,
    &cidr_pods::CidrPods,
    &cidr_services::CidrServices,
    &pool_size::PoolSize,
    &cidr_external::CidrExternal,
    &ip_family::IpFamily,
    &port::Port,
    &port_agent::PortAgent,
    &port_wireguard::PortWireguard,
    &mtu::Mtu,
    &kernel::Kernel,
    &kernel_wireguard::KernelWireguard,
    &arch::Arch,
    &os_linux::OsLinux,
    &os_known::OsKnown,
    &kubernetes::Kubernetes,
    &kubelet_versions::KubeletVersions,
    &node_ready::NodeReady,
    &node_cordoned::NodeCordoned,
    &node_pressure::NodePressure,
    &node_pod_cidr::NodePodCidr,
    &control_plane::ControlPlane,
    &leftovers::Leftovers,
    &left_resources::LeftResources,
    &left_taints::LeftTaints,
    &left_agents::LeftAgents,
    &node_config_api::NodeConfigApi,
    &node_config_overrides::NodeConfigOverrides,
    &node_config_others::NodeConfigOthers,
    &kube_proxy::KubeProxy,
    &kube_proxy_cidr::KubeProxyCidr,
    &cni_multus::CniMultus,
    &cni_istio::CniIstio,
    &cni_linkerd::CniLinkerd,
    &cni_filters::CniFilters,
    &pod_security::PodSecurity,
    &helm::Helm,
    &chart::Chart,
    &rights::Rights,
    &policy_begin::PolicyBegin,
    &policy_pause::PolicyPause,
    &policy_blocks::PolicyBlocks,
    &policy_nodes::PolicyNodes,
    &hook_network::HookNetwork,
    &hook_ready::HookReady,
    &api_network::ApiNetwork,
    &api_available::ApiAvailable,
    &pdb_room::PdbRoom,
    &pdb_double::PdbDouble,
    &pdb_unhealthy::PdbUnhealthy,
    &unmanaged::Unmanaged,
    &empty_dir::EmptyDir,
    &pod_baseline::PodBaseline,
    &pod_tolerates::PodTolerates,
    &pod_grace::PodGrace,
    &pod_pinned::PodPinned,
    &pod_volume::PodVolume,
    &host_port::HostPort,
    &single_replica::SingleReplica,
    &dns::Dns,
    &autoscaler::Autoscaler,
    &node_actors::NodeActors,
];

/// One question about the cluster.
pub trait Check: Sync {
    /// Stable identifier, such as `CIDR-001`.
    fn id(&self) -> &'static str;

    /// What is fine when the check passes, as a sentence without a full stop.
    fn title(&self) -> &'static str;

    /// How bad a failure usually is; a finding may be milder or worse.
    fn severity(&self) -> Severity;

    /// When it is asked.
    fn phase(&self) -> Phase {
        Phase::Preflight
    }

    /// Its page, relative to the repository.
    fn doc(&self) -> String {
        format!("docs/checks/{}.md", self.id())
    }

    /// The answer: at least one finding.
    fn run(&self, facts: &Facts) -> Vec<Finding>;
}

/// How bad a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The migration must not start.
    Blocker,
    /// Something will be noticed; the operator decides.
    Warning,
    /// Worth knowing, nothing to decide.
    Info,
}

/// When a check is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before anything is changed.
    Preflight,
    /// After a change, to prove it.
    Verify,
}

/// Everything that checks may know.
pub struct Facts<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// Which CNI it comes from.
    pub detection: &'a Detection,
    /// What the operator wants.
    pub intent: &'a Intent,
    /// What the caller may do: those of [`needed_rights`] that are allowed, or more.
    pub rights: Read<Vec<Right>>,
    /// Version of helm, such as `v3.18.0`; `Known(None)` means that there is none.
    pub helm: Read<Option<String>>,
    /// What helm says of the chart that would be installed; `Unknown` without a helm.
    pub chart: Read<ChartAnswer>,
    /// Whether Cilium in this cluster is this tool's own migration (by the journal or the release's labels).
    pub ours: bool,
}

/// What a check found about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's identifier.
    pub id: &'static str,
    /// How it is.
    pub result: Level,
    /// What it is about: an object, a range, a count of things.
    pub subject: String,
    /// What was observed and what was expected.
    pub message: String,
    /// What to do; empty where nothing needs doing.
    pub hint: String,
}

/// The result of a finding, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Fine.
    Ok,
    /// Worth knowing, nothing to decide.
    Info,
    /// It could not be found out.
    Unknown,
    /// Something will be noticed.
    Warning,
    /// The migration must not start.
    Blocker,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Blocker => "blocker",
        })
    }
}

impl Finding {
    fn new(check: &dyn Check, result: Level, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { id: check.id(), result, subject: subject.into(), message: message.into(), hint: String::new() }
    }

    fn ok(check: &dyn Check, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Level::Ok, subject, message)
    }

    fn unknown(check: &dyn Check, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(check, Level::Unknown, subject, message)
    }

    /// As bad as the check says.
    fn failed(check: &dyn Check, subject: impl Into<String>, message: impl Into<String>) -> Self {
        let result = match check.severity() {
            Severity::Blocker => Level::Blocker,
            Severity::Warning => Level::Warning,
            Severity::Info => Level::Info,
        };
        Self::new(check, result, subject, message)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Every finding of the checks of one phase, in the order of [`CHECKS`].
pub fn run(phase: Phase, facts: &Facts) -> Vec<Finding> {
    CHECKS.iter().filter(|check| check.phase() == phase).flat_map(|check| check.run(facts)).collect()
}

/// The failures, or the one good finding where there is none.
fn or_ok(failures: Vec<Finding>, ok: impl FnOnce() -> Finding) -> Vec<Finding> {
    if failures.is_empty() { vec![ok()] } else { failures }
}

/// One failure that names them all, or the good finding where there are none.
fn verdict(
    check: &dyn Check,
    noun: &str,
    names: &[String],
    what: &str,
    hint: &str,
    ok: Finding,
) -> Vec<Finding> {
    if names.is_empty() {
        return vec![ok];
    }
    vec![Finding::failed(check, count(names.len(), noun), format!("{what}: {}", some(names))).hint(hint)]
}

/// The finding of a check on kinds of [`crate::model::unread`] that could not be read; `None` where all were.
fn unreadable(check: &dyn Check, facts: &Facts, kinds: &[&'static str]) -> Option<Vec<Finding>> {
    let (kind, why) = kinds.iter().find_map(|kind| Some((*kind, facts.snapshot.unread(kind)?)))?;
    Some(vec![
        Finding::unknown(check, kind, format!("could not be read: {why}"))
            .hint(format!("let the caller read {kind}, then run preflight again")),
    ])
}

/// DaemonSets whose name is one of `names`, or whose images hold one of them.
fn running(snapshot: &Snapshot, names: &[&str]) -> Vec<String> {
    let runs = |set: &&DaemonSet| {
        names.iter().any(|part| &*set.name == *part || set.images.iter().any(|image| image.contains(part)))
    };
    snapshot.daemon_sets.iter().filter(runs).map(|set| format!("{}/{}", set.namespace, set.name)).collect()
}

/// What a pod calls itself, by the labels that manifests and charts use for it.
fn app_of(pod: &Pod) -> Option<&str> {
    ["app.kubernetes.io/name", "k8s-app", "app", "name"].iter().find_map(|key| pod.label(key))
}

/// The pods that run now and call themselves one of `apps`.
fn pods_of_apps(facts: &Facts, apps: &[&str]) -> Vec<String> {
    let runs = |pod: &&Pod| !pod.is_finished() && app_of(pod).is_some_and(|app| apps.contains(&app));
    facts.snapshot.pods.iter().filter(runs).map(|pod| pod.reference().to_string()).collect()
}

/// Whether a drain evicts the pod: neither a DaemonSet's, nor static, nor finished.
fn is_moved(pod: &Pod) -> bool {
    !pod.is_daemon() && !pod.mirror && !pod.is_finished() && !pod.deleting
}
