//! Role-based access control for the one caller of the door, where a cluster is built with it.
//!
//! Rules are matched as the API server matches them (kubernetes plugin/pkg/auth/authorizer/rbac): a ClusterRole by a
//! ClusterRoleBinding holds everywhere, by a RoleBinding in its namespace. What helm would ask for is asked as well.

use crate::sim::cni::chart;
use crate::sim::json::{list, name, text};
use crate::sim::resource::{ResourceId, id};
use crate::sim::value::Value;
use crate::sim::world::World;

use super::{Call, Route, Target};

/// Name of the caller.
pub(crate) const USER: &str = "sim-user";
const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// One question to the authorizer.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// With the subresource after a slash.
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Ask {
    fn new(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> Self {
        let [verb, group, resource, namespace, name] =
            [verb, group, resource, namespace, name].map(str::to_owned);
        Self { verb, group, resource, namespace, name }
    }

    fn is_in(&self, rule: &Value) -> bool {
        let has = |field: &str, wanted: &str| {
            list(rule, field).iter().any(|have| have == "*" || have.as_str() == Some(wanted))
        };
        let names = list(rule, "/resourceNames");
        has("/verbs", &self.verb)
            && has("/apiGroups", &self.group)
            && has("/resources", &self.resource)
            && (names.is_empty() || names.iter().any(|name| name.as_str() == Some(&self.name)))
    }
}

/// The first question of a request that is answered with no.
pub(crate) fn refused(
    world: &World,
    user: &str,
    route: &Route,
    call: &Call,
    verb: &str,
    resource: &str,
) -> Option<Ask> {
    let asks = match route {
        Route::Resource(target) => of_request(world, target, call, verb, resource),
        Route::Helm(rest) => of_helm(world, rest, call),
        _ => Vec::new(),
    };
    asks.into_iter().find(|ask| !allows(world, user, ask))
}

/// Whether a question of a user is answered with yes.
pub(crate) fn allows(world: &World, user: &str, ask: &Ask) -> bool {
    rules(world, user, &ask.namespace).iter().any(|rule| ask.is_in(rule))
}

/// Why a question is answered with yes: the binding and the role that say so.
pub(crate) fn reason(world: &World, user: &str, ask: &Ask) -> Option<String> {
    let allows = |binding: &Value| {
        role(world, binding, &ask.namespace)
            .is_some_and(|role| list(role, "/rules").iter().any(|rule| ask.is_in(rule)))
    };
    let binding = bindings(world, user, &ask.namespace).find(allows)?;
    let full = match text(&binding, "/metadata/namespace") {
        "" => name(&binding).to_owned(),
        namespace => format!("{}/{namespace}", name(&binding)),
    };
    let (kind, role) = (text(&binding, "/roleRef/kind"), text(&binding, "/roleRef/name"));
    let of_binding = text(&binding, "/kind");
    Some(format!("RBAC: allowed by {of_binding} {full:?} of {kind} {role:?} to User {user:?}"))
}

/// Roles that bindings of a user name and that are not there, as the server tells of them.
pub(crate) fn missing(world: &World, user: &str, namespace: &str) -> Option<String> {
    let missing = bindings(world, user, namespace).filter(|b| role(world, b, namespace).is_none());
    let told = |b: &Value| {
        let kind = text(b, "/roleRef/kind").to_lowercase();
        format!("{kind}.rbac.authorization.k8s.io {:?} not found", text(b, "/roleRef/name"))
    };
    match missing.map(|b| told(&b)).collect::<Vec<_>>().as_slice() {
        [] => None,
        [one] => Some(format!("RBAC: {one}")),
        many => Some(format!("RBAC: [{}]", many.join(", "))),
    }
}

fn bindings<'w>(world: &'w World, user: &'w str, namespace: &str) -> impl Iterator<Item = Value> + 'w {
    let places = [("ClusterRoleBinding", None), ("RoleBinding", Some(namespace.to_owned()))];
    places.into_iter().flat_map(move |(kind, place)| {
        let resource = world.registry.by_kind(RBAC, kind);
        let all = resource
            .into_iter()
            .flat_map(move |r| world.store.list(r, place.as_deref()).cloned().collect::<Vec<_>>());
        all.filter(move |binding| is_for(binding, user))
    })
}

/// The rules that hold for a user in a namespace; in none, those of ClusterRoleBindings.
pub(crate) fn rules(world: &World, user: &str, namespace: &str) -> Vec<Value> {
    let roles = bindings(world, user, namespace).filter_map(|b| role(world, &b, namespace));
    roles.flat_map(|role| list(role, "/rules").to_vec()).collect()
}

fn role<'w>(world: &'w World, binding: &Value, namespace: &str) -> Option<&'w Value> {
    let kind = text(binding, "/roleRef/kind");
    let resource: ResourceId = world.registry.by_kind(RBAC, kind)?;
    let namespace = if kind == "Role" { namespace } else { "" };
    world.object(resource, namespace, text(binding, "/roleRef/name"))
}

