//! What every effect needs: eyes, hands, memory, and the right to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cover::Cover;
use super::peers::Peers;
use crate::drain;
use crate::error::{Error, Result};
use crate::event::{Event, Reporter};
use crate::journal::{Journal, Lease};
use crate::kube::{NodeAccess, Writer, explain};
use crate::model::{DryRun, NodeId, RebootMode, Snapshot};
use crate::observe::{Observer, Scope};
use crate::verify::Prober;

/// How often a state is looked at while waiting for it.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// How the operator wants nodes to be treated.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which pods a drain may evict.
    pub drain: drain::Options,
    /// Grace period for evictions, seconds; `None` leaves it to the pod.
    pub grace: Option<i64>,
    /// Longest time for draining a node.
    pub drain_timeout: Duration,
    /// Longest time for any other wait.
    pub timeout: Duration,
    /// How a node is rebooted.
    pub reboot: RebootMode,
    /// Command for [`RebootMode::Command`]; `{node}` is replaced by the node's name.
    pub reboot_command: Option<String>,
    /// Image that carries this binary, for probes and helpers.
    pub probe_image: String,
    /// Whether anything is to be stored at all.
    pub dry_run: DryRun,
}

/// Set by the first signal: the effect at work is finished, then the run stops.
#[derive(Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to stop at the next safe point.
    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs effects.
pub struct Engine<'a> {
    /// Eyes.
    pub observer: Observer,
    /// Hands.
    pub writer: Writer,
    /// Commands on nodes.
    pub access: &'a dyn NodeAccess,
    /// Memory.
    pub journal: Journal,
    /// The right to write; a dry run needs none.
    pub lease: Option<Lease>,
    /// Who is told.
    pub report: &'a dyn Reporter,
    /// How.
    pub options: Options,
    /// Whether to stop.
    pub cancel: Cancel,
    /// With which nodes a node is proven.
    pub peers: Peers,
    /// Which pods disruption budgets cover.
    pub cover: Cover,
}

impl Engine<'_> {
    /// Must be asked before each write.
    ///
    /// # Errors
    /// Locked where the lease was lost, interrupted where the operator asked to stop.
    pub(super) fn may_go_on(&self) -> Result<()> {
        if let Some(lease) = &self.lease {
            lease.check()?;
        }
        if self.cancel.is_set() {
            return Err(Error::interrupted("stopped on request; what was begun is written down")
                .hint("go on with: kubectl cni-migrate run --resume"));
        }
        Ok(())
    }

    /// A snapshot of one node with what Cilium says about its pods, and optionally what its agent sees.
    pub(super) async fn look(&self, scope: Scope, agent: bool) -> Result<Snapshot> {
        let mut snapshot = self.observer.snapshot(&scope).await?;
        if agent {
            self.observer.add_agent_views(&mut snapshot, self.access).await;
        }
        Ok(snapshot)
    }

    /// Merge-patches a node.
    pub(super) async fn patch_node(&self, node: &str, patch: &serde_json::Value) -> Result<()> {
        self.may_go_on()?;
        let doing = || format!("patching node {node}");
        self.writer
            .merge(&format!("/api/v1/nodes/{node}"), patch)
            .await
            .map(drop)
            .map_err(|e| explain(&doing(), &e))
    }

    /// Tells what a step waits for.
    pub(super) fn waits(&self, step: &str, reason: impl Into<String>) {
        self.report.event(&Event::Waiting { step: step.to_owned(), reason: reason.into() });
    }

    /// The prober with this engine's eyes and hands.
    pub fn prober(&self) -> Prober<'_> {
        Prober {
            observer: &self.observer,
            writer: &self.writer,
            image: &self.options.probe_image,
            report: self.report,
        }
    }

    /// Writes the journal and gives the lease back.
    ///
    /// # Errors
    /// Where the journal could not be written.
    pub async fn close(mut self) -> Result<()> {
        let Some(lease) = self.lease else { return Ok(()) };
        // Without the lease another run may be the writer by now.
        let may_save = self.journal.is_begun() && lease.check().is_ok();
        let saved = if may_save { self.journal.save().await } else { Ok(()) };
        lease.release().await;
        saved
    }
}

/// The one node of a snapshot of a node's scope.
pub(super) const THE_NODE: NodeId = NodeId(0);
