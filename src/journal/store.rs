//! The record in its ConfigMaps: every write carries the resourceVersion that was read, so two writers cannot mix.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::documents::{self, Joined};
use super::format::{NodeRecord, Progress, Record, StepRecord, node_of};
use super::layout::Layout;
use crate::error::{Error, Result};
use crate::kube::{Reader, Refusal, Writer, explain, refusal};
use crate::model::{JOURNAL_PARTS, journal_document};

const COLLECTION: &str = "/api/v1/namespaces/kube-system/configmaps";
const KEY: &str = "record";

#[derive(Deserialize)]
struct Wire {
    metadata: Meta,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: String,
}

/// An open journal.
pub struct Journal {
    writer: Writer,
    record: Record,
    layout: Layout,
    begun: String,
    /// resourceVersions of the documents that are stored: of the head, then of the parts.
    versions: Vec<String>,
    /// Documents that say something else than what is stored.
    changed: BTreeSet<usize>,
}

impl Journal {
    /// The record of this cluster, if there is one.
    pub async fn read(reader: &Reader, cluster_uid: &str) -> Result<Option<Record>> {
        Ok(load(reader, cluster_uid).await?.map(|(joined, _)| joined.record))
    }

    /// Opens the journal for writing; a new one begins with `fresh`.
    ///
    /// # Errors
    /// A record that is not this cluster's, or that somebody broke.
    pub async fn open(
        reader: &Reader,
        writer: Writer,
        cluster_uid: &str,
        fresh: impl FnOnce() -> Result<Record>,
    ) -> Result<Self> {
        let (joined, versions) = match load(reader, cluster_uid).await? {
            Some(known) => known,
            None => (Joined::from(fresh()?), Vec::new()),
        };
        let Joined { record, layout, begun, to_link } = joined;
        let changed = match begun {
            Some(_) => to_link.into_iter().collect(),
            // A new one, or one of version 1: nothing is stored as it is to be.
            None => (0..=layout.parts()).collect(),
        };
        let begun = begun.unwrap_or_else(|| writer.now().to_string());
        Ok(Self { writer, record, layout, begun, versions, changed })
    }

    /// What is remembered.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether anything was ever intended: a verb that only looked leaves no record behind.
    pub fn is_begun(&self) -> bool {
        !self.versions.is_empty() || !self.record.steps.is_empty()
    }

    /// Writes what changed since it was written last.
    ///
    /// # Errors
    /// Locked, where somebody else wrote meanwhile. What was not written then is written by the next save.
    pub async fn save(&mut self) -> Result<()> {
        while let Some(number) = self.next() {
            self.write(number).await?;
        }
        Ok(())
    }

    /// The document that is to be written next. A new head is the first, then come parts in their order: nothing is ever
    /// stored that a reader does not find. A head that was there is the last: while it is of version 1, it is the whole
    /// journal.
    fn next(&self) -> Option<usize> {
        let new_head = self.changed.first().filter(|_| self.versions.is_empty());
        let part = || self.changed.iter().find(|number| **number > 0);
        new_head.or_else(part).or(self.changed.first()).copied()
    }

    async fn write(&mut self, number: usize) -> Result<()> {
        let name = journal_document(number);
        let followed = number + 1 < self.versions.len();
        let text = documents::text(&self.record, &self.layout, &self.begun, number, followed)?;
        let mut body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "kube-system",
                         "labels": {"app.kubernetes.io/managed-by": "kubectl-cni-migrate"}},
            "data": {KEY: text},
        });
        let result = if let Some(version) = self.versions.get(number) {
            body["metadata"]["resourceVersion"] = json!(version);
            self.writer.replace(&format!("{COLLECTION}/{name}"), &body).await
        } else {
            self.writer.create(COLLECTION, &body).await
        };
        match result {
            Ok(answer) => {
                let version = answer.version().ok_or_else(|| {
                    Error::failed(format!("ConfigMap kube-system/{name} was written, and its answer has no resourceVersion"))
                })?;
                self.written(number, version);
                Ok(())
            }
            Err(e) if matches!(refusal(&e), Refusal::Conflict | Refusal::Exists) => {
                Err(Error::locked(format!(
                    "the journal (ConfigMap kube-system/{name}) was changed by somebody else: another run may be at work"
                ))
                .hint("see who: kubectl -n kube-system get lease cni-migrate -o yaml"))
            }
            Err(e) => Err(explain(&format!("writing the journal (ConfigMap kube-system/{name})"), &e)),
        }
    }

    fn written(&mut self, number: usize, version: String) {
        self.changed.remove(&number);
        if let Some(known) = self.versions.get_mut(number) {
            *known = version;
            return;
        }
        self.versions.push(version);
        // The document before it says from now on that a part follows.
        self.changed.extend(number.checked_sub(1));
    }

    /// Writes down that a step is about to be done.
    ///
    /// # Errors
    /// Those of [`Journal::save`].
    pub async fn intend(&mut self, step: &str) -> Result<()> {
        self.mark(step, Progress::Intended);
        self.save().await
    }

    /// Notes that a step is done; it is written with the next intent, or by [`Journal::save`].
    pub fn done(&mut self, step: &str) {
        self.mark(step, Progress::Done);
    }

    fn mark(&mut self, step: &str, progress: Progress) {
        let at = self.writer.now().to_string();
        self.record.steps.insert(step.to_owned(), StepRecord { progress, at });
        let document = node_of(step).map_or(0, |(node, _)| self.layout.place(node));
        self.changed.insert(document);
    }

    /// Notes what a node was like before it was touched; what was known of a node of that name is forgotten.
    pub fn remember(&mut self, node: &str, before: NodeRecord) {
        self.record.forget_node(node);
        self.record.nodes.insert(node.to_owned(), before);
        self.changed.insert(self.layout.place(node));
    }

    /// Notes that a node's turn is over ([`Record::end_turn`]).
    pub fn end_turn(&mut self, node: &str) {
        self.record.end_turn(node);
        self.changed.insert(self.layout.place(node));
    }

    /// Forgets a node ([`Record::forget_node`]).
    pub fn forget_node(&mut self, node: &str) {
        self.record.forget_node(node);
        self.changed.extend(self.layout.remove(node));
    }

    /// Keeps copies of objects that are about to be deleted.
    pub fn keep(&mut self, objects: Vec<Value>) {
        self.record.saved_objects.extend(objects);
        self.changed.insert(0);
    }
}

impl From<Record> for Joined {
    fn from(record: Record) -> Self {
        let layout = Layout::of(&record);
        Self { record, layout, begun: None, to_link: Vec::new() }
    }
}

/// Reads the documents, part by part until there is none, with their resourceVersions.
async fn load(reader: &Reader, cluster_uid: &str) -> Result<Option<(Joined, Vec<String>)>> {
    let Some((head, version)) = document(reader, 0).await? else {
        return match document(reader, 1).await? {
            Some(_) => Err(documents::missing(0)),
            None => Ok(None),
        };
    };
    let (mut parts, mut versions) = (Vec::new(), vec![version]);
    for number in 1..=JOURNAL_PARTS {
        let Some((text, version)) = document(reader, number).await? else { break };
        parts.push(text);
        versions.push(version);
    }
    Ok(Some((documents::join(&head, &parts, cluster_uid)?, versions)))
}

async fn document(reader: &Reader, number: usize) -> Result<Option<(String, String)>> {
    let path = format!("{COLLECTION}/{}", journal_document(number));
    let Some(mut wire) = reader.get::<Wire>(&path).await? else { return Ok(None) };
    Ok(Some((wire.data.remove(KEY).unwrap_or_default(), wire.metadata.resource_version)))
}
