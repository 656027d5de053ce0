//! What the API serves: the built-in resources, and those that CustomResourceDefinitions add.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::sim::value::Value;

use super::json::{flag, list, text};
use super::schema::{self, Shape};

/// A resource by its place in the [`Registry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResourceId(pub(crate) usize);

/// One resource: what discovery says about it.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    /// Served versions, the preferred one first.
    pub(crate) versions: Vec<String>,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) short: Vec<String>,
    pub(crate) namespaced: bool,
    /// Of `status`, which is written through its own path only, and `scale`.
    pub(crate) subresources: Vec<&'static str>,
    /// From a CustomResourceDefinition: strategic merge patches are refused.
    pub(crate) custom: bool,
    /// What a definition's schema says of its objects.
    pub(crate) shape: Shape,
    /// A definition's `additionalPrinterColumns`.
    pub(crate) columns: Vec<Value>,
    /// A definition may be deleted: its place stays, so that ids stay good.
    pub(crate) served: bool,
}

impl Resource {
    /// Whether status has a path of its own.
    pub(crate) fn has_status(&self) -> bool {
        self.subresources.contains(&"status")
    }

    /// Whether replicas can be set through a Scale.
    pub(crate) fn has_scale(&self) -> bool {
        self.subresources.contains(&"scale")
    }

    /// `group/version`, or only `version` in the core group.
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// The preferred `apiVersion`.
    pub(crate) fn preferred(&self) -> String {
        self.api_version(self.versions.first().map_or("v1", String::as_str))
    }

    /// The Go package of the kind inside of the server: the first word of its group, `core` where that is empty.
    pub(crate) fn go_package(&self) -> &str {
        self.group.split('.').next().filter(|word| !word.is_empty()).unwrap_or("core")
    }

