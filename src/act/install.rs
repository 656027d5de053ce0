//! Cilium beside the source CNI: the chart in migration mode, the CiliumNodeConfig, and the proof that nothing moved.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use tokio::time::Instant;

use super::engine::Engine;
use super::rollout;
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::helm::{Installer, Job, clearing};
use crate::kube::explain;
use crate::model::{Pod, Read, Release, Shared, Snapshot};
use crate::observe::Scope;
use crate::plan::Step;
use crate::report::count;
use crate::target::{CNI_FILE, NODE_CONFIG_NAME, NodeConfig};

/// What is to be installed.
pub struct Installation<'a> {
    /// helm.
    pub helm: &'a Installer,
    /// Release, chart, version and values.
    pub job: Job,
    /// The CiliumNodeConfig that goes with the values.
    pub node_config: NodeConfig,
    /// Whether a missing key for IPsec may be made: the user asked for it by the flag.
    pub may_make_key: bool,
}

impl Engine<'_> {
    /// Installs Cilium in migration mode and proves that no pod was touched.
    ///
    /// # Errors
    /// A refusal, where something moved; helm's error, where helm failed.
    pub async fn install(&mut self, what: &Installation<'_>) -> Result<()> {
        let begun = Instant::now();
        self.may_go_on()?;
        let before = self.observer.snapshot(&Scope::All).await?;
        let release = self.release().await?;
        self.refuse_foreign(release.as_ref())?;
        if self.is_dry() {
            return self.would_install(what, &before, release.is_some()).await;
        }
        // Of a large cluster the rest is much to hold while the agents start.
        let before = watched(before);
        self.journal.intend(&Step::Install.id()).await?;
        self.report.event(&Event::Started { step: "install".into() });
        if !is_installed(release.as_ref(), &what.job) {
            match &release {
                None => what.helm.install(&what.job).await?,
                Some(_) => what.helm.upgrade(&what.job).await?,
            }
        }
        rollout::operator_ready(self, &what.job.namespace).await?;
        rollout::agents_ready(self, "install").await?;
        let mut after = self.observer.snapshot(&Scope::All).await?;
        self.apply_node_config(&what.node_config, &after).await?;
        self.observer.add_agent_views(&mut after, self.access).await;
        let detail = prove_nothing_moved(&before, &after)?;
        self.journal.done(&Step::Install.id());
        self.journal.save().await?;
        self.report.event(&Event::Done { step: "install".into(), detail, took: Some(begun.elapsed()) });
        Ok(())
    }

    /// The release as helm sees it.
    pub(super) async fn release(&self) -> Result<Option<Release>> {
        match self.observer.release().await {
            Read::Known(release) => Ok(release),
            Read::Unknown(reason) => Err(Error {
                kind: Kind::Helm,
                ..Error::failed(format!("the Helm release could not be read: {reason}"))
            }),
        }
    }

    fn refuse_foreign(&self, release: Option<&Release>) -> Result<()> {
        let Some(release) = release else { return Ok(()) };
        if release.status.starts_with("pending") {
            return Err(Error::no(format!(
                "release {}/{} is {}: another helm is at work, or one was killed",
                release.namespace, release.name, release.status
            ))
            .hint(format!("if none is: {}", clearing(release).unwrap_or_default())));
        }
        // A release that somebody else made is not ours to change; one of an interrupted run is in the journal.
        if self.journal.record().progress(&Step::Install.id()).is_none() {
            return Err(Error::no(format!(
                "Cilium is installed already: release {} in {}",
                release.name, release.namespace
            ))
            .hint("this migration did not install it; see: kubectl cni-migrate preflight"));
        }
        Ok(())
    }

    pub(super) async fn apply_node_config(&self, config: &NodeConfig, snapshot: &Snapshot) -> Result<()> {
        let version = snapshot.cilium.node_config_version.as_deref().ok_or_else(|| {
            Error::failed("this Cilium serves no CiliumNodeConfig").hint("it exists since Cilium 1.13")
        })?;
        let path =
            format!("/apis/{version}/namespaces/{}/ciliumnodeconfigs/{NODE_CONFIG_NAME}", config.namespace);
        self.may_go_on()?;
        self.writer
            .apply(&path, &config.manifest(version))
            .await
            .map(drop)
            .map_err(|e| explain(&format!("applying CiliumNodeConfig {NODE_CONFIG_NAME}"), &e))
    }
}

fn is_installed(release: Option<&Release>, job: &Job) -> bool {
    release.is_some_and(|r| {
        r.status == "deployed"
            && same(&r.values, &job.values)
            && r.chart.ends_with(&format!("-{}", job.version))
    })
}

fn same(a: &Value, b: &Value) -> bool {
    // Key order is not a difference.
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let ordered: BTreeMap<_, _> = map.iter().map(|(k, v)| (k.clone(), sorted(v))).collect();
                serde_json::json!(ordered)
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    sorted(a) == sorted(b)
}

/// A pod whose addresses must stay.
struct Watched {
    namespace: Shared,
    name: Box<str>,
    uid: Box<str>,
    ips: Vec<IpAddr>,
}

fn watched(before: Snapshot) -> Vec<Watched> {
    let pods = before.pods.into_iter().filter(|p| p.on_pod_network() && !p.ips.is_empty());
    let mut watched: Vec<_> =
        pods.map(|Pod { namespace, name, uid, ips, .. }| Watched { namespace, name, uid, ips }).collect();
    // It lies where the pods lay.
    watched.shrink_to_fit();
    watched
}

/// No pod changed its address, and on no unlabelled node does Cilium's CNI file stand.
fn prove_nothing_moved(before: &[Watched], after: &Snapshot) -> Result<String> {
    let addresses: BTreeMap<&str, &[IpAddr]> =
        after.pods.iter().map(|p| (&*p.uid, p.ips.as_slice())).collect();
    let (mut stayed, mut gone) = (0, 0);
    for pod in before {
        match addresses.get(&*pod.uid) {
            Some(now) if **now == *pod.ips => stayed += 1,
            Some(now) => {
                return Err(Error::no(format!(
                    "pod {}/{} changed its address from {:?} to {now:?} while Cilium was installed",
                    pod.namespace, pod.name, pod.ips
                )));
            }
            None => gone += 1,
        }
    }
    for node in after.nodes.iter().filter(|n| !n.is_labelled()) {
        let view = match after.agent_views.get(&node.name) {
            Some(Read::Known(view)) => view,
            Some(Read::Unknown(why)) => return Err(Error::failed(format!("node {}: {why}", node.name))),
            None => {
                return Err(Error::failed(format!("the CNI directory of node {} was not read", node.name)));
            }
        };
        let touched = view.cni_files.iter().find(|f| *f == CNI_FILE || f.ends_with(".cilium_bak"));
        if let Some(file) = touched {
            return Err(Error::no(format!(
                "node {} is not to be migrated yet and has {file} in its CNI directory",
                node.name
            ))
            .hint("leftover of an earlier Cilium? remove it before you go on"));
        }
        if view.first_cni_file().is_none() {
            return Err(Error::no(format!("the CNI directory of node {} has no configuration", node.name)));
        }
    }
    let ended = if gone == 0 { String::new() } else { format!(", {gone} ended meanwhile") };
    Ok(format!(
        "agents ready on {}; 0 of {} changed address{ended}; CNI directories unchanged",
        count(after.nodes.len(), "node"),
        count(stayed, "pod")
    ))
}
