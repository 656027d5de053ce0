//! The journal as it is stored: a head, and parts that hold what is about nodes. Pure.
//!
//! Each document says whether a part follows it, so that one that was deleted is missed. It says so only once that part is
//! stored: a part that follows although nobody says so is one that was just made.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::format::{NodeRecord, Record, StepRecord, node_of, steps_of};
use super::layout::Layout;
use crate::error::{Error, Result};
use crate::model::{Intent, Inventory, journal_document};

/// Version of the format. Version 1, one document with everything, is read as well; any other is refused, not guessed at.
const VERSION: u64 = 2;
const VERSION_OF_ONE_DOCUMENT: u64 = 1;
const AFRESH: &str =
    "kubectl -n kube-system delete configmap -l app.kubernetes.io/managed-by=kubectl-cni-migrate";

/// What is not about a node.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Head {
    format_version: u64,
    cluster_uid: String,
    begun: String,
    followed: bool,
    intent: Intent,
    source_networks: Vec<IpNet>,
    inventory: Inventory,
    /// Not in a snapshot of a cluster.
    #[serde(default)]
    saved_objects: Vec<Value>,
    steps: BTreeMap<String, StepRecord>,
}

/// What is about some nodes.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Part {
    format_version: u64,
    cluster_uid: String,
    begun: String,
    number: usize,
    followed: bool,
    nodes: BTreeMap<String, Node>,
}

/// What is about a node; steps by what they are called after the node's name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<NodeRecord>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    steps: BTreeMap<String, StepRecord>,
}

/// Version 1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Whole {
    #[serde(rename = "formatVersion")]
    _format_version: u64,
    cluster_uid: String,
    intent: Intent,
    source_networks: Vec<IpNet>,
    inventory: Inventory,
    #[serde(default)]
    saved_objects: Vec<Value>,
    #[serde(default)]
    nodes: BTreeMap<String, NodeRecord>,
    #[serde(default)]
    steps: BTreeMap<String, StepRecord>,
}

/// A journal that was read.
#[derive(Debug, PartialEq)]
pub(super) struct Joined {
    pub(super) record: Record,
    pub(super) layout: Layout,
    /// When it was begun, by which parts of another journal are told apart; `None` where the head is of version 1, beside
    /// which parts do not count.
    pub(super) begun: Option<String>,
    /// Documents that do not say yet that a part follows.
    pub(super) to_link: Vec<usize>,
}

/// The text of a document: of the head for number 0, else of a part.
pub(super) fn text(
    record: &Record,
    layout: &Layout,
    begun: &str,
    number: usize,
    followed: bool,
) -> Result<String> {
    let text = if number == 0 {
        serde_json::to_string(&head(record, begun, followed))
    } else {
        serde_json::to_string(&part(record, layout, begun, number, followed))
    };
    text.map_err(|e| Error::failed(format!("the journal could not be written: {e}")))
}

fn head(record: &Record, begun: &str, followed: bool) -> Head {
    let steps = record.steps.iter().filter(|(id, _)| node_of(id).is_none());
    Head {
        format_version: VERSION,
        cluster_uid: record.cluster_uid.clone(),
        begun: begun.to_owned(),
        followed,
        intent: record.intent.clone(),
        source_networks: record.source_networks.clone(),
        inventory: record.inventory.clone(),
        saved_objects: record.saved_objects.clone(),
        steps: steps.map(|(id, step)| (id.clone(), step.clone())).collect(),
    }
}

fn part(record: &Record, layout: &Layout, begun: &str, number: usize, followed: bool) -> Part {
    let node = |name: &String| {
        let steps = steps_of(&record.steps, name).map(|(what, step)| (what.to_owned(), step.clone()));
        let before = record.nodes.get(name).cloned();
        (name.clone(), Node { before, steps: steps.collect() })
    };
    Part {
        format_version: VERSION,
        cluster_uid: record.cluster_uid.clone(),
        begun: begun.to_owned(),
        number,
        followed,
        nodes: layout.nodes(number).map(node).collect(),
    }
}

