//! Defaults and rules at the door: the few of the real server that callers of this tool can meet.

use serde_json::{Value, json};

use super::json::{list, name, set, set_default, text};
use super::resource::{Resource, ResourceId, id};
use super::status::{Answer, Refusal};
use super::world::World;

/// Fills defaults in and checks a new object.
///
/// # Errors
/// 422 with the field at fault.
pub(crate) fn admit(world: &mut World, resource: ResourceId, object: &mut Value) -> Answer<()> {
    let info = world.registry.get(resource).clone();
    match resource {
        id::PODS => {
            check_containers(&info, object, "/spec")?;
            default_pod_spec(object, "/spec");
            default_tolerations(object);
            set(object, "/status", json!({"phase": "Pending", "qosClass": "BestEffort"}));
        }
        id::NAMESPACES => {
            let label = name(object).to_owned();
            set(object, "/metadata/labels/kubernetes.io~1metadata.name", label);
            set(object, "/spec/finalizers", json!(["kubernetes"]));
            set(object, "/status", json!({"phase": "Active"}));
        }
        id::SERVICES => admit_service(world, object),
        id::DEPLOYMENTS | id::REPLICASETS | id::STATEFULSETS | id::DAEMONSETS | id::JOBS => {
            check_containers(&info, object, "/spec/template/spec")?;
            default_pod_spec(object, "/spec/template/spec");
            default_workload(resource, object);
            set(object, "/status", json!({}));
        }
        id::BUDGETS => set(object, "/status", json!({})),
        id::DEFINITIONS => set(
            object,
            "/status",
            json!({"conditions": [{"type": "Established", "status": "True", "reason": "InitialNamesAccepted"}]}),
        ),
        _ => {}
    }
    Ok(())
}

/// Checks a changed object.
///
/// # Errors
/// 422 for a change that the real server refuses.
pub(crate) fn check_update(info: &Resource, old: &Value, new: &Value) -> Answer<()> {
    let fixed: &[&str] = match info.kind.as_str() {
        "Pod" => &["/spec/nodeName", "/spec/hostNetwork", "/spec/restartPolicy"],
        "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Job" => &["/spec/selector"],
        "ClusterRoleBinding" | "RoleBinding" => &["/roleRef"],
        _ => &[],
    };
    for pointer in fixed {
        let before = old.pointer(pointer).filter(|v| !v.is_null());
        if before.is_some() && new.pointer(pointer) != before {
            let field = pointer[1..].replace('/', ".");
            return Err(Refusal::invalid(info, name(new), &field, "Forbidden: field is immutable"));
        }
    }
    Ok(())
}

fn check_containers(info: &Resource, object: &Value, spec: &str) -> Answer<()> {
    let containers = list(object, &format!("{spec}/containers"));
    let field = format!("{}.containers", spec[1..].replace('/', "."));
    if containers.is_empty() {
        return Err(Refusal::invalid(info, name(object), &field, "Required value"));
    }
    for container in containers {
        if text(container, "/name").is_empty() || text(container, "/image").is_empty() {
            let why = "Required value: name and image of every container";
            return Err(Refusal::invalid(info, name(object), &field, why));
        }
    }
    Ok(())
}

fn default_pod_spec(object: &mut Value, spec: &str) {
    for (field, default) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("serviceAccountName", json!("default")),
        ("securityContext", json!({})),
    ] {
        set_default(object, &format!("{spec}/{field}"), default);
    }
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

fn default_workload(resource: ResourceId, object: &mut Value) {
    match resource {
        id::DEPLOYMENTS => {
            set_default(object, "/spec/replicas", 1);
            set_default(object, "/spec/strategy/type", "RollingUpdate");
            if text(object, "/spec/strategy/type") == "RollingUpdate" {
                set_default(object, "/spec/strategy/rollingUpdate/maxSurge", "25%");
                set_default(object, "/spec/strategy/rollingUpdate/maxUnavailable", "25%");
            }
        }
        id::DAEMONSETS => {
            set_default(object, "/spec/updateStrategy/type", "RollingUpdate");
            if text(object, "/spec/updateStrategy/type") == "RollingUpdate" {
                set_default(object, "/spec/updateStrategy/rollingUpdate/maxUnavailable", 1);
            }
        }
        id::STATEFULSETS => {
            set_default(object, "/spec/replicas", 1);
            set_default(object, "/spec/podManagementPolicy", "OrderedReady");
            set_default(object, "/spec/updateStrategy/type", "RollingUpdate");
        }
        id::JOBS => {
            set_default(object, "/spec/completions", 1);
            set_default(object, "/spec/parallelism", 1);
            set_default(object, "/spec/backoffLimit", 6);
        }
        _ => set_default(object, "/spec/replicas", 1),
    }
}

fn admit_service(world: &World, service: &mut Value) {
    set_default(service, "/spec/type", "ClusterIP");
    set_default(service, "/status/loadBalancer", json!({}));
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
}
