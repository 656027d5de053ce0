//! What every verb begins with: the cluster as it is, and the intent. Nothing in here can change the cluster.

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::flags::{ChartArgs, FromArgs, WishArgs};
use crate::ctx::{Ctx, Place, Session};
use crate::error::{Error, Kind, Result};
use crate::helm::{self, Helm, Job};
use crate::journal::{Journal, Record};
use crate::model::{Intent, Inventory, Read, RebootMode, Snapshot};
use crate::observe::Scope;
use crate::sim::{SimError, replay};
use crate::source::{Detection, detect};
use crate::values::{Detected, Phase, Values, check_keys};
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
    /// When this was so.
    pub(super) now: Timestamp,
}

/// Observes everything and resolves the intent.
pub(super) async fn scene(ctx: &Ctx, args: &WishArgs, reboot: Option<RebootMode>) -> Result<Scene> {
    look(ctx.session(&args.release.release, &args.release.cilium_namespace).await?, args, reboot).await
}

/// The same, of a cluster or of a snapshot of one.
pub(super) async fn scene_from(
    ctx: &Ctx,
    from: &FromArgs,
    args: &WishArgs,
    reboot: Option<RebootMode>,
) -> Result<Scene> {
    let Some((header, objects)) = from.read()? else { return scene(ctx, args, reboot).await };
    let broken = |e: SimError| Error::usage(format!("the snapshot makes no cluster: {e}"));
    let place = Place::Embedded(replay(&header, objects).map_err(broken)?);
    let Ctx { ui, cancel, who, .. } = ctx;
    let there = Ctx { ui: ui.clone(), place, cancel: cancel.clone(), who: who.clone(), listener: None };
    let mut scene = scene(&there, args, reboot).await?;
    // Charts are no part of a cluster: the helm that is here knows them.
    if let (Place::Live { helm_bin, .. }, Ok(recorded)) = (&ctx.place, &scene.session.helm) {
        let here = helm::Options { bin: helm_bin.clone(), kubeconfig: None };
        let charts = Helm::locate(&here).await;
        scene.session.helm = charts.map(|charts| recorded.clone().with_charts_of(charts));
    }
    scene.session.host = header.host;
    scene.now = header.taken_at;
    Ok(scene)
}

/// Observes everything through a session that is open.
pub(super) async fn look(session: Session, args: &WishArgs, reboot: Option<RebootMode>) -> Result<Scene> {
    let snapshot = session.observer.snapshot(&Scope::All).await?;
    let record = Journal::read(&session.reader, &snapshot.cluster.uid).await?;
    let detection = detect(&snapshot);
    let parameters = detection.one().map(|(_, parameters)| parameters);
    let intent = wish::intent(&args.wish(reboot), parameters, record.as_ref())?;
    Ok(Scene { session, snapshot, detection, record, intent, now: Timestamp::now() })
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

    /// What belongs to the source CNI, from the journal or as detected.
    pub(super) fn inventory(&self) -> Inventory {
        match (&self.record, self.detection.one()) {
            (Some(record), _) => record.inventory.clone(),
            (None, Some((source, _))) => source.inventory(&self.snapshot),
            (None, None) => Inventory::default(),
        }
    }

    /// The record of a new migration: the inventory is taken here, once.
    pub(super) fn fresh(&self) -> Result<Record> {
        let (source, parameters) = wish::source_of(&self.detection)?;
        let inventory = source.inventory(&self.snapshot);
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
        let mut values =
            wish::values(phase, &self.detected()?, &self.intent, &args.overlays()?, self.running())?;
        args.wish(None).claim(&mut values);
        Ok(values)
    }

    /// Refuses a chart of another version and keys of the user's values that the chart does not have, before anything
    /// is written; says so where the keys could not be checked.
    pub(super) async fn check_chart(&self, ctx: &Ctx, args: &WishArgs, chart: &ChartArgs) -> Result<()> {
        let user = args.overlays()?;
        let job = self.job(json!({}), chart);
        let known = match &self.session.helm {
            Ok(helm) if user.is_empty() => helm.check_chart(&job).await.map(|()| json!({})),
            Ok(helm) => helm.chart_values(&job).await,
            Err(e) => Err(e.copy()),
        };
        match known {
            Ok(known) => check_keys(&job.version, &known, &user),
            Err(e) if e.kind == Kind::Usage => Err(e),
            // Without values of the user's own there is nothing to check; the checks speak of a helm that is missing.
            Err(_) if user.is_empty() => Ok(()),
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
}