/// Reads a journal from its head and its parts, from part 1 on.
///
/// # Errors
/// Where a document was edited by hand into something else, is of another version, or of another cluster or journal, and
/// where a part is missing or a node in two.
pub(super) fn join(head: &str, parts: &[String], cluster_uid: &str) -> Result<Joined> {
    let (version, value) = versioned(0, head, &[VERSION_OF_ONE_DOCUMENT, VERSION])?;
    if version == VERSION_OF_ONE_DOCUMENT {
        return whole(form(0, value)?, parts.len(), cluster_uid);
    }
    let head: Head = form(0, value)?;
    same_cluster(0, &head.cluster_uid, cluster_uid)?;
    if let Some(step) = head.steps.keys().find(|id| node_of(id).is_some()) {
        return Err(edited(format!("{} holds the step {step}, expected in the node's part", whose(0))));
    }
    let mut joined = Joined {
        record: Record {
            cluster_uid: head.cluster_uid,
            intent: head.intent,
            source_networks: head.source_networks,
            inventory: head.inventory,
            saved_objects: head.saved_objects,
            nodes: BTreeMap::new(),
            steps: head.steps,
        },
        layout: Layout::default(),
        begun: Some(head.begun),
        to_link: Vec::new(),
    };
    let mut followed = head.followed;
    for (number, text) in (1..).zip(parts) {
        joined.to_link.extend((!followed).then_some(number - 1));
        followed = joined.add(number, text)?;
    }
    if followed {
        return Err(missing(parts.len() + 1));
    }
    Ok(joined)
}

/// Of version 1. Parts beside it are what an interrupted save has made of it: they do not count, and are written over.
fn whole(old: Whole, parts: usize, cluster_uid: &str) -> Result<Joined> {
    same_cluster(0, &old.cluster_uid, cluster_uid)?;
    let record = Record {
        cluster_uid: old.cluster_uid,
        intent: old.intent,
        source_networks: old.source_networks,
        inventory: old.inventory,
        saved_objects: old.saved_objects,
        nodes: old.nodes,
        steps: old.steps,
    };
    let mut layout = Layout::of(&record);
    layout.grow(parts);
    Ok(Joined { record, layout, begun: None, to_link: Vec::new() })
}

impl Joined {
    /// Adds a part, and says whether another follows.
    fn add(&mut self, number: usize, text: &str) -> Result<bool> {
        let part: Part = form(number, versioned(number, text, &[VERSION])?.1)?;
        same_cluster(number, &part.cluster_uid, &self.record.cluster_uid)?;
        let begun = self.begun.as_deref().unwrap_or_default();
        if part.number != number || part.begun != begun {
            return Err(edited(format!(
                "{} is part {} of the journal begun at {}, not part {number} of the one begun at {begun}",
                whose(number),
                part.number,
                part.begun
            )));
        }
        self.layout.grow(number);
        for (name, node) in part.nodes {
            if let Some(other) = self.layout.put(&name, number) {
                let other = journal_document(other);
                return Err(edited(format!(
                    "{} holds node {name}, which ConfigMap kube-system/{other} holds already; expected in one of them",
                    whose(number)
                )));
            }
            let steps = node.steps.into_iter().map(|(what, step)| (format!("node/{name}/{what}"), step));
            self.record.steps.extend(steps);
            self.record.nodes.extend(node.before.map(|before| (name, before)));
        }
        Ok(part.followed)
    }
}

/// The JSON of a document and its version, one of those that are known.
fn versioned(number: usize, text: &str, known: &[u64]) -> Result<(u64, Value)> {
    let value: Value = serde_json::from_str(text)
        .map_err(|e| edited(format!("{} is not readable JSON: {e}", whose(number))))?;
    let version = value.get("formatVersion").and_then(Value::as_u64);
    if let Some(version) = version.filter(|version| known.contains(version)) {
        return Ok((version, value));
    }
    let seen = version.map_or("none".to_owned(), |v| v.to_string());
    let known = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    Err(Error::failed(format!("{} has format version {seen}; this program reads {known}", whose(number)))
        .hint("use the version of kubectl cni-migrate that began the migration"))
}

fn form<T: DeserializeOwned>(number: usize, value: Value) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|e| edited(format!("{} does not have the expected form: {e}", whose(number))))
}

fn same_cluster(number: usize, seen: &str, here: &str) -> Result<()> {
    if seen == here {
        return Ok(());
    }
    let text = format!("{} belongs to another cluster (kube-system UID {seen}, here {here})", whose(number));
    Err(Error::no(text).hint("check the context: kubectl config current-context"))
}

/// A document that is not there although others say so.
pub(super) fn missing(number: usize) -> Error {
    let witness = if number == 0 { 1 } else { number - 1 };
    let witness = journal_document(witness);
    Error::failed(format!(
        "{} is missing: expected, because ConfigMap kube-system/{witness} goes with it",
        whose(number)
    ))
    .hint(format!("put it back from a copy; without one, a new start is: {AFRESH}"))
}

fn edited(what: String) -> Error {
    Error::failed(what)
        .hint(format!("keep a copy of it, then put back what was changed; a new start is: {AFRESH}"))
}

fn whose(number: usize) -> String {
    let what = if number == 0 { "the journal" } else { "a part of the journal" };
    format!("{what}, ConfigMap kube-system/{},", journal_document(number))
}
