//! Admission and rules at the door: the few of the real server that callers of this tool can meet.

use crate::sim::value::{Map, Value, json};

use super::defaults;
use super::json::{flag, int, list, name, set, set_condition, set_default, text};
use super::resource::{Resource, ResourceId, id};
use super::schema;
use super::status::{Answer, Refusal};
use super::validate::{self, Problem};
use super::world::World;

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Fills defaults in and checks a new object.
///
/// # Errors
/// 422 with the field at fault.
pub(crate) fn admit(world: &mut World, resource: ResourceId, object: &mut Value) -> Answer<()> {
    let info = world.registry.get(resource).clone();
    defaults::fill(&info, object);
    match resource {
        id::PODS => {
            set_default(object, "/spec/serviceAccountName", "default");
            let account = text(object, "/spec/serviceAccountName").to_owned();
            set(object, "/spec/serviceAccount", account);
            default_tolerations(object);
            prioritize(world, object);
            set(object, "/status", json!({"phase": "Pending", "qosClass": quality(object)}));
        }
        id::NAMESPACES => {
            set(object, "/spec/finalizers", json!(["kubernetes"]));
            set(object, "/status", json!({"phase": "Active"}));
        }
        id::SERVICES => admit_service(world, object),
        id::DEPLOYMENTS | id::REPLICASETS | id::STATEFULSETS | id::DAEMONSETS | id::JOBS => {
            set(object, "/status", json!({}));
        }
        id::BUDGETS => set(object, "/status", schema::empty(&schema::status_of(&info))),
        id::NODES => taint_new_node(object),
        id::DEFINITIONS => {
            let stored = list(object, "/spec/versions").iter().filter(|v| flag(v, "/storage"));
            let stored: Vec<Value> = stored.map(|v| v["name"].clone()).collect();
            set(
                object,
                "/status",
                json!({"acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}),
            );
        }
        _ => {}
    }
    let problems = validate::new_object(&info, object);
    if problems.is_empty() { Ok(()) } else { Err(Refusal::invalid(&info, name(object), &problems)) }
}

/// The two classes that every server has, with their priorities.
const SYSTEM_CLASSES: &[(&str, i64)] =
    &[("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

/// The number of a priority class, and its policy; `None` without such a class.
fn class(world: &World, name: &str) -> Option<(i64, String)> {
    let known = world.registry.by_kind("scheduling.k8s.io/v1", "PriorityClass");
    if let Some(found) = known.and_then(|resource| world.object(resource, "", name)) {
        return Some((int(found, "/value"), text(found, "/preemptionPolicy").to_owned()));
    }
    let (_, value) = SYSTEM_CLASSES.iter().find(|(system, _)| *system == name)?;
    Some((*value, String::new()))
}

/// The admission plugin `Priority`: the number that a class stands for.
fn prioritize(world: &World, pod: &mut Value) {
    let (priority, policy) = class(world, text(pod, "/spec/priorityClassName")).unwrap_or_default();
    set_default(pod, "/spec/priority", priority);
    set_default(
        pod,
        "/spec/preemptionPolicy",
        if policy.is_empty() { "PreemptLowerPriority" } else { &policy },
    );
}

/// Refuses a caller's pod of a priority class or a service account that is not there. Controllers' pods are not
/// refused: a record of a cluster holds neither.
///
/// # Errors
/// 403.
pub(crate) fn check_references(world: &World, info: &Resource, pod: &Value) -> Answer<()> {
    if info.kind != "Pod" {
        return Ok(());
    }
    let (wanted, account) = (text(pod, "/spec/priorityClassName"), text(pod, "/spec/serviceAccountName"));
    if !wanted.is_empty() && class(world, wanted).is_none() {
        let why = format!("no PriorityClass with name {wanted} was found");
        return Err(Refusal::forbidden(info, name(pod), &why));
    }
    let space = text(pod, "/metadata/namespace");
    let accounts = world.registry.by_kind("v1", "ServiceAccount");
    let is_there = accounts.is_some_and(|resource| world.object(resource, space, account).is_some());
    if !matches!(account, "" | "default") && !is_there {
        let why = format!(
            "error looking up service account {space}/{account}: serviceaccount {account:?} not found"
        );
        return Err(Refusal::forbidden(info, name(pod), &why));
    }
    Ok(())
}

/// What the server says of a definition once it serves it; a write of its own, after the creation.
pub(crate) fn establish(definition: &mut Value, now: &str) {
    let names = definition["spec"]["names"].clone();
    set(definition, "/status/acceptedNames", names);
    set_condition(definition, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now);
    let message = "the initial names have been accepted";
    set_condition(definition, "Established", "True", "InitialNamesAccepted", message, now);
    let owned = |kind: &str| {
        let key = format!("k:{{\"type\":\"{kind}\"}}");
        let fields = json!({".": {}, "f:lastTransitionTime": {}, "f:message": {}, "f:reason": {}, "f:status": {}, "f:type": {}});
        (key, fields)
    };
    let conditions: Map = ["Established", "NamesAccepted"].map(owned).into_iter().collect();
    let accepted = json!({"f:kind": {}, "f:listKind": {}, "f:plural": {}, "f:singular": {}});
    let entry = json!({
        "manager": "kube-apiserver", "operation": "Update", "apiVersion": "apiextensions.k8s.io/v1", "time": now,
        "fieldsType": "FieldsV1", "subresource": "status",
        "fieldsV1": {"f:status": {"f:acceptedNames": accepted, "f:conditions": conditions}},
    });
    let mut entries = list(definition, "/metadata/managedFields").to_vec();
    entries.push(entry);
    set(definition, "/metadata/managedFields", entries);
}

/// `TaintNodesByCondition`: a node that nobody has seen yet takes no pods.
fn taint_new_node(node: &mut Value) {
    let mut taints = list(node, "/spec/taints").to_vec();
    if !taints.iter().any(|t| text(t, "/key") == NOT_READY && text(t, "/effect") == "NoSchedule") {
        taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
        set(node, "/spec/taints", taints);
    }
}

/// `status.qosClass` (`pkg/apis/core/v1/helper/qos`).
fn quality(pod: &Value) -> &'static str {
    let all: Vec<&Value> =
        ["/spec/containers", "/spec/initContainers"].iter().flat_map(|l| list(pod, l)).collect();
    let of = |container: &Value, what: &str, resource: &str| {
        container.pointer(&format!("/resources/{what}/{resource}")).cloned()
    };
    let is_guaranteed = |container: &&Value| {
        ["cpu", "memory"].iter().all(|resource| {
            let limit = of(container, "limits", resource);
            limit.is_some() && limit == of(container, "requests", resource)
        })
    };
    let has_any = |container: &&Value| {
        ["cpu", "memory"].iter().any(|r| ["limits", "requests"].iter().any(|w| of(container, w, r).is_some()))
    };
    match (all.iter().any(has_any), all.iter().all(is_guaranteed)) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Fields of a pod that never change, of those that callers of this tool can meet.
const POD_FIXED: &[&str] = &["/spec/nodeName", "/spec/hostNetwork", "/spec/restartPolicy"];
const POD_UPDATES: &str = "pod updates may not change fields other than \
     `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
     additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
     previously negative)";

/// Checks a changed object.
///
/// # Errors
/// 422 for a change that the real server refuses.
pub(crate) fn check_update(info: &Resource, old: &Value, new: &Value) -> Answer<()> {
    let fixed: &[&str] = match info.kind.as_str() {
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Job" => &["/spec/selector"],
        "ClusterRoleBinding" | "RoleBinding" => &["/roleRef"],
        _ => &[],
    };
    let mut problems = validate::changed_object(info, old, new);
    if info.kind == "Pod" && POD_FIXED.iter().any(|at| old.pointer(at) != new.pointer(at)) {
        problems.push(Problem::forbidden("spec", POD_UPDATES));
    }
    for pointer in fixed {
        let before = old.pointer(pointer).filter(|v| !v.is_null());
        let after = new.pointer(pointer).unwrap_or(&Value::Null);
        if before.is_some_and(|before| before != after) {
            let field = pointer[1..].replace('/', ".");
            problems.push(Problem::invalid(field, after, "field is immutable"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal::invalid(info, name(old), &problems)) }
}

/// `DefaultTolerationSeconds`: every pod bears an unready node for five minutes.
fn default_tolerations(pod: &mut Value) {
    let mut all = list(pod, "/spec/tolerations").to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = all.iter().any(|t| {
            (text(t, "/key").is_empty() || text(t, "/key") == key)
                && (text(t, "/effect").is_empty() || text(t, "/effect") == "NoExecute")
        });
        if !covered {
            all.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
    set(pod, "/spec/tolerations", all);
}

fn admit_service(world: &World, service: &mut Value) {
    if text(service, "/spec/clusterIP").is_empty() && text(service, "/spec/type") != "ExternalName" {
        let taken: Vec<&str> =
            world.store.list(id::SERVICES, None).map(|s| text(s, "/spec/clusterIP")).collect();
        // The lower part of the range is left to explicit requests, as the real allocator does.
        let free = world.network.services.hosts().skip(99).map(|a| a.to_string());
        let free = free.into_iter().find(|a| !taken.contains(&a.as_str()));
        set(service, "/spec/clusterIP", free.unwrap_or_default());
    }
    let address = text(service, "/spec/clusterIP").to_owned();
    set(service, "/spec/clusterIPs", json!([address]));
    set_default(service, "/spec/ipFamilies", json!(["IPv4"]));
    set_default(service, "/spec/ipFamilyPolicy", "SingleStack");
}
