//! What every verb that writes begins with: a scene, hands, the operator's consent, the engine.

use std::ops::Deref;

use serde_json::json;

use super::flags::{ChartArgs, Output, SafetyArgs, WishArgs};
use super::look::{Scene, look};
use crate::act::{Engine, Installation, Options};
use crate::ctx::{Ctx, Hands};
use crate::error::{Error, Result};
use crate::event::{Event, Reporter};
use crate::exit::Outcome;
use crate::helm::Job;
use crate::model::{Encryption, RebootMode};
use crate::report;
use crate::target::NodeConfig;
use crate::ui::Progress;
use crate::values::{Phase, not_yet};

/// A scene, and what can change it.
pub(super) struct Stage {
    scene: Scene,
    hands: Hands,
}

impl Deref for Stage {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

/// Observes everything and resolves the intent.
pub(super) async fn stage(ctx: &Ctx, args: &WishArgs, reboot: Option<RebootMode>) -> Result<Stage> {
    let (session, hands) =
        ctx.session_with_hands(&args.release.release, &args.release.cilium_namespace).await?;
    Ok(Stage { scene: look(session, args, reboot).await?, hands })
}

/// What helm is to bring about, without helm.
pub(super) struct Prepared {
    job: Job,
    node_config: NodeConfig,
}

impl Stage {
    /// Adds what the agents see on their nodes.
    pub(super) async fn read_agents(&mut self) {
        let Scene { session, snapshot, .. } = &mut self.scene;
        session.observer.add_agent_views(snapshot, &*self.hands.access).await;
    }

    /// What helm is to bring about in a phase.
    pub(super) fn installation(
        &self,
        phase: Phase,
        args: &WishArgs,
        chart: &ChartArgs,
    ) -> Result<Installation<'_>> {
        self.with_helm(self.prepare(phase, args, chart)?)
    }

    /// All of it but helm's own part: what needs the pods.
    pub(super) fn prepare(&self, phase: Phase, args: &WishArgs, chart: &ChartArgs) -> Result<Prepared> {
        let values = self.values(phase, args)?.tree;
        if let Some(refusal) = not_yet(phase, &self.detected()?, &values) {
            return Err(refusal);
        }
        Ok(Prepared {
            node_config: NodeConfig::for_values(&self.intent.namespace, &values),
            job: self.job(values, chart),
        })
    }

    /// What was prepared, in the hands of helm.
    pub(super) fn with_helm(&self, prepared: Prepared) -> Result<Installation<'_>> {
        let Prepared { job, node_config } = prepared;
        let may_make_key = self.intent.features.encryption == Some(Encryption::Ipsec);
        Ok(Installation { helm: self.hands.helm()?, job, node_config, may_make_key })
    }

    /// Forgets the pods and their endpoints: of a large cluster they are much to hold while it is worked on. What is
    /// asked of the scene afterwards, the inventory, is about what makes pods, not about pods.
    pub(super) fn forget_pods(&mut self) {
        self.scene.snapshot.pods = Vec::new();
        self.scene.snapshot.cilium.endpoints = Vec::new();
    }

    /// Asks for consent, takes the lease, runs `work`, and gives the lease back whatever happened.
    pub(super) async fn write(
        &self,
        ctx: &Ctx,
        safety: &SafetyArgs,
        options: Options,
        about: &str,
        work: impl AsyncFnOnce(&mut Engine<'_>) -> Result<()>,
    ) -> Result<Outcome> {
        if !safety.is_dry() {
            ctx.ui.confirm(&self.snapshot.cluster.name, safety.yes.as_deref(), about)?;
        }
        let progress = Progress::new(ctx.ui.clone());
        let report: &dyn Reporter = &Told { to: &progress, and: ctx.listener.as_deref() };
        let mut engine = ctx.engine(&self.session, &self.hands, report, options, || self.fresh()).await?;
        let result = work(&mut engine).await;
        let closed = engine.close().await;
        let result = result.and(closed);
        tell(ctx, safety.output.output, &progress, result.as_ref().err())?;
        result.map(|()| Outcome::Done)
    }
}

/// Tells two.
struct Told<'a> {
    to: &'a Progress,
    and: Option<&'a dyn Reporter>,
}

impl Reporter for Told<'_> {
    fn event(&self, event: &Event) {
        self.to.event(event);
        if let Some(listener) = self.and {
            listener.event(event);
        }
    }
}

/// What a dry run would do, one line each; for machines everything that happened, and how it ended.
fn tell(ctx: &Ctx, output: Output, progress: &Progress, error: Option<&Error>) -> Result<()> {
    let content = || {
        report::object("RunReport", &json!({"events": progress.events(), "error": error.map(|e| &e.message)}))
    };
    match output {
        Output::Table => {
            let would = progress.events().into_iter().filter_map(|event| match event {
                Event::Would { action } => Some(format!("would {action}\n")),
                _ => None,
            });
            let lines: String = would.collect();
            if !lines.is_empty() {
                ctx.ui.data(&lines);
            }
        }
        Output::Json => ctx.ui.data(&report::json_text(&content()?)),
        Output::Yaml => ctx.ui.data(&report::yaml_text(&content()?)?),
    }
    Ok(())
}
