//! get and list.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::sim::json::{int, set, set_default, text, unset};
use crate::sim::resource::{Resource, id};
use crate::sim::selector::{Fields, Labels};
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::accept::{self, go_type, table};
use super::pages::{self, Page};
use super::{Call, Form, Reply, Target, options};

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

    /// Whether no selector leaves anything out.
    pub(crate) fn is_empty(&self) -> bool {
        self.name.is_none() && self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is meant.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.namespace.as_deref().is_none_or(|n| n == text(object, "/metadata/namespace"))
            && self.name.as_deref().is_none_or(|n| n == text(object, "/metadata/name"))
            && self.labels.matches(object)
            && self.fields.matches(object)
    }

    /// The objects that are there now.
    pub(crate) fn objects(&self, world: &World, target: &Target) -> Vec<Value> {
        let matches = |o: &Value| self.matches(o);
        let namespace = self.namespace.as_deref();
        let is_cluster_wide = !world.registry.get(target.resource).namespaced;
        if let Some(name) = self.fields.name()
            && (namespace.is_some() || is_cluster_wide)
        {
            let found = world.store.find(target.resource, namespace.unwrap_or_default(), name);
            return found.filter(|o| matches(o)).cloned().into_iter().collect();
        }
        match (target.resource, self.fields.node(), namespace) {
            (id::PODS, Some(node), _) => {
                let pods = world.store.each_on(node).map(|(_, pod)| pod);
                pods.filter(|pod| matches(pod)).cloned().collect()
            }
            (id::PODS, None, namespace) => {
                let pods = match namespace {
                    Some(namespace) => world.store.selected(namespace, &self.labels),
                    None => world.store.selected_anywhere(&self.labels),
                };
                pods.into_iter().filter(|o| matches(o)).cloned().collect()
            }
            _ => {
                let all = world.store.list(target.resource, namespace);
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
    if let Some(version) = call.param("resourceVersion").filter(|v| v.parse::<u64>().is_err()) {
        return Err(Refusal::plain(not_a_version(version)));
    }
    let info = world.registry.get(target.resource);
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let object = world.store.find(target.resource, namespace, name);
    let object = object.ok_or_else(|| Refusal::not_found(info, name))?;
    if target.subresource.as_deref() == Some("scale") {
        return Ok(Reply::json(200, &scale_of(object)));
    }
    accept::one(world, call, target, 200, object)
}

/// Lists of fewer objects are read again soon: those of a node's pods, or of a few by name.
const SHORT: usize = 200;

#[derive(Serialize)]
struct List {
    kind: String,
    #[serde(rename = "apiVersion")]
    api_version: String,
    metadata: Value,
    /// `null` for metadata of no objects.
    items: Option<Vec<Listed>>,
}

fn list(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    options::check_list(call)?;
    if let Some(version) = call.param("resourceVersion").filter(|v| v.parse::<u64>().is_err()) {
        return Err(Refusal::bad_request(format!("invalid resource version: {}", not_a_version(version))));
    }
    let filter = Filter::of(world, call, target)?;
    let Page { objects: page, mut metadata } = pages::page(world, call, target, &filter)?;
    let info = world.registry.get(target.resource);
    let (kind, api_version) = match call.form {
        Form::Table(include) => {
            let kind = (&**info, target.version.as_str(), &world.clock);
            let table = table(kind, include, metadata, page.iter(), true);
            return Ok(Reply::json(200, &table));
        }
        Form::Metadata => {
            return Err(Refusal::not_acceptable(format!(
                "you requested PartialObjectMetadata, but the requested object is a list (*{}List)",
                go_type(info)
            )));
        }
        Form::MetadataList => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
        Form::Whole => (format!("{}List", info.kind), info.api_version(&target.version)),
    };
    // The type of their lists prints it even where it is empty.
    if info.custom && call.form == Form::Whole {
        set_default(&mut metadata, "/continue", "");
    }
    let is_short = page.len() < SHORT && call.form == Form::Whole && !info.custom;
    let items = page.iter().map(|object| {
        let written = is_short.then(|| world.written.item(object)).flatten();
        let shaped = || Listed::Shaped(present_item(info, &target.version, call.form, object));
        written.map_or_else(shaped, Listed::Written)
    });
    let items = items.collect();
    let items = Some(items).filter(|items: &Vec<_>| call.form == Form::Whole || !items.is_empty());
    Ok(Reply::json(200, &List { kind, api_version, metadata, items }))
}

/// What the server says of a version that is no number.
pub(crate) fn not_a_version(text: &str) -> String {
    format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax")
}

/// An item of a list on its way out.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed {
    /// In its shape.
    Shaped(Value),
    /// In that shape, written before.
    Written(#[serde(serialize_with = "as_is")] Arc<RawValue>),
}

fn as_is<S: serde::Serializer>(text: &Arc<RawValue>, serializer: S) -> Result<S::Ok, S::Error> {
    (**text).serialize(serializer)
}

/// Shapes an object: the version of the path, metadata only where asked for.
pub(crate) fn present(info: &Resource, version: &str, form: Form, object: &Value) -> Value {
    if form.is_bare() {
        return json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
        });
    }
    let mut shaped = object.clone();
    let wanted = info.api_version(version);
    if text(object, "/apiVersion") != wanted {
        set(&mut shaped, "/apiVersion", wanted);
    }
    shaped
}

/// Shapes an item of a list: those of built-in kinds do not tell their kind, which the list tells.
pub(crate) fn present_item(info: &Resource, version: &str, form: Form, object: &Value) -> Value {
    if form.is_bare() || info.custom { present(info, version, form, object) } else { built_in_item(object) }
}

/// An object of a built-in kind as an item of a list.
pub(super) fn built_in_item(object: &Value) -> Value {
    let mut item = object.clone();
    unset(&mut item, "", "kind");
    unset(&mut item, "", "apiVersion");
    item
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
