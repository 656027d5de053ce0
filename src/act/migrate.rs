//! One node through all its steps: observe, skip what is done, intend, do, check.

use serde_json::json;
use tokio::time::Instant;

use super::engine::{Engine, THE_NODE};
use super::stopwatch::Stopwatch;
use super::{cordon, drain, reboot, restart, switch};
use crate::error::{Error, Kind, Result};
use crate::event::Event;
use crate::journal::NodeRecord;
use crate::model::{PHASE_ANNOTATION, Snapshot};
use crate::observe::Scope;
use crate::plan::{NodeStep, Phase, Standing, Step, standing};
use crate::report::count;
use crate::verify::Network;

/// What was seen of the node last. Between the check after one step and the question before the next nothing is done and
/// nothing is waited for, so one look answers both.
struct Seen {
    scope: Scope,
    snapshot: Snapshot,
}

impl Engine<'_> {
    /// Migrates one node; a node that is migrated already is left alone.
    ///
    /// # Errors
    /// The node then stays cordoned, and the error carries the commands to resume and to undo.
    pub async fn migrate_node(&mut self, name: &str) -> Result<()> {
        if self.is_dry() {
            return self.would_migrate(name).await;
        }
        let mut clock = Stopwatch::new();
        let scope = Scope::Pods(name.to_owned());
        let snapshot = self.look(scope.clone(), false).await?;
        if crate::plan::is_migrated(snapshot.node(THE_NODE)) {
            let summary = "is migrated already".into();
            self.report.event(&Event::Finished { name: name.to_owned(), summary });
            return Ok(());
        }
        self.remember(&snapshot);
        self.announce(&snapshot);
        let mut seen = Seen { scope, snapshot };
        for step in NodeStep::sequence(self.options.reboot) {
            // On the heap: a future that holds what was seen is large.
            let result = Box::pin(self.node_step(name, step, seen, &mut clock)).await;
            seen = result.map_err(|e| with_ways_out(e, name, step))?;
        }
        self.journal.end_turn(name);
        self.journal.save().await?;
        let summary = clock.summary();
        self.report.event(&Event::Finished { name: name.to_owned(), summary });
        Ok(())
    }

    async fn node_step(
        &mut self,
        name: &str,
        step: NodeStep,
        seen: Seen,
        clock: &mut Stopwatch,
    ) -> Result<Seen> {
        self.may_go_on()?;
        let id = Step::Node(name.to_owned(), step).id();
        let (standing, seen) = self.standing(name, step, Some(seen)).await?;
        if standing == Standing::Done {
            self.journal.done(&id);
            self.report.event(&Event::Done { step: step.name().into(), detail: String::new(), took: None });
            return Ok(seen);
        }
        self.journal.intend(&id).await?;
        self.report.event(&Event::Started { step: step.name().into() });
        let begun = Instant::now();
        let result = self.do_node_step(name, step, seen.snapshot, clock).await;
        clock.add(step, begun.elapsed());
        let detail = match result {
            Ok(detail) => detail,
            Err(e) => {
                self.report.event(&Event::Failed { step: step.name().into(), reason: e.message.clone() });
                return Err(e);
            }
        };
        if step == NodeStep::Verify {
            self.journal.done(&id);
            self.journal.save().await?;
        }
        let (standing, seen) = self.standing(name, step, None).await?;
        if let Standing::Pending(reason) = standing {
            return Err(Error::failed(format!("{} of node {name} did not last: {reason}", step.name())));
        }
        self.journal.done(&id);
        let took = Some(begun.elapsed());
        self.report.event(&Event::Done { step: step.name().into(), detail, took });
        Ok(seen)
    }

    async fn do_node_step(
        &mut self,
        name: &str,
        step: NodeStep,
        seen: Snapshot,
        clock: &mut Stopwatch,
    ) -> Result<String> {
        match step {
            NodeStep::Cordon => cordon::cordon(self, name).await,
            NodeStep::Drain => drain::drain(self, name, seen).await,
            NodeStep::Switch => switch::switch(self, name).await,
            NodeStep::Reboot => reboot::reboot(self, name).await,
            NodeStep::Restart => restart::bring_over(self, name, Network::Cilium, seen).await,
            NodeStep::Verify => self.verify_node(name, clock).await,
            NodeStep::Uncordon => cordon::uncordon(self, name).await,
        }
    }

    /// Where a step stands, by what was seen just now if that is enough, else by a new look.
    async fn standing(&self, name: &str, step: NodeStep, seen: Option<Seen>) -> Result<(Standing, Seen)> {
        let scope = match step {
            NodeStep::Restart => Scope::Networks(name.to_owned()),
            NodeStep::Drain => Scope::Drain(name.to_owned()),
            _ => Scope::Agent(name.to_owned()),
        };
        let mut seen = match seen.filter(|seen| seen.scope.covers(&scope)) {
            Some(seen) => seen,
            None => Seen { snapshot: self.look(scope.clone(), false).await?, scope },
        };
        if step == NodeStep::Switch {
            self.observer.add_agent_views(&mut seen.snapshot, self.access).await;
        }
        let standing = standing(step, &seen.snapshot, THE_NODE, self.journal.record(), &self.options.drain);
        Ok((standing, seen))
    }

    async fn verify_node(&mut self, name: &str, clock: &mut Stopwatch) -> Result<String> {
        self.set_phase(name, Phase::Verifying).await?;
        let snapshot = self.peers.of(&self.observer, name).await?;
        let verdict = self.prober().prove(name, &snapshot).await?;
        clock.pod_start += verdict.pod_start;
        if verdict.passed() {
            return Ok(verdict.summary());
        }
        let mut text = format!("verification of node {name} failed: {}", verdict.summary());
        for path in verdict.failures().take(10) {
            text.push_str(&format!("\n  {}: {}/{} answered, {}", path.id, path.ok, path.sent, path.error));
        }
        Err(Error::no(text))
    }

    /// Writes the phase on the node.
    pub(super) async fn set_phase(&self, node: &str, phase: Phase) -> Result<()> {
        let patch = json!({"metadata": {"annotations": {PHASE_ANNOTATION: phase.to_string()}}});
        self.patch_node(node, &patch).await
    }

    /// Notes what the node was like before it is touched for the first time.
    fn remember(&mut self, snapshot: &Snapshot) {
        let node = snapshot.node(THE_NODE);
        let known = self.journal.record().nodes.get(&*node.name).is_some_and(|r| *r.uid == *node.uid);
        if known {
            return;
        }
        // The annotation survives a lost journal.
        let noted = node.annotations.get(crate::model::WAS_UNSCHEDULABLE_ANNOTATION).map(|v| &**v == "true");
        let before = NodeRecord {
            uid: node.uid.to_string(),
            was_unschedulable: noted.unwrap_or(node.unschedulable),
            boot_id: node.boot_id.to_string(),
        };
        self.journal.remember(&node.name, before);
    }

    fn announce(&self, snapshot: &Snapshot) {
        let pods = snapshot.pods_on(THE_NODE).filter(|p| p.on_pod_network()).count();
        let name = snapshot.node(THE_NODE).name.to_string();
        self.report
            .event(&Event::Subject { name, about: format!("{} on the pod network", count(pods, "pod")) });
    }
}

/// A failure names the state that the node was left in, how to go on and how to go back.
fn with_ways_out(error: Error, node: &str, step: NodeStep) -> Error {
    let state = match step {
        NodeStep::Cordon => "was not changed",
        _ => "stays cordoned",
    };
    let kind = if matches!(error.kind, Kind::Failed) { Kind::Partial } else { error.kind };
    Error { kind, ..error }
        .context(format!("node {node} {state}"))
        .hint("go on with: kubectl cni-migrate run --resume")
        .hint(format!("or only this node: kubectl cni-migrate node {node}"))
        .hint(format!("go back with: kubectl cni-migrate rollback {node}"))
}
