//! What discovery says about Cilium's resources, and definitions made of that.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::discovery::{Groups, Resource, Resources, Version};
use crate::error::Result;
use crate::kube::Reader;

const GROUP: &str = "cilium.io";

/// A resource of the group `cilium.io`.
pub(super) struct Served {
    pub(super) plural: String,
    kind: String,
    namespaced: bool,
    /// Versions that serve it, the preferred one first.
    pub(super) versions: Vec<String>,
}

/// All resources of the group; none where it is not served.
pub(super) async fn cilium(reader: &Reader) -> Result<Vec<Served>> {
    let groups: Groups = reader.must_get("/apis").await?;
    let Some(group) = groups.groups.into_iter().find(|g| g.name == GROUP) else { return Ok(Vec::new()) };
    let mut all: BTreeMap<String, Served> = BTreeMap::new();
    for Version { version, .. } in group.versions {
        let list: Resources = reader.must_get(&format!("/apis/{GROUP}/{version}")).await?;
        for Resource { name, kind, namespaced, .. } in
            list.resources.into_iter().filter(|r| !r.name.contains('/'))
        {
            let new = Served { plural: name.clone(), kind, namespaced, versions: Vec::new() };
            all.entry(name).or_insert(new).versions.push(version.clone());
        }
    }
    Ok(all.into_values().collect())
}

impl Served {
    /// A CustomResourceDefinition that is served alike; `stored` is what that of CiliumNodeConfig says.
    pub(super) fn definition(&self, stored: Option<&Value>) -> Value {
        let versions = self.versions.iter().zip(0..).map(|(name, place)| {
            json!({"name": name, "served": true, "storage": place == 0, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
        });
        let status =
            stored.filter(|_| self.plural == "ciliumnodeconfigs").map(|v| json!({"storedVersions": v}));
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.{GROUP}", self.plural)},
            "spec": {
                "group": GROUP, "scope": if self.namespaced { "Namespaced" } else { "Cluster" },
                "names": {"plural": self.plural, "singular": self.kind.to_lowercase(), "kind": self.kind,
                    "listKind": format!("{}List", self.kind)},
                "versions": versions.collect::<Vec<_>>(),
            },
            "status": status.unwrap_or_else(|| json!({})),
        })
    }
}
