//! The record in its ConfigMap: every write carries the resourceVersion that was read, so two writers cannot mix.

use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

use super::format::{Progress, Record, StepRecord};
use crate::error::{Error, Result};
use crate::kube::{Reader, Refusal, Writer, explain, refusal};

const COLLECTION: &str = "/api/v1/namespaces/kube-system/configmaps";
const NAME: &str = "cni-migrate-journal";
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
    resource_version: Option<String>,
    /// The record; change it, then [`Journal::save`].
    pub record: Record,
}

impl Journal {
    /// The record of this cluster, if there is one.
    pub async fn read(reader: &Reader, cluster_uid: &str) -> Result<Option<Record>> {
        Ok(load(reader, cluster_uid).await?.map(|(record, _)| record))
    }

    /// Opens the journal for writing; a new one begins with `fresh`.
    pub async fn open(
        reader: &Reader,
        writer: Writer,
        cluster_uid: &str,
        fresh: impl FnOnce() -> Result<Record>,
    ) -> Result<Self> {
        match load(reader, cluster_uid).await? {
            Some((record, version)) => Ok(Self { writer, resource_version: Some(version), record }),
            None => Ok(Self { writer, resource_version: None, record: fresh()? }),
        }
    }

    /// Whether anything was ever intended: a verb that only looked leaves no record behind.
    pub fn is_begun(&self) -> bool {
        self.resource_version.is_some() || !self.record.steps.is_empty()
    }

    /// Writes the record.
    ///
    /// # Errors
    /// Locked, where somebody else wrote meanwhile.
    pub async fn save(&mut self) -> Result<()> {
        let text = serde_json::to_string(&self.record)
            .map_err(|e| Error::failed(format!("the journal could not be written: {e}")))?;
        let mut body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": "kube-system",
                         "labels": {"app.kubernetes.io/managed-by": "kubectl-cni-migrate"}},
            "data": {KEY: text},
        });
        let result = if let Some(version) = &self.resource_version {
            body["metadata"]["resourceVersion"] = json!(version);
            self.writer.replace(&format!("{COLLECTION}/{NAME}"), &body).await
        } else {
            self.writer.create(COLLECTION, &body).await
        };
        match result {
            Ok(answer) => {
                self.resource_version = answer["metadata"]["resourceVersion"]
                    .as_str()
                    .map(str::to_owned)
                    .or(self.resource_version.take());
                Ok(())
            }
            Err(e) if matches!(refusal(&e), Refusal::Conflict | Refusal::Exists) => {
                Err(Error::locked("the journal was changed by somebody else: another run may be at work")
                    .hint("see who: kubectl -n kube-system get lease cni-migrate -o yaml"))
            }
            Err(e) => Err(explain("writing the journal", &e)),
        }
    }

    /// Writes down that a step is about to be done.
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
    }
}

async fn load(reader: &Reader, cluster_uid: &str) -> Result<Option<(Record, String)>> {
    let Some(wire) = reader.get::<Wire>(&format!("{COLLECTION}/{NAME}")).await? else { return Ok(None) };
    let text = wire.data.get(KEY).map(String::as_str).unwrap_or_default();
    Ok(Some((Record::parse(text, cluster_uid)?, wire.metadata.resource_version)))
}
