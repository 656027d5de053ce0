//! What the readers keep of an API object; a part that a reader does not name is skipped, not decoded.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// An API object on the wire.
#[derive(Deserialize)]
#[serde(bound = "Spec: DeserializeOwned + Default, Status: DeserializeOwned + Default, \
                 Annotations: DeserializeOwned + Default, Labels: DeserializeOwned + Default")]
pub(super) struct Object<
    Spec = IgnoredAny,
    Status = IgnoredAny,
    Annotations = IgnoredAny,
    Labels = IgnoredAny,
> {
    pub(super) metadata: Meta<Annotations, Labels>,
    #[serde(default)]
    pub(super) spec: Spec,
    #[serde(default)]
    pub(super) status: Status,
}

/// The metadata of an object (meta/v1 ObjectMeta).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta<Annotations = IgnoredAny, Labels = IgnoredAny> {
    #[serde(default)]
    pub(super) namespace: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) uid: String,
    #[serde(default)]
    pub(super) generation: i64,
    pub(super) deletion_timestamp: Option<jiff::Timestamp>,
    #[serde(default)]
    pub(super) owner_references: Vec<Owner>,
    #[serde(default)]
    pub(super) annotations: Annotations,
    #[serde(default)]
    pub(super) labels: Labels,
}

/// An owner (meta/v1 OwnerReference).
#[derive(Deserialize)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
    #[serde(default)]
    pub(super) controller: bool,
}

/// Labels or annotations where any key may matter.
pub(super) type Map = BTreeMap<String, String>;