fn is_for(binding: &Value, user: &str) -> bool {
    list(binding, "/subjects").iter().any(|s| text(s, "/kind") == "User" && text(s, "/name") == user)
}

fn of_request(world: &World, target: &Target, call: &Call, verb: &str, resource: &str) -> Vec<Ask> {
    let info = world.registry.get(target.resource);
    let mut name = target.name.clone().unwrap_or_default();
    if let Some(field) = call.param("fieldSelector").and_then(|s| s.strip_prefix("metadata.name=")) {
        // kubernetes apiserver pkg/endpoints/request/requestinfo.go
        field.clone_into(&mut name);
    }
    let namespace = if target.resource == id::NAMESPACES { Some(&name) } else { target.namespace.as_ref() };
    let namespace = namespace.map(String::as_str).unwrap_or_default();
    let ask = |verb: &str| Ask::new(verb, &info.group, resource, namespace, &name);
    let applies = call.header("content-type").contains("apply-patch");
    match target.subresource.as_deref() {
        Some("exec") => vec![ask("get"), ask("create")],
        None if applies && world.object(target.resource, namespace, &name).is_none() => {
            vec![ask("patch"), ask("create")]
        }
        _ => vec![ask(verb)],
    }
}

/// What helm would ask for: its own Secrets, and for each object of the chart a read and a write.
fn of_helm(world: &World, rest: &[String], call: &Call) -> Vec<Ask> {
    if call.method != "POST" {
        let namespace = rest.get(1).map(String::as_str).unwrap_or_default();
        return vec![Ask::new("list", "", "secrets", namespace, "")];
    }
    let Ok(order) = call.json::<Value>() else { return Vec::new() };
    let namespace = text(&order, "/namespace");
    let mut asks: Vec<Ask> = ["list", "create", "update", "get", "delete"]
        .iter()
        .map(|verb| Ask::new(verb, "", "secrets", namespace, ""))
        .collect();
    let rendered = chart::render(namespace, text(&order, "/version"), &order["values"]).unwrap_or_default();
    for object in &rendered {
        let Some(resource) = world.registry.by_kind(text(object, "/apiVersion"), text(object, "/kind"))
        else {
            continue;
        };
        let info = world.registry.get(resource);
        let namespace = if info.namespaced { namespace } else { "" };
        let is_there = world.object(resource, namespace, name(object)).is_some();
        let ask = |verb: &str, name: &str| Ask::new(verb, &info.group, &info.plural, namespace, name);
        asks.push(ask("get", name(object)));
        asks.push(if is_there { ask("patch", name(object)) } else { ask("create", "") });
        match info.kind.as_str() {
            "ClusterRole" | "Role" => asks.push(ask("escalate", if is_there { name(object) } else { "" })),
            "ClusterRoleBinding" | "RoleBinding" => {
                let kind = if text(object, "/roleRef/kind") == "Role" { "roles" } else { "clusterroles" };
                asks.push(Ask::new("bind", &info.group, kind, namespace, text(object, "/roleRef/name")));
            }
            _ => {}
        }
    }
    asks
}
