//! What the verbs that write would do; with `--dry-run=server` the API server is asked whether it would take it.
//!
//! The engine of a dry run holds no lease, and its writer stores nothing: all its requests carry `dryRun=All`.

use serde_json::{Value, json};

use super::drain::{evict, wanted};
use super::engine::{Engine, THE_NODE};
use super::install::Installation;
use super::restart::foreign;
use super::sweep::scan_node;
use crate::error::Result;
use crate::event::Event;
use crate::kube::Delete;
use crate::model::{DryRun, MIGRATION_LABEL, Pod, Shared, Snapshot};
use crate::observe::Scope;
use crate::plan::{NodeStep, is_migrated};
use crate::target::NODE_CONFIG_NAME;
use crate::verify::Network;

impl Engine<'_> {
    /// Whether nothing is to be stored.
    pub fn is_dry(&self) -> bool {
        self.options.dry_run != DryRun::None
    }

    /// Tells what a real run would do.
    pub fn would(&self, action: impl Into<String>) {
        self.report.event(&Event::Would { action: action.into() });
    }

    fn asks(&self) -> bool {
        self.options.dry_run == DryRun::Server
    }

    /// helm asks the API server itself (`--dry-run=server`); the CiliumNodeConfig only where its kind is known.
    pub(super) async fn would_install(
        &self,
        what: &Installation<'_>,
        snapshot: &Snapshot,
        is_there: bool,
    ) -> Result<()> {
        let (version, name) = (&what.job.version, format!("{}/{}", what.job.namespace, what.job.release));
        if self.asks() {
            let job = crate::helm::Job { dry_run: true, ..what.job.clone() };
            if is_there { what.helm.upgrade(&job).await? } else { what.helm.install(&job).await? }
        }
        let verb = if is_there { "upgrade" } else { "install" };
        self.would(format!("{verb} Helm release {name} with chart version {version}"));
        if self.asks() && snapshot.cilium.node_config_version.is_some() {
            self.apply_node_config(&what.node_config, snapshot).await?;
        }
        self.would(format!(
            "apply CiliumNodeConfig {}/{NODE_CONFIG_NAME} for nodes with label {MIGRATION_LABEL}=true",
            what.job.namespace
        ));
        Ok(())
    }

    /// All steps of a node's migration.
    pub(super) async fn would_migrate(&self, name: &str) -> Result<()> {
        let snapshot = self.look(Scope::Node(name.to_owned()), false).await?;
        if is_migrated(snapshot.node(THE_NODE)) {
            self.would(format!("leave node {name} as it is: it is migrated"));
            return Ok(());
        }
        for step in NodeStep::sequence(self.options.reboot) {
            self.would_do(name, step, &Network::Cilium, &snapshot).await?;
        }
        Ok(())
    }

    /// All steps of the way back.
    pub(super) async fn would_roll_back(&self, name: &str) -> Result<()> {
        let snapshot = self.look(Scope::Node(name.to_owned()), false).await?;
        for step in NodeStep::sequence(crate::model::RebootMode::Never) {
            self.would_do(name, step, &Network::Source, &snapshot).await?;
        }
        Ok(())
    }

    async fn would_do(&self, name: &str, step: NodeStep, to: &Network, snapshot: &Snapshot) -> Result<()> {
        match step {
            NodeStep::Cordon => {
                self.ask_node(name, &json!({"spec": {"unschedulable": true}})).await?;
                self.would(format!("cordon node {name}"));
            }
            NodeStep::Drain => {
                for pod in wanted(self, snapshot)? {
                    self.would_evict(pod, "evict").await?;
                }
            }
            NodeStep::Switch => {
                let label = if *to == Network::Cilium { json!("true") } else { Value::Null };
                self.ask_node(name, &json!({"metadata": {"labels": {MIGRATION_LABEL: label}}})).await?;
                let verb = if label.is_null() { "remove" } else { "set" };
                self.would(format!(
                    "{verb} label {MIGRATION_LABEL} of node {name} and restart its cilium agent"
                ));
            }
            NodeStep::Reboot => self.would(format!("reboot node {name}")),
            NodeStep::Restart => {
                let daemons = foreign(self, snapshot, to).into_iter().filter(|pod| pod.is_daemon());
                for pod in daemons {
                    self.would_evict(pod, "restart").await?;
                }
            }
            NodeStep::Verify => self.would(format!("verify node {name}: probe pods, all paths")),
            NodeStep::Uncordon if snapshot.node(THE_NODE).unschedulable => {
                self.would(format!("leave node {name} cordoned, as it is now"));
            }
            NodeStep::Uncordon => self.would(format!("uncordon node {name}")),
        }
        Ok(())
    }

    async fn ask_node(&self, name: &str, patch: &Value) -> Result<()> {
        if self.asks() { self.patch_node(name, patch).await } else { Ok(()) }
    }

    /// Each pod is asked for alone: what one eviction takes from a budget is not stored, so the next is not refused.
    async fn would_evict(&self, pod: &Pod, verb: &str) -> Result<()> {
        let refused = if self.asks() { evict(self, pod).await? } else { None };
        let waits = refused.map(|reason| format!(", after a wait: {reason}")).unwrap_or_default();
        self.would(format!("{verb} pod {}{waits}", pod.reference()));
        Ok(())
    }

    pub(super) async fn would_finalize(&self, what: &Installation<'_>, changes: bool) -> Result<()> {
        let name = format!("{}/{}", what.job.namespace, what.job.release);
        self.ensure_ipsec_key(what).await?;
        if changes {
            if self.asks() {
                what.helm.upgrade(&crate::helm::Job { dry_run: true, ..what.job.clone() }).await?;
            }
            self.would(format!("upgrade Helm release {name} to its final values"));
        }
        self.would(
            "restart the cilium agents one by one, where their configuration changes, and the operator",
        );
        if self.asks() {
            self.remove_node_config(&what.job.namespace).await?;
        }
        self.would(format!("delete CiliumNodeConfig {}/{NODE_CONFIG_NAME}", what.job.namespace));
        Ok(())
    }

    pub(super) async fn would_clean_up(&self, nodes: &[Shared]) -> Result<()> {
        let inventory = &self.journal.record().inventory;
        for object in inventory.objects.iter().chain(&inventory.namespace) {
            if self.observer.uid(object).await?.as_deref() != Some(object.uid.as_str()) {
                continue;
            }
            if self.asks() {
                let how = Delete { uid: Some(&object.uid), ..Delete::default() };
                self.writer.delete(&object.path(), &how).await?;
            }
            self.would(format!("delete {object}"));
        }
        for node in nodes {
            for leftover in scan_node(self, node, false).await?.leftovers {
                let what = if leftover.is_left_alone() { "leave alone on" } else { "remove from" };
                self.would(format!("{what} node {node}: {leftover}"));
            }
            for path in &inventory.residue.paths {
                self.would(format!("remove from node {node}, if there: {path}"));
            }
        }
        Ok(())
    }
}
