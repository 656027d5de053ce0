//! What every verb that writes begins with: the cluster as it is, the intent, the operator's consent, the engine.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::flags::{ChartArgs, Output, SafetyArgs, WishArgs};
use crate::act::{Engine, Installation, Options};
use crate::ctx::{Ctx, Session};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Reporter};
use crate::exit::Outcome;
use crate::helm::Job;
use crate::journal::{Journal, Record};
use crate::model::{Encryption, Intent, Inventory, Read, RebootMode, Snapshot};
use crate::observe::Scope;
use crate::report;
use crate::source::{Detection, detect};
use crate::target::NodeConfig;
use crate::ui::Progress;
use crate::values::{Detected, Phase, Values, check_keys, not_yet};
use crate::wish;

/// helm's own limit for one operation on the API server.
const HELM_TIMEOUT: std::time::Duration = std::time::Duration::from_mins(5);

/// The cluster as it is, and what is wanted of it.
pub(super) struct Scene {
    pub(super) session: Session,
    pub(super) snapshot: Snapshot,
    pub(super) detection: Detection,
    pub(super) record: Option<Record>,
    pub(super) intent: Intent,
}

/// Observes everything and resolves the intent.
pub(super) async fn scene(ctx: &Ctx, args: &WishArgs, reboot: Option<RebootMode>) -> Result<Scene> {
    let session = ctx.session(&args.release.release, &args.release.cilium_namespace).await?;
    let snapshot = session.observer.snapshot(&Scope::All).await?;
    let record = Journal::read(&session.connection.reader, &snapshot.cluster.uid).await?;
    let detection = detect(&snapshot);
    let parameters = detection.one().map(|(_, parameters)| parameters);
    let intent = wish::intent(&args.wish(reboot), parameters, record.as_ref())?;
    Ok(Scene { session, snapshot, detection, record, intent })
}

impl Scene {
    /// Pod networks of the source CNI, from the journal or as detected.
    pub(super) fn source_networks(&self) -> Vec<IpNet> {
        match (&self.record, self.detection.one()) {
            (Some(record), _) => record.source_networks.clone(),
            (None, Some((_, parameters))) => parameters.networks.clone(),
            (None, None) => Vec::new(),
        }
    }

    /// The record of a new migration: the inventory is taken here, once.
    fn fresh(&self) -> Result<Record> {
        let (source, parameters) = wish::source_of(&self.detection)?;
        let inventory = Inventory { residue: source.residue(parameters), ..source.inventory(&self.snapshot) };
        let uid = self.snapshot.cluster.uid.clone();
        Ok(Record::new(uid, self.intent.clone(), parameters.networks.clone(), inventory))
    }

    /// What the values need to know of the cluster.
    pub(super) fn detected(&self) -> Result<Detected> {
        let (source, parameters) = wish::source_of(&self.detection)?;
        Ok(wish::detected(&self.snapshot, source, parameters))
    }

    /// Values of the running release, where there is one.
    pub(super) fn running(&self) -> Option<&Value> {
        match &self.snapshot.release {
            Read::Known(Some(release)) => Some(&release.values),
            _ => None,
        }
    }

    /// The values of a phase.
    pub(super) fn values(&self, phase: Phase, args: &WishArgs) -> Result<Values> {
        wish::values(phase, &self.detected()?, &self.intent, &args.overlays()?, self.running())
    }

    /// What helm is to bring about in a phase.
    pub(super) fn installation(
        &self,
        phase: Phase,
        args: &WishArgs,
        chart: &ChartArgs,
    ) -> Result<Installation<'_>> {
        let values = self.values(phase, args)?.tree;
        if let Some(refusal) = not_yet(phase, &self.detected()?, &values) {
            return Err(refusal);
        }
        Ok(Installation {
            helm: self.session.helm()?,
            node_config: NodeConfig::for_values(&self.intent.namespace, &values),
            job: self.job(values, chart),
            may_make_key: self.intent.features.encryption == Some(Encryption::Ipsec),
        })
    }

    /// Refuses keys of the user's values that the chart does not have; says so where they could not be checked.
    pub(super) async fn check_keys(&self, ctx: &Ctx, args: &WishArgs, chart: &ChartArgs) -> Result<()> {
        let user = args.overlays()?;
        if user.is_empty() {
            return Ok(());
        }
        let job = self.job(json!({}), chart);
        let known = match self.session.helm() {
            Ok(helm) => helm.chart_values(&job).await,
            Err(e) => Err(e),
        };
        match known {
            Ok(known) => check_keys(&job.version, &known, &user),
            Err(e) if e.kind == Kind::Usage => Err(e),
            Err(e) => {
                ctx.ui.warning(&format!(
                    "the keys of your values were not checked, for want of the chart: {e}"
                ));
                Ok(())
            }
        }
    }

    /// The release with these values.
    pub(super) fn job(&self, values: Value, chart: &ChartArgs) -> Job {
        Job {
            release: self.intent.release.clone(),
            namespace: self.intent.namespace.clone(),
            chart: chart.chart(),
            version: self.intent.cilium_version.clone(),
            values,
            dry_run: false,
            timeout: HELM_TIMEOUT,
        }
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
        let report: &dyn Reporter = &progress;
        let mut engine = ctx.engine(&self.session, report, options, || self.fresh()).await?;
        let result = work(&mut engine).await;
        let closed = engine.close().await;
        let result = result.and(closed);
        tell(ctx, safety.output.output, &progress, result.as_ref().err())?;
        result.map(|()| Outcome::Done)
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
