//! Releases as helm keeps them: a Secret for each revision, so that a real helm sees what the stand-in did and the
//! stand-in what a real helm did (`helm/pkg/storage/driver/secrets.go` and `util.go`).

use std::io::Read as _;

use base64::prelude::*;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};

use super::json::{int, text};
use super::lifecycle::{Deletion, Part};
use super::resource::id;
use super::store::Key;
use super::world::World;
use crate::sim::value::{Value, json};
use crate::yaml;

/// Type of the Secrets.
const TYPE: &str = "helm.sh/release.v1";

/// One revision of a release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Release {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) revision: u64,
    /// `deployed`, `superseded`, `pending-install`, ...
    pub(crate) status: String,
    /// Version of the chart, without `v`.
    pub(crate) version: String,
    /// What the user gave.
    pub(crate) values: Value,
    /// What the chart rendered, as YAML documents.
    pub(crate) manifest: String,
    pub(crate) updated: String,
}

impl Release {
    /// As helm prints a release in JSON and keeps it.
    pub(crate) fn record(&self) -> Value {
        json!({
            "name": self.name, "namespace": self.namespace, "version": self.revision, "config": self.values,
            "info": {"status": self.status, "description": self.description(), "first_deployed": self.updated,
                "last_deployed": self.updated, "deleted": ""},
            "chart": {"metadata": {"apiVersion": "v2", "name": "cilium", "version": self.version,
                "appVersion": self.version}},
            "manifest": self.manifest,
        })
    }

    fn description(&self) -> &str {
        match (self.status.as_str(), self.revision) {
            ("deployed" | "superseded", 1) => "Install complete",
            ("deployed" | "superseded", _) => "Upgrade complete",
            _ => "Preparing",
        }
    }

    /// Kinds and names of what the chart rendered: apiVersion, kind, name.
    pub(crate) fn objects(&self) -> Vec<(String, String, String)> {
        let documents =
            self.manifest.split("---\n").filter_map(|document| yaml::read(document).ok()).map(Value::from);
        let name = |o: &Value| {
            let part = |pointer: &str| text(o, pointer).to_owned();
            (part("/apiVersion"), part("/kind"), part("/metadata/name"))
        };
        documents.filter(Value::is_object).map(|object| name(&object)).collect()
    }

    fn key(&self) -> Key {
        let name = format!("sh.helm.release.v1.{}.v{}", self.name, self.revision);
        Key::new(id::SECRETS, &self.namespace, &name)
    }

    fn secret(&self) -> Value {
        let key = self.key();
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": TYPE,
            "metadata": {"name": &*key.name, "namespace": &*key.namespace, "labels": {
                "name": self.name, "owner": "helm", "status": self.status, "version": self.revision.to_string(),
            }},
            "data": {"release": BASE64_STANDARD.encode(BASE64_STANDARD.encode(packed(&self.record())))},
        })
    }

    /// A revision from its Secret; `None` for any other Secret.
    fn read(secret: &Value) -> Option<Self> {
        if text(secret, "/type") != TYPE {
            return None;
        }
        let inner = BASE64_STANDARD.decode(text(secret, "/data/release")).ok()?;
        let mut record = Vec::new();
        GzDecoder::new(BASE64_STANDARD.decode(inner).ok()?.as_slice()).read_to_end(&mut record).ok()?;
        let record: Value = serde_json::from_slice(&record).ok()?;
        let part = |pointer: &str| text(&record, pointer).to_owned();
        Some(Self {
            name: part("/name"),
            namespace: part("/namespace"),
            revision: u64::try_from(int(&record, "/version")).ok()?,
            status: part("/info/status"),
            version: part("/chart/metadata/version").trim_start_matches('v').to_owned(),
            // A release without values has null or nothing here.
            values: record.get("config").filter(|c| c.is_object()).cloned().unwrap_or_else(|| json!({})),
            manifest: part("/manifest"),
            updated: part("/info/last_deployed"),
        })
    }
}

/// gzip, as helm packs a record.
fn packed(record: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Nothing can go wrong between two pieces of memory.
    drop(GzEncoder::new(record.to_string().as_bytes(), Compression::best()).read_to_end(&mut bytes));
    bytes
}

impl World {
    /// The newest revision of every release, by namespace and name; of all namespaces where none is given.
    pub(crate) fn releases(&self, namespace: &str) -> Vec<Release> {
        let mut all: Vec<Release> = self.revisions_in(namespace).collect();
        all.sort_by(|a, b| (&a.namespace, &a.name, b.revision).cmp(&(&b.namespace, &b.name, a.revision)));
        all.dedup_by(|later, first| (&later.namespace, &later.name) == (&first.namespace, &first.name));
        all
    }

    /// The newest revision of one release.
    pub(crate) fn release(&self, namespace: &str, name: &str) -> Option<Release> {
        self.releases(namespace).into_iter().find(|release| release.name == name)
    }

    fn revisions_in(&self, namespace: &str) -> impl Iterator<Item = Release> {
        let space = Some(namespace).filter(|space| !space.is_empty());
        self.store.list(id::SECRETS, space).filter_map(Release::read)
    }

    /// Keeps a revision, in place of what was kept of it before.
    ///
    /// # Errors
    /// As the API server refuses the Secret.
    pub(crate) fn keep_release(&mut self, release: &Release) -> Result<(), String> {
        let (key, secret) = (release.key(), release.secret());
        let kept = match self.store.get(&key) {
            None => self.create(id::SECRETS, secret, false),
            Some(_) => self.update(&key, secret, Part::Main, false),
        };
        kept.map(drop).map_err(|refusal| text(&refusal.body, "/message").to_owned())
    }

    /// Forgets all revisions of a release.
    pub(crate) fn forget_release(&mut self, release: &Release) {
        let all: Vec<Release> = self.revisions_in(&release.namespace).collect();
        for revision in all.iter().filter(|revision| revision.name == release.name) {
            // It was there a moment ago, and nothing protects it.
            drop(self.delete(&revision.key(), &Deletion::default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        let manifest =
            "---\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"cilium-config\"}}\n";
        Release {
            name: "cilium".into(),
            namespace: "kube-system".into(),
            revision: 2,
            status: "deployed".into(),
            version: "1.19.6".into(),
            values: json!({"MTU": 1450}),
            manifest: manifest.into(),
            updated: "2026-06-21T00:00:00Z".into(),
        }
    }

    #[test]
    fn a_revision_comes_back_from_its_secret_and_other_secrets_are_none() {
        let secret = release().secret();
        assert_eq!(secret["metadata"]["name"], "sh.helm.release.v1.cilium.v2");
        assert_eq!(Release::read(&secret), Some(release()));
        assert_eq!(Release::read(&json!({"type": "Opaque", "data": {"release": "e30="}})), None);
    }

    #[test]
    fn a_manifest_of_helms_own_names_its_objects() {
        let comments = "---\n# Source: cilium/templates/a.yaml\napiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: cilium\n";
        let release = Release { manifest: comments.into(), ..release() };
        assert_eq!(release.objects(), [("apps/v1".into(), "DaemonSet".into(), "cilium".into())]);
    }
}
