//! From paths to what they mean.

use crate::sim::resource::{Registry, ResourceId};

use super::call::Call;

/// A resource path.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: ResourceId,
    /// The version of the path: answers carry it.
    pub(crate) version: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

/// What a path means.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// A collection, an object or a subresource.
    Resource(Target),
    /// A review of access, by resource name.
    Review(String),
    /// Discovery, version or health.
    Fixed(String),
    /// The stand-in for helm; segments after `/sim/helm`.
    Helm(Vec<String>),
    /// A group or version that is not served at all.
    NoGroup,
    /// Nothing that is served.
    Unknown,
}

impl Route {
    /// Reads a path.
    pub(crate) fn of(registry: &Registry, call: &Call) -> Self {
        let path = call.path.trim_matches('/');
        let segments: Vec<&str> = path.split('/').collect();
        let (group, version, rest) = match segments.as_slice() {
            ["sim", "helm", rest @ ..] => return Self::Helm(rest.iter().map(|s| (*s).to_owned()).collect()),
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return Self::Fixed(path.to_owned()),
        };
        if let ("authorization.k8s.io", "v1", [kind]) = (group, version, rest) {
            return Self::Review((*kind).to_owned());
        }
        let (namespace, rest) = match rest {
            // The path of a namespace itself looks like a namespaced path without a resource.
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            _ => (None, rest),
        };
        let [plural, rest @ ..] = rest else { return Self::Unknown };
        if !group.is_empty() && !registry.served().any(|(_, r)| r.group == group) {
            return Self::NoGroup;
        }
        let Some(resource) = registry.find(group, plural) else { return Self::Unknown };
        let info = registry.get(resource);
        if !info.versions.iter().any(|v| v == version) || (namespace.is_some() && !info.namespaced) {
            return Self::Unknown;
        }
        let target = Target {
            resource,
            version: version.to_owned(),
            namespace,
            name: rest.first().map(|s| (*s).to_owned()),
            subresource: (rest.len() > 1).then(|| rest[1..].join("/")),
        };
        if target.name.is_some() && info.namespaced && target.namespace.is_none() {
            return Self::Unknown;
        }
        Self::Resource(target)
    }

    /// The resource path, if it is one.
    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Self::Resource(target) => Some(target),
            _ => None,
        }
    }

    /// The verb that authorization looks at.
    pub(crate) fn verb(&self, call: &Call) -> &'static str {
        let named = self.target().is_some_and(|t| t.name.is_some());
        match (call.method.as_str(), named) {
            ("GET" | "HEAD", false) if call.is_watch() => "watch",
            ("GET" | "HEAD", true) => match self.target().and_then(|t| t.subresource.as_deref()) {
                Some("exec") => "create",
                _ => "get",
            },
            ("GET" | "HEAD", false) if self.target().is_some() => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            _ => "get",
        }
    }

    /// `plural` or `plural/subresource`; for other paths the kind of review or nothing.
    pub(crate) fn resource_name(&self, registry: &Registry) -> String {
        match self {
            Self::Resource(target) => {
                let plural = &registry.get(target.resource).plural;
                match &target.subresource {
                    Some(sub) => format!("{plural}/{sub}"),
                    None => plural.clone(),
                }
            }
            Self::Review(kind) => kind.clone(),
            Self::Helm(_) => "helm".to_owned(),
            Self::Fixed(_) | Self::NoGroup | Self::Unknown => String::new(),
        }
    }
}
