//! What every verb begins with: the cluster as it is, and the intent. Nothing in here can change the cluster.

use ipnet::IpNet;

use super::flags::WishArgs;
use crate::ctx::{Ctx, Session};
use crate::error::Result;
use crate::journal::{Journal, Record};
use crate::model::{Intent, Inventory, Read, RebootMode, Snapshot};
use crate::observe::Scope;
use crate::source::{Detection, detect};
use crate::values::{Phase, Values};
use crate::wish;

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
    look(ctx.session(&args.release.release, &args.release.cilium_namespace).await?, args, reboot).await
}

/// Observes everything through a session that is open.
pub(super) async fn look(session: Session, args: &WishArgs, reboot: Option<RebootMode>) -> Result<Scene> {
    let snapshot = session.observer.snapshot(&Scope::All).await?;
    let record = Journal::read(&session.reader, &snapshot.cluster.uid).await?;
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

    /// The values of a phase.
    pub(super) fn values(&self, phase: Phase, args: &WishArgs) -> Result<Values> {
        let (source, parameters) = wish::source_of(&self.detection)?;
        let detected = wish::detected(&self.snapshot, source, parameters);
        let running = match &self.snapshot.release {
            Read::Known(Some(release)) => Some(&release.values),
            _ => None,
        };
        wish::values(phase, &detected, &self.intent, &args.overlays()?, running)
    }
}
