//! Taking one node back to the source CNI, without a reboot, in the order that was proven on the lab.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::engine::{Engine, THE_NODE, TICK};
use super::restart::bring_over;
use super::switch::delete_pod;
use super::{cordon, drain};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::kube::{Poll, until};
use crate::model::{MIGRATION_LABEL, PHASE_ANNOTATION, Pod, Read};
use crate::observe::Scope;
use crate::plan::{Phase, Step};
use crate::target::{CNI_DIR, CNI_FILE};
use crate::verify::Network;

const BACKUP: &str = ".cilium_bak";

impl Engine<'_> {
    /// Brings a node back to the source CNI.
    ///
    /// # Errors
    /// A refusal once the clean-up began: there is nothing to go back to.
    pub async fn rollback_node(&mut self, name: &str) -> Result<()> {
        let begun = Instant::now();
        self.may_go_on()?;
        if let Some(step) =
            [Step::Cleanup, Step::Finalize].iter().find(|s| self.journal.record().progress(&s.id()).is_some())
        {
            return Err(Error::no(format!("node {name} cannot go back: {} has begun", step.id()))
                .hint("the source CNI's objects are saved in ConfigMap kube-system/cni-migrate-journal"));
        }
        if !self.journal.record().nodes.contains_key(name) {
            return Err(Error::no(format!(
                "node {name} was not touched by this migration: there is nothing to undo"
            )));
        }
        if self.is_dry() {
            return self.would_roll_back(name).await;
        }
        self.journal.intend(&format!("node/{name}/rollback")).await?;
        self.step("cordon", cordon::cordon(self, name)).await?;
        self.set_phase(name, Phase::RollingBack).await?;
        self.step("drain", self.look_and_drain(name)).await?;
        self.set_phase(name, Phase::RollingBack).await?;
        self.step("switch", self.switch_back(name)).await?;
        self.step("restart", self.look_and_restart(name)).await?;
        self.step("verify", self.verify_back(name)).await?;
        self.step("uncordon", cordon::restore(self, name, Value::Null)).await?;
        self.journal.forget_node(name);
        self.journal.save().await?;
        let summary = format!("is back on the source CNI, in {} s", begun.elapsed().as_secs());
        self.report.event(&Event::Finished { name: name.to_owned(), summary });
        Ok(())
    }

    async fn step(&self, name: &str, work: impl Future<Output = Result<String>>) -> Result<()> {
        let begun = Instant::now();
        self.report.event(&Event::Started { step: name.into() });
        match work.await {
            Ok(detail) => {
                self.report.event(&Event::Done { step: name.into(), detail, took: Some(begun.elapsed()) });
                Ok(())
            }
            Err(e) => {
                self.report.event(&Event::Failed { step: name.into(), reason: e.message.clone() });
                Err(e)
            }
        }
    }

    async fn look_and_drain(&self, name: &str) -> Result<String> {
        let seen = self.look(Scope::Drain(name.to_owned()), false).await?;
        // On the heap, here and below: a future that holds what was seen is large.
        Box::pin(drain::drain(self, name, seen)).await
    }

    async fn look_and_restart(&self, name: &str) -> Result<String> {
        let seen = self.look(Scope::Networks(name.to_owned()), false).await?;
        Box::pin(bring_over(self, name, Network::Source, seen)).await
    }

    /// The label goes first: an agent that still had it would rename the old file away again.
    async fn switch_back(&self, name: &str) -> Result<String> {
        let patch = json!({"metadata": {
            "labels": {MIGRATION_LABEL: null},
            "annotations": {PHASE_ANNOTATION: Phase::RollingBack.to_string()},
        }});
        self.patch_node(name, &patch).await?;
        let agent = self.fresh_agent(name).await?;
        let at = (&*agent.namespace, &*agent.name);
        for file in self.cni_files(name).await?.iter().filter_map(|f| f.strip_suffix(BACKUP)) {
            let (from, to) = (format!("{CNI_DIR}/{file}{BACKUP}"), format!("{CNI_DIR}/{file}"));
            self.command(at, &["mv", &from, &to]).await?;
        }
        self.command(at, &["rm", "-f", &format!("{CNI_DIR}/{CNI_FILE}")]).await?;
        let files = self.cni_files(name).await?;
        if files.iter().any(|f| f == CNI_FILE) || files.is_empty() {
            return Err(Error::failed(format!("the CNI directory of node {name} now holds {files:?}")));
        }
        Ok(format!("agent ready without the CNI directory, {} is first", files.join(", ")))
    }

    /// Restarts the agent until it runs without the migration's options.
    async fn fresh_agent(&self, name: &str) -> Result<Pod> {
        let mut restarts = 0;
        until(&format!("agent on node {name}"), self.options.timeout, TICK, async || {
            let snapshot = self.look(Scope::Agent(name.to_owned()), true).await?;
            let Some(agent) = snapshot.agent_on(THE_NODE).filter(|a| a.ready) else {
                return Ok(Poll::Pending("no agent is Ready".into()));
            };
            match snapshot.agent_views.values().next() {
                Some(Read::Known(view))
                    if view.config.get("custom-cni-conf").is_some_and(|v| v == "true") =>
                {
                    Ok(Poll::Ready(agent.clone()))
                }
                Some(Read::Known(_)) if restarts < 2 => {
                    restarts += 1;
                    delete_pod(self, &agent.namespace, &agent.name, &agent.uid).await?;
                    Ok(Poll::Pending("the agent restarts".into()))
                }
                Some(Read::Known(_)) => {
                    Err(Error::failed("the agent still manages the CNI directory after two restarts"))
                }
                Some(Read::Unknown(why)) => Ok(Poll::Pending(why.clone())),
                None => Ok(Poll::Pending("the agent's options were not read".into())),
            }
        })
        .await
    }

    async fn cni_files(&self, name: &str) -> Result<Vec<String>> {
        let snapshot = self.look(Scope::Agent(name.to_owned()), true).await?;
        match snapshot.agent_views.values().next() {
            Some(Read::Known(view)) => Ok(view.cni_files.clone()),
            Some(Read::Unknown(why)) => Err(Error::failed(format!("node {name}: {why}"))),
            None => Err(Error::failed(format!("the CNI directory of node {name} was not read"))),
        }
    }

    async fn command(&self, agent: (&str, &str), argv: &[&str]) -> Result<()> {
        self.may_go_on()?;
        let output = self.access.run(agent.0, agent.1, argv).await?;
        if output.code == 0 {
            return Ok(());
        }
        Err(Error::failed(format!("{}: {}", argv.join(" "), output.stderr.trim())))
    }

    async fn verify_back(&self, name: &str) -> Result<String> {
        let snapshot = self.observer.nodes_and_blocks().await?;
        let verdict = self.prober().prove(name, &snapshot).await?;
        if verdict.passed() {
            return Ok(verdict.summary());
        }
        let failed: Vec<String> = verdict.failures().map(|p| format!("{}: {}", p.id, p.error)).collect();
        Err(Error::no(format!(
            "node {name} stays cordoned: {}:\n  {}",
            verdict.summary(),
            failed.join("\n  ")
        )))
    }
}
