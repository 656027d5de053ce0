//! What the engine wrote during a play, as the front of the embedded cluster heard it: not by the engine's own word.

use serde::Serialize;
use serde_json::Value;

use crate::sim::{Entry, Sim};

/// A write that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Write {
    /// The verb of authorization.
    pub verb: String,
    /// Resource, with the subresource after a slash; `helm` for a call of helm that changes a release.
    pub resource: String,
    /// Namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Of a pod: its node.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Of a pod: its controller as `Kind/name`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub owner: String,
}

/// All writes that were granted, in the order in which they arrived.
pub(super) fn writes(sim: &Sim) -> Vec<Write> {
    sim.log().iter().filter_map(write).collect()
}

fn write(entry: &Entry) -> Option<Write> {
    let is_granted = entry.status.is_some_and(|status| (200..300).contains(&status));
    if !is_granted || !entry.is_write() {
        return None;
    }
    let body: Value = serde_json::from_slice(&entry.body).unwrap_or_default();
    let said = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = match (entry.name.as_str(), entry.resource.as_str(), entry.verb.as_str()) {
        ("", "helm", "create") => said("/name"),
        ("", "helm", _) => entry.path.rsplit('/').next().unwrap_or_default().to_owned(),
        ("", ..) => said("/metadata/name"),
        (name, ..) => name.to_owned(),
    };
    let (node, owner) = entry.pod.clone();
    let (verb, resource, namespace) = (entry.verb.clone(), entry.resource.clone(), entry.namespace.clone());
    Some(Write { verb, resource, namespace, name, node, owner })
}