    /// `plural.group`, the name in messages of the API server.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// Group, version, plural, kind, options: `n` namespaced, `s` status, `c` scale; short name.
const BUILT_IN: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("", "v1", "namespaces", "Namespace", "s", "ns"),
    ("", "v1", "nodes", "Node", "s", "no"),
    ("", "v1", "pods", "Pod", "ns", "po"),
    ("", "v1", "services", "Service", "ns", "svc"),
    ("", "v1", "configmaps", "ConfigMap", "n", "cm"),
    ("", "v1", "secrets", "Secret", "n", ""),
    ("", "v1", "serviceaccounts", "ServiceAccount", "n", "sa"),
    ("", "v1", "persistentvolumes", "PersistentVolume", "s", "pv"),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "ns", "pvc"),
    ("", "v1", "replicationcontrollers", "ReplicationController", "ns", "rc"),
    ("apps", "v1", "deployments", "Deployment", "nsc", "deploy"),
    ("apps", "v1", "replicasets", "ReplicaSet", "nsc", "rs"),
    ("apps", "v1", "statefulsets", "StatefulSet", "nsc", "sts"),
    ("apps", "v1", "daemonsets", "DaemonSet", "ns", "ds"),
    ("apps", "v1", "controllerrevisions", "ControllerRevision", "n", ""),
    ("batch", "v1", "jobs", "Job", "ns", ""),
    ("batch", "v1", "cronjobs", "CronJob", "ns", "cj"),
    ("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "ns", "pdb"),
    ("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "n", ""),
    ("coordination.k8s.io", "v1", "leases", "Lease", "n", ""),
    ("", "v1", "events", "Event", "n", "ev"),
    ("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "", ""),
    ("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", "", ""),
    ("rbac.authorization.k8s.io", "v1", "roles", "Role", "n", ""),
    ("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "n", ""),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "n", "netpol"),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", "ns", "ing"),
    ("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", "s", ""),
    ("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "", "pc"),
    ("storage.k8s.io", "v1", "storageclasses", "StorageClass", "", "sc"),
    ("apiregistration.k8s.io", "v1", "apiservices", "APIService", "s", ""),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", "s", "crd"),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        "",
        "",
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        "",
        "",
    ),
    ("events.k8s.io", "v1", "events", "Event", "n", "ev"),
];

/// Every resource, built in or added by a definition.
#[derive(Debug)]
pub(crate) struct Registry {
    all: Vec<Arc<Resource>>,
    by_name: HashMap<(String, String), ResourceId>,
}

impl Registry {
    /// The built-in resources.
    pub(crate) fn new() -> Self {
        let mut registry = Self { all: Vec::new(), by_name: HashMap::new() };
        for &(group, version, plural, kind, options, short) in BUILT_IN {
            registry.add(Resource {
                group: group.into(),
                versions: vec![version.into()],
                plural: plural.into(),
                singular: kind.to_lowercase(),
                kind: kind.into(),
                short: short.split(' ').filter(|s| !s.is_empty()).map(Into::into).collect(),
                namespaced: options.contains('n'),
                subresources: [('s', "status"), ('c', "scale")]
                    .into_iter()
                    .filter(|(option, _)| options.contains(*option))
                    .map(|(_, name)| name)
                    .collect(),
                custom: false,
                shape: Shape::Any,
                columns: Vec::new(),
                served: true,
            });
        }
        registry
    }

    fn add(&mut self, resource: Resource) -> ResourceId {
        let name = (resource.group.clone(), resource.plural.clone());
        if let Some(&id) = self.by_name.get(&name) {
            self.all[id.0] = Arc::new(resource);
            return id;
        }
        let id = ResourceId(self.all.len());
        self.by_name.insert(name, id);
        self.all.push(Arc::new(resource));
        id
    }

    /// Serves what a CustomResourceDefinition defines; storage version first.
    pub(crate) fn define(&mut self, crd: &Value) -> ResourceId {
        let mut served: Vec<&Value> =
            list(crd, "/spec/versions").iter().filter(|v| flag(v, "/served")).collect();
        served.sort_by_key(|v| !flag(v, "/storage"));
        let names =
            |pointer: &str| list(crd, pointer).iter().filter_map(Value::as_str).map(Into::into).collect();
        let has_status = served.first().is_some_and(|v| v.pointer("/subresources/status").is_some());
        let kind = text(crd, "/spec/names/kind");
        let singular = text(crd, "/spec/names/singular");
        self.add(Resource {
            group: text(crd, "/spec/group").into(),
            plural: text(crd, "/spec/names/plural").into(),
            singular: if singular.is_empty() { kind.to_lowercase() } else { singular.into() },
            kind: kind.into(),
            short: names("/spec/names/shortNames"),
            namespaced: text(crd, "/spec/scope") == "Namespaced",
            subresources: if has_status { vec!["status"] } else { Vec::new() },
            custom: true,
            shape: served
                .first()
                .map_or(Shape::Any, |v| schema::of_definition(&v["schema"]["openAPIV3Schema"])),
            columns: served.first().map_or(&[][..], |v| list(v, "/additionalPrinterColumns")).to_vec(),
            served: !served.is_empty(),
            versions: served.iter().map(|v| text(v, "/name").to_owned()).collect(),
        })
    }

    /// Stops serving what a definition defined.
    pub(crate) fn undefine(&mut self, group: &str, plural: &str) -> Option<ResourceId> {
        let id = self.any(group, plural)?;
        Arc::make_mut(&mut self.all[id.0]).served = false;
        Some(id)
    }

    fn any(&self, group: &str, plural: &str) -> Option<ResourceId> {
        self.by_name.get(&(group.to_owned(), plural.to_owned())).copied()
    }

    /// A served resource by group and plural.
    pub(crate) fn find(&self, group: &str, plural: &str) -> Option<ResourceId> {
        self.any(group, plural).filter(|id| self.all[id.0].served)
    }

    /// A served resource by `apiVersion` and kind.
    pub(crate) fn by_kind(&self, api_version: &str, kind: &str) -> Option<ResourceId> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        self.served()
            .find(|(_, r)| r.group == group && r.kind == kind && r.versions.iter().any(|v| v == version))
            .map(|(id, _)| id)
    }

    /// The description of a resource.
    pub(crate) fn get(&self, id: ResourceId) -> &Arc<Resource> {
        &self.all[id.0]
    }

    /// Everything served, in a stable order.
    pub(crate) fn served(&self) -> impl Iterator<Item = (ResourceId, &Resource)> {
        self.all.iter().enumerate().filter(|(_, r)| r.served).map(|(i, r)| (ResourceId(i), &**r))
    }
}

/// Resource ids used all over the simulator; the table above fixes their places.
pub(crate) mod id {
    use super::ResourceId;

    pub(crate) const NAMESPACES: ResourceId = ResourceId(0);
    pub(crate) const NODES: ResourceId = ResourceId(1);
    pub(crate) const PODS: ResourceId = ResourceId(2);
    pub(crate) const SERVICES: ResourceId = ResourceId(3);
    pub(crate) const CONFIGMAPS: ResourceId = ResourceId(4);
    pub(crate) const SECRETS: ResourceId = ResourceId(5);
    pub(crate) const VOLUMES: ResourceId = ResourceId(7);
    pub(crate) const CLAIMS: ResourceId = ResourceId(8);
    pub(crate) const DEPLOYMENTS: ResourceId = ResourceId(10);
    pub(crate) const REPLICASETS: ResourceId = ResourceId(11);
    pub(crate) const STATEFULSETS: ResourceId = ResourceId(12);
    pub(crate) const DAEMONSETS: ResourceId = ResourceId(13);
    pub(crate) const JOBS: ResourceId = ResourceId(15);
    pub(crate) const BUDGETS: ResourceId = ResourceId(17);
    pub(crate) const ENDPOINT_SLICES: ResourceId = ResourceId(18);
    pub(crate) const EVENTS: ResourceId = ResourceId(20);
    pub(crate) const STORAGE_CLASSES: ResourceId = ResourceId(29);
    pub(crate) const DEFINITIONS: ResourceId = ResourceId(31);
    /// The same objects as [`EVENTS`] under other names, translated by the API front: the store has none of them.
    pub(crate) const EVENTS_AGAIN: ResourceId = ResourceId(34);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_their_resources() {
        let registry = Registry::new();
        for (id, plural) in [
            (id::NAMESPACES, "namespaces"),
            (id::NODES, "nodes"),
            (id::PODS, "pods"),
            (id::SERVICES, "services"),
            (id::CONFIGMAPS, "configmaps"),
            (id::SECRETS, "secrets"),
            (id::VOLUMES, "persistentvolumes"),
            (id::CLAIMS, "persistentvolumeclaims"),
            (id::DEPLOYMENTS, "deployments"),
            (id::REPLICASETS, "replicasets"),
            (id::STATEFULSETS, "statefulsets"),
            (id::DAEMONSETS, "daemonsets"),
            (id::JOBS, "jobs"),
            (id::BUDGETS, "poddisruptionbudgets"),
            (id::ENDPOINT_SLICES, "endpointslices"),
            (id::EVENTS, "events"),
            (id::STORAGE_CLASSES, "storageclasses"),
            (id::DEFINITIONS, "customresourcedefinitions"),
            (id::EVENTS_AGAIN, "events"),
        ] {
            assert_eq!(registry.get(id).plural, plural);
        }
    }
}
