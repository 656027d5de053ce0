//! `/api`, `/apis`, `/openapi/v3`, `/version` and health.

use base64::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::sim::resource::{Registry, Resource};
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::openapi;
use super::reply::Reply;

const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// In the order in which the server tells them for custom resources.
const CUSTOM_VERBS: &[&str] =
    &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// What `kubectl get all` means.
const OF_ALL: &[&str] = &[
    "cronjobs.batch",
    "daemonsets.apps",
    "deployments.apps",
    "jobs.batch",
    "pods",
    "replicasets.apps",
    "replicationcontrollers",
    "services",
    "statefulsets.apps",
];

/// Answers a path that is no resource.
///
/// # Errors
/// 404 for what is not served.
pub(crate) fn answer(world: &World, path: &str) -> Answer<Reply> {
    let segments: Vec<&str> = path.split('/').collect();
    let body = match segments.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return Ok(Reply::Text("ok")),
        ["version"] => version(&world.network.version),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"]}),
        ["api", version] => resources(&world.registry, "", version)?,
        ["apis"] => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(&world.registry)}),
        ["apis", group, rest @ ..] if rest.len() < 2 => {
            let Some(found) = groups(&world.registry).into_iter().find(|g| g["name"] == **group) else {
                return Ok(Reply::NoPage);
            };
            match rest.first() {
                Some(version) => resources(&world.registry, group, version)?,
                None => found,
            }
        }
        ["openapi", "v3", rest @ ..] => openapi::answer(&world.registry, rest)?,
        _ => return Ok(Reply::NoPage),
    };
    Ok(Reply::json(200, &body))
}

fn version(git: &str) -> Value {
    let mut numbers = git.trim_start_matches('v').split('.');
    json!({
        "major": numbers.next().unwrap_or_default(), "minor": numbers.next().unwrap_or_default(),
        "gitVersion": git, "platform": "linux/amd64",
    })
}

fn groups(registry: &Registry) -> Vec<Value> {
    let mut names: Vec<(&str, Vec<&str>)> = vec![("authorization.k8s.io", vec!["v1"])];
    for (_, resource) in registry.served().filter(|(_, r)| !r.group.is_empty()) {
        let at = names.iter().position(|(name, _)| *name == resource.group);
        let at = at.unwrap_or_else(|| {
            names.push((&resource.group, Vec::new()));
            names.len() - 1
        });
        for version in &resource.versions {
            if !names[at].1.contains(&version.as_str()) {
                names[at].1.push(version);
            }
        }
    }
    names.iter().map(|(name, versions)| group(name, versions)).collect()
}

fn group(name: &str, versions: &[&str]) -> Value {
    let all: Vec<Value> =
        versions.iter().map(|v| json!({"groupVersion": format!("{name}/{v}"), "version": v})).collect();
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": all, "preferredVersion": all[0]})
}

fn resources(registry: &Registry, group: &str, version: &str) -> Answer<Value> {
    let mut all = Vec::new();
    let serves = |r: &Resource| r.group == group && r.versions.iter().any(|v| v == version);
    for (_, resource) in registry.served().filter(|(_, r)| serves(r)) {
        describe(resource, &mut all);
    }
    if (group, version) == ("authorization.k8s.io", "v1") {
        for kind in ["SelfSubjectAccessReview", "SelfSubjectRulesReview"] {
            let plural = format!("{}s", kind.to_lowercase());
            all.push(entry(&plural, &kind.to_lowercase(), false, kind, &["create"]));
        }
    }
    if all.is_empty() {
        return Err(Refusal::no_such_path());
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Ok(
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": all}),
    )
}

fn describe(resource: &Resource, all: &mut Vec<Value>) {
    let (plural, kind) = (&resource.plural, &resource.kind);
    let verbs = if resource.custom { CUSTOM_VERBS } else { VERBS };
    let mut main = entry(plural, &resource.singular, resource.namespaced, kind, verbs);
    main["storageVersionHash"] = storage_hash(resource).into();
    if !resource.short.is_empty() {
        main["shortNames"] = json!(resource.short);
    }
    if OF_ALL.contains(&resource.qualified().as_str()) {
        main["categories"] = json!(["all"]);
    }
    all.push(main);
    let read_write = &["get", "patch", "update"];
    if resource.has_status() {
        all.push(entry(&format!("{plural}/status"), "", resource.namespaced, kind, read_write));
    }
    if resource.has_scale() {
        let mut scale = entry(&format!("{plural}/scale"), "", resource.namespaced, "Scale", read_write);
        scale["group"] = json!("autoscaling");
        scale["version"] = json!("v1");
        all.push(scale);
    }
    if kind == "Pod" {
        let mut eviction = entry("pods/eviction", "", true, "Eviction", &["create"]);
        eviction["group"] = json!("policy");
        eviction["version"] = json!("v1");
        all.push(eviction);
        all.push(entry("pods/exec", "", true, "PodExecOptions", &["create", "get"]));
    }
}

/// Tells clients when objects are stored in another version (`k8s.io/apiserver/pkg/endpoints/discovery`).
fn storage_hash(resource: &Resource) -> String {
    let version = resource.versions.first().map_or("v1", String::as_str);
    let kind = format!("{}/{version}/{}", resource.group, resource.kind);
    BASE64_STANDARD.encode(&Sha256::digest(kind)[..8])
}

fn entry(name: &str, singular: &str, namespaced: bool, kind: &str, verbs: &[&str]) -> Value {
    json!({"name": name, "singularName": singular, "namespaced": namespaced, "kind": kind, "verbs": verbs})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discovery_tells_what_all_means_and_how_objects_are_stored() {
        let list = resources(&Registry::new(), "", "v1").unwrap();
        let of = |name: &str| {
            list["resources"].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap().clone()
        };
        assert_eq!(of("pods")["categories"], json!(["all"]));
        assert!(of("secrets")["categories"].is_null());
        // As every real server tells it of pods.
        assert_eq!(of("pods")["storageVersionHash"], "xPOwRZ+Yhw8=");
    }
}
