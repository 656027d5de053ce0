//! Takes a cluster into a file: each list is read page by page, pruned at once and packed, so that only a page of whole
//! objects is ever held.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cluster;
use super::{KUBEADM_CONFIGS, Observer, served};
use crate::error::Result;
use crate::helm::Helm;
use crate::kube::{Reader, Selection, explain, said};
use crate::model::{JOURNAL_PARTS, ObjectRef, Read, Release, journal_document};
use crate::snapshot::{
    API_VERSION, Answer, Body, CILIUM, Failure, Header, KIND, KINDS, Keep, Line, Part, Pseudonyms, Refused,
    config_map, is_reduced, presence, reduce,
};
use crate::source::SOURCES;
use crate::values;

/// What a snapshot is taken of, besides the cluster's objects.
pub struct Wanted<'a> {
    /// When it is taken.
    pub at: Timestamp,
    /// Version of this tool.
    pub tool: &'a str,
    /// Host name or address of the API server.
    pub host: &'a str,
    /// helm, or why there is none.
    pub helm: &'a Result<Helm>,
    /// Name of Cilium's release.
    pub release: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// A namespace without role bindings, in which the caller's rights everywhere show.
    pub nowhere: &'a str,
    /// Whether names are disguised.
    pub anonymise: bool,
}

const CILIUM_CONFIG: &str = "cilium-config";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Reads everything that a plan depends on.
///
/// # Errors
/// Where nodes, pods or discovery cannot be read; any other gap is noted in the header.
pub async fn record(observer: &Observer, wanted: &Wanted<'_>) -> Result<(Header, Body)> {
    let mut taken = Taken::new(observer.reader(), wanted.anonymise);
    taken.kinds().await?;
    taken.cilium().await?;
    taken.named(wanted.namespace).await;
    let mut header = Header {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        taken_at: wanted.at,
        tool: wanted.tool.to_owned(),
        cluster: observer.cluster().name.clone(),
        server_version: observer.cluster().version.clone(),
        host: wanted.host.to_owned(),
        anonymised: false,
        helm: helm_of(wanted.helm),
        asked: (wanted.release.to_owned(), wanted.namespace.to_owned()),
        release: release_of(observer.release().await),
        rights: taken.rights(wanted.nowhere).await,
        refused: std::mem::take(&mut taken.refused),
        objects: 0,
    };
    if let Some(names) = &mut taken.names {
        names.header(&mut header);
    }
    Ok((header, taken.body))
}

fn helm_of(helm: &Result<Helm>) -> Answer<String> {
    match helm {
        Ok(helm) => Answer::Is(helm.flavour().to_string()),
        Err(e) => Answer::Failed(words(&e.message)),
    }
}

fn release_of(release: Read<Option<Release>>) -> Answer<Option<Release>> {
    match release {
        Read::Known(release) => {
            Answer::Is(release.map(|r| Release { values: values::public(&r.values), ..r }))
        }
        // The stand-in says `Error: ` itself.
        Read::Unknown(why) => {
            let words_of_helm = why.split_once("Error: ").map_or(why.as_str(), |(_, words)| words);
            Answer::Failed(words(words_of_helm))
        }
    }
}

fn words(message: &str) -> Failure {
    Failure { code: None, reason: String::new(), message: message.to_owned() }
}

/// What was taken so far.
struct Taken<'a> {
    reader: &'a Reader,
    body: Body,
    refused: Vec<Refused>,
    names: Option<Pseudonyms>,
    /// Namespaces in which the caller's rights matter.
    namespaces: BTreeSet<String>,
    /// Objects that are read by name and in lists as well, as kind, namespace and name.
    seen: BTreeSet<[String; 3]>,
}

/// A list that is being read.
struct Packing<'a> {
    part: Part,
    names: &'a mut Option<Pseudonyms>,
    namespaces: &'a mut BTreeSet<String>,
}

