//! Looks for the API objects that a source CNI may have, and notes the UIDs of those that are there.

use super::discovery::{Groups, Resource, Resources};
use super::object::Object;
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::ObjectRef;

/// Those of the candidates that exist.
pub(super) async fn present(reader: &Reader, candidates: Vec<ObjectRef>) -> Result<Vec<ObjectRef>> {
    let mut found = Vec::new();
    for candidate in candidates {
        if let Some(uid) = uid(reader, &candidate).await? {
            found.push(ObjectRef { uid, ..candidate });
        }
    }
    Ok(found)
}

/// The UID of an object; `None` where it does not exist.
pub(super) async fn uid(reader: &Reader, object: &ObjectRef) -> Result<Option<String>> {
    Ok(reader.get::<Object>(&object.path()).await?.map(|wire| wire.metadata.uid))
}

/// Names one object that lives in a namespace and does not count as `harmless`, as kind and name.
///
/// Every namespaced resource that discovery names is listed; objects of kinds that are views of others (metrics)
/// cannot be deleted and do not count.
pub(super) async fn living_in(
    reader: &Reader,
    namespace: &str,
    harmless: impl Fn(&str, &str) -> bool,
) -> Result<Option<String>> {
    let groups: Groups = reader.must_get("/apis").await?;
    let mut paths = vec!["/api/v1".to_owned()];
    paths.extend(
        groups
            .groups
            .iter()
            .filter_map(|g| g.preferred_version.as_ref())
            .map(|v| format!("/apis/{}", v.group_version)),
    );
    for path in paths {
        let served: Resources = reader.must_get(&path).await?;
        for resource in served.resources.iter().filter(|r| r.counts()) {
            let list = format!("{path}/namespaces/{namespace}/{}", resource.name);
            let objects: Vec<Object> = reader.list(&list, &Selection::default()).await?;
            if let Some(object) = objects.iter().find(|o| !harmless(&resource.kind, &o.metadata.name)) {
                return Ok(Some(format!("{} {}", resource.kind, object.metadata.name)));
            }
        }
    }
    Ok(None)
}

impl Resource {
    fn counts(&self) -> bool {
        let can = |verb: &str| self.verbs.iter().any(|v| v == verb);
        // Secrets are never read; those of a ServiceAccount go with it.
        self.namespaced && !self.name.contains('/') && can("list") && can("delete") && self.name != "secrets"
    }
}
