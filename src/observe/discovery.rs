//! What discovery answers (APIGroupList and APIResourceList of meta/v1), as far as it is read.

use serde::Deserialize;

/// The groups that are served.
#[derive(Deserialize)]
pub(super) struct Groups {
    #[serde(default)]
    pub(super) groups: Vec<Group>,
}

/// A group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) name: String,
    #[serde(default)]
    pub(super) versions: Vec<Version>,
    pub(super) preferred_version: Option<Version>,
}

/// A version of a group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Version {
    pub(super) version: String,
    /// `GROUP/VERSION`.
    pub(super) group_version: String,
}

/// The resources of a version.
#[derive(Deserialize)]
pub(super) struct Resources {
    #[serde(default)]
    pub(super) resources: Vec<Resource>,
}

/// A resource, or with a slash in its name a subresource.
#[derive(Deserialize)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) namespaced: bool,
    #[serde(default)]
    pub(super) verbs: Vec<String>,
}
