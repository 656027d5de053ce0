//! get and list, with pages over a consistent snapshot.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::sim::json::{int, set, text, unset};
use crate::sim::resource::{Resource, id};
use crate::sim::selector::{Fields, Labels};
use crate::sim::status::{Answer, Refusal};
use crate::sim::store::Key;
use crate::sim::world::World;

use super::{Call, Reply, Target, options};

/// Page runs under way that are kept; the oldest answers 410 when another comes.
const KEPT: usize = 32;

/// The rests of paged lists.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    next: u64,
    open: VecDeque<Snapshot>,
}

#[derive(Debug)]
struct Snapshot {
    number: u64,
    revision: u64,
    rest: VecDeque<Arc<Value>>,
}

impl Snapshots {
    /// Forgets all page runs, as etcd's compaction does.
    pub(crate) fn compact(&mut self) {
        self.open.clear();
    }
}

/// Which objects a list or watch is about.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    namespace: Option<String>,
    name: Option<String>,
    labels: Labels,
    fields: Fields,
}

impl Filter {
    /// Reads namespace, name and selectors.
    ///
    /// # Errors
    /// 400 for a selector that cannot be read.
    pub(crate) fn of(world: &World, call: &Call, target: &Target) -> Answer<Self> {
        let plural = &world.registry.get(target.resource).plural;
        let labels = Labels::parse(call.param("labelSelector").unwrap_or_default());
        let fields = Fields::parse(call.param("fieldSelector").unwrap_or_default(), plural);
        Ok(Self {
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            labels: labels.map_err(Refusal::bad_request)?,
            fields: fields.map_err(Refusal::bad_request)?,
        })
    }

    /// Whether an object is meant.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.namespace.as_deref().is_none_or(|n| n == text(object, "/metadata/namespace"))
            && self.name.as_deref().is_none_or(|n| n == text(object, "/metadata/name"))
            && self.labels.matches(object)
            && self.fields.matches(object)
    }

    /// The objects that are there now.
    pub(crate) fn objects(&self, world: &World, target: &Target) -> Vec<Arc<Value>> {
        let matches = |o: &Arc<Value>| self.matches(o);
        match self.fields.node() {
            Some(node) if target.resource == id::PODS => {
                world.store.pods_on(node).into_iter().map(|(_, pod)| pod).filter(matches).collect()
            }
            _ => {
                let all = world.store.list(target.resource, self.namespace.as_deref());
                all.filter(|o| matches(o)).cloned().collect()
            }
        }
    }
}

/// Answers get and list.
///
/// # Errors
/// 404 without the object, 400 for a bad selector, 410 for an outdated continue token.
pub(crate) fn answer(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let Some(name) = &target.name else { return list(world, call, target) };
    let key = Key::new(target.resource, target.namespace.as_deref().unwrap_or_default(), name);
    let info = world.registry.get(target.resource);
    let object = world.store.get(&key).ok_or_else(|| Refusal::not_found(info, name))?;
    if target.subresource.as_deref() == Some("scale") {
        return Ok(Reply::json(200, &scale_of(object)));
    }
    Ok(Reply::json(200, &present(info, &target.version, wants_metadata(call), object)))
}

#[derive(Serialize)]
struct List<'a> {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
    metadata: Value,
    items: Vec<Presented<'a>>,
}

fn list(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    options::check_list(call)?;
    if let Some(version) = call.param("resourceVersion").filter(|v| v.parse::<u64>().is_err()) {
        return Err(Refusal::bad_request(format!("invalid resource version: {}", not_a_version(version))));
    }
    let limit: usize = call.param("limit").and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut snapshot = if let Some(token) = call.param("continue") {
        resume(world, token)?
    } else {
        let objects = Filter::of(world, call, target)?.objects(world, target);
        world.snapshots.next += 1;
        Snapshot { number: world.snapshots.next, revision: world.store.revision(), rest: objects.into() }
    };
    let count = if limit == 0 { snapshot.rest.len() } else { limit.min(snapshot.rest.len()) };
    let page: Vec<Arc<Value>> = snapshot.rest.drain(..count).collect();
    let mut metadata = json!({"resourceVersion": snapshot.revision.to_string()});
    if !snapshot.rest.is_empty() {
        set(&mut metadata, "/continue", format!("{}.{}", snapshot.number, snapshot.rest.len()));
        set(&mut metadata, "/remainingItemCount", snapshot.rest.len());
        world.snapshots.open.push_back(snapshot);
        if world.snapshots.open.len() > KEPT {
            world.snapshots.open.pop_front();
        }
    }
    let info = world.registry.get(target.resource);
    let bare = wants_metadata(call);
    let (kind, api_version) = if bare {
        ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned())
    } else {
        (format!("{}List", info.kind), info.api_version(&target.version))
    };
    let items = page.iter().map(|o| present_item(info, &target.version, bare, o)).collect();
    Ok(Reply::json(200, &List { kind, api_version, metadata, items }))
}

/// What the server says of a version that is no number.
pub(crate) fn not_a_version(text: &str) -> String {
    format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax")
}

fn resume(world: &mut World, token: &str) -> Answer<Snapshot> {
    let gone = || {
        Refusal::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new \
             list without the continue parameter.",
        )
    };
    let (number, left) = token.split_once('.').ok_or_else(gone)?;
    let is_meant = |s: &Snapshot| s.number.to_string() == number && s.rest.len().to_string() == left;
    let at = world.snapshots.open.iter().position(is_meant).ok_or_else(gone)?;
    // A page may be asked for again after a lost answer, so the rest stays until it is pushed out.
    let found = &world.snapshots.open[at];
    Ok(Snapshot { number: found.number, revision: found.revision, rest: found.rest.clone() })
}

/// Whether the client wants metadata only (`as=PartialObjectMetadata` in Accept).
pub(crate) fn wants_metadata(call: &Call) -> bool {
    call.header("accept").split(',').next().is_some_and(|first| first.contains("as=PartialObjectMetadata"))
}

/// An object in the shape the client asked for.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Presented<'a> {
    /// As stored.
    Stored(&'a Value),
    /// In another version, or metadata only.
    Changed(Value),
}

/// Shapes an object: the version of the path, metadata only where asked for.
pub(crate) fn present<'a>(info: &Resource, version: &str, bare: bool, object: &'a Value) -> Presented<'a> {
    if bare {
        return Presented::Changed(json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
        }));
    }
    let wanted = info.api_version(version);
    if text(object, "/apiVersion") == wanted {
        return Presented::Stored(object);
    }
    let mut copy = object.clone();
    set(&mut copy, "/apiVersion", wanted);
    Presented::Changed(copy)
}

/// Shapes an item of a list: those of built-in kinds do not tell their kind, which the list tells.
pub(crate) fn present_item<'a>(
    info: &Resource,
    version: &str,
    bare: bool,
    object: &'a Value,
) -> Presented<'a> {
    if bare || info.custom {
        return present(info, version, bare, object);
    }
    let mut copy = object.clone();
    unset(&mut copy, "", "kind");
    unset(&mut copy, "", "apiVersion");
    Presented::Changed(copy)
}

/// The Scale of a workload.
pub(crate) fn scale_of(object: &Value) -> Value {
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {},
        "spec": {"replicas": int(object, "/spec/replicas")},
        "status": {"replicas": int(object, "/status/replicas")},
    });
    for member in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        scale["metadata"][member] = object["metadata"][member].clone();
    }
    if let Some(selector) = Labels::from_object(&object["spec"]["selector"]) {
        set(&mut scale, "/status/selector", selector.to_string());
    }
    scale
}