impl<'a> Taken<'a> {
    fn new(reader: &'a Reader, anonymise: bool) -> Self {
        Self {
            reader,
            body: Body::default(),
            refused: Vec::new(),
            names: anonymise.then(Pseudonyms::default),
            namespaces: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    async fn kinds(&mut self) -> Result<()> {
        for kind in &KINDS {
            let needed = ["Node", "Pod"].contains(&kind.kind);
            self.list(&kind.path(), (kind.api_version, kind.kind), &kind.keep, needed).await?;
        }
        Ok(())
    }

    /// Reads a list; one that is not `needed` may be refused.
    async fn list(
        &mut self,
        path: &str,
        (api_version, kind): (&str, &str),
        keep: &Keep,
        needed: bool,
    ) -> Result<()> {
        let mut packing =
            Packing { part: Part::default(), names: &mut self.names, namespaces: &mut self.namespaces };
        let (reader, selection) = (self.reader, Selection::default());
        let restart = |packing: &mut Packing| packing.part = Part::default();
        // A tree is built only of what is changed; what `take` looks at, DaemonSets, is.
        let result = if packing.names.is_some() || is_reduced(kind) {
            let take = |packing: &mut Packing, object| packing.take(whole(object, api_version, kind));
            reader.try_each(path, &selection, keep, &mut packing, restart, take).await
        } else {
            let line = Line { api_version, kind, keep };
            let take = |packing: &mut Packing, json: Vec<u8>| packing.part.push_json(kind, &json);
            reader.try_each(path, &selection, line, &mut packing, restart, take).await
        };
        let part = packing.part;
        match result {
            Ok(()) => self.body.add(part),
            Err(e) if needed => return Err(explain(&format!("listing {path}"), &e)),
            Err(e) => self.refuse(path, "", &e),
        }
        Ok(())
    }

    /// Cilium's objects, and its definitions by what discovery says of them: to list definitions is a right of its own.
    async fn cilium(&mut self) -> Result<()> {
        let served = served::cilium(self.reader).await?;
        let path = format!("{DEFINITIONS}/ciliumnodeconfigs.cilium.io");
        let stored = self.get(&path).await.and_then(|crd| crd.pointer("/status/storedVersions").cloned());
        let mut part = Part::default();
        for resource in &served {
            part.push(&resource.definition(stored.as_ref()));
        }
        self.body.add(part);
        for kind in &CILIUM {
            let Some(resource) = served.iter().find(|r| r.plural == kind.plural) else { continue };
            let api_version = format!("cilium.io/{}", resource.versions[0]);
            let path = format!("/apis/{api_version}/{}", kind.plural);
            self.list(&path, (&api_version, kind.kind), &kind.keep, false).await?;
        }
        Ok(())
    }

    /// What is read by its name.
    async fn named(&mut self, cilium: &str) {
        let sources = SOURCES.iter().flat_map(|source| source.configs().iter().copied());
        for (namespace, name) in sources.chain(KUBEADM_CONFIGS) {
            let path = match namespace {
                "*" => "/api/v1/configmaps".to_owned(),
                namespace => format!("/api/v1/namespaces/{namespace}/configmaps"),
            };
            for object in self.find(&path, name).await {
                self.add(whole(object, "v1", "ConfigMap"), &config_map(name));
            }
        }
        self.config_map(cilium, CILIUM_CONFIG).await;
        // As the journal itself is read: part by part, until there is none.
        let mut number = 0;
        while number <= JOURNAL_PARTS && self.config_map("kube-system", &journal_document(number)).await {
            number += 1;
        }
        self.namespaces.extend(["kube-system".to_owned(), cilium.to_owned()]);
        let home = ObjectRef::namespace("kube-system");
        for wanted in SOURCES.iter().flat_map(|source| source.candidates()).chain([home]) {
            self.namespaces.extend(wanted.namespace.clone());
            let Some(object) = self.get(&wanted.path()).await else { continue };
            let keep = if wanted.kind == "ConfigMap" { config_map(&wanted.name) } else { presence() };
            self.add(whole(object, &wanted.api_version, &wanted.kind), &keep);
        }
    }

    /// Adds a ConfigMap; false where it is not there, or was refused.
    async fn config_map(&mut self, namespace: &str, name: &str) -> bool {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        let Some(object) = self.get(&path).await else { return false };
        self.add(whole(object, "v1", "ConfigMap"), &config_map(name));
        true
    }

    /// One object; `None` where it is not there, or was refused.
    async fn get(&mut self, path: &str) -> Option<Value> {
        self.reader.try_get(path).await.unwrap_or_else(|e| {
            self.refuse(path, "", &e);
            None
        })
    }

    async fn find(&mut self, path: &str, name: &str) -> Vec<Value> {
        let fields = format!("metadata.name={name}");
        let selection = Selection { fields: Some(fields.clone()), ..Selection::default() };
        let mut all = Vec::new();
        let result = self
            .reader
            .try_each(path, &selection, PhantomData::<Value>, &mut all, Vec::clear, Vec::push)
            .await;
        if let Err(e) = result {
            self.refuse(path, &fields, &e);
        }
        all
    }

    fn refuse(&mut self, path: &str, fields: &str, error: &::kube::Error) {
        let (path, fields) = (path.to_owned(), fields.to_owned());
        self.refused.push(Refused { path, fields, failure: failure(error) });
    }

    /// Adds an object that was read by its name, once.
    fn add(&mut self, object: Value, keep: &Keep) {
        let listed = KINDS.iter().find(|kind| object["kind"] == kind.kind);
        if listed.is_some_and(|kind| !self.refused.iter().any(|r| r.path == kind.path())) {
            return;
        }
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        if !self.seen.insert(["/kind", "/metadata/namespace", "/metadata/name"].map(text)) {
            return;
        }
        self.namespaces.extend(inventory_namespaces(&object));
        let mut packing =
            Packing { part: Part::default(), names: &mut self.names, namespaces: &mut self.namespaces };
        packing.take(keep.prune(object));
        let part = packing.part;
        self.body.add(part);
    }

    /// What the caller may do, everywhere and in the namespaces that matter.
    async fn rights(&self, nowhere: &str) -> Vec<(String, Answer<Value>)> {
        let mut all = Vec::new();
        for namespace in [nowhere].into_iter().chain(self.namespaces.iter().map(String::as_str)) {
            let answer = match cluster::review(self.reader, namespace).await {
                Ok(mut review) => Answer::Is(review["status"].take()),
                Err(e) => Answer::Failed(failure(&e)),
            };
            all.push((namespace.to_owned(), answer));
        }
        all
    }
}

impl Packing<'_> {
    /// Takes an object that was pruned.
    fn take(&mut self, mut object: Value) {
        reduce(&mut object);
        // A DaemonSet may be the source's, and live anywhere.
        if object["kind"] == "DaemonSet" {
            self.namespaces.extend(object["metadata"]["namespace"].as_str().map(str::to_owned));
        }
        if object["metadata"]["name"] == CILIUM_CONFIG && object["kind"] == "ConfigMap" {
            object = values::public(&object);
        }
        if let Some(names) = self.names {
            names.object(&mut object);
        }
        self.part.push(&object);
    }
}

/// Objects of a list do not say what they are.
fn whole(mut object: Value, api_version: &str, kind: &str) -> Value {
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    object
}

/// Where the objects are that the journal's clean-up is about.
fn inventory_namespaces(journal: &Value) -> Vec<String> {
    let text = journal.pointer("/data/record").and_then(Value::as_str).unwrap_or_default();
    let record: Value = serde_json::from_str(text).unwrap_or_default();
    let objects = record.pointer("/inventory/objects").and_then(Value::as_array);
    objects.into_iter().flatten().filter_map(|o| Some(o["namespace"].as_str()?.to_owned())).collect()
}

fn failure(error: &::kube::Error) -> Failure {
    let (code, reason, message) = said(error);
    Failure { code, reason, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_config_that_a_source_reads_something_is_kept() {
        for (_, name) in SOURCES.iter().flat_map(|source| source.configs()) {
            assert_ne!(
                config_map(name),
                presence(),
                "{name}: say in src/snapshot/kinds.rs what of it is kept"
            );
        }
    }
}
