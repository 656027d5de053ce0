//! Deployment: a ReplicaSet for each template, rolled over within surge and unavailability.

use std::time::Duration;

use crate::sim::json::{flag, int, is_deleting, name, namespace, owner_reference, set, text};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::pods::{self, replicas};

const HASH: &str = "pod-template-hash";

pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    pods::keys_of(world, change, id::DEPLOYMENTS)
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let deployment = world.store.get(key).cloned().filter(|d| !is_deleting(d))?;
    if flag(&deployment, "/spec/paused") {
        return None;
    }
    let sets = sets(world, &deployment);
    let Some((new_key, new)) = sets.iter().find(|(_, s)| is_new(&deployment, s)).cloned() else {
        let hash = pods::template_hash(&deployment["spec"]["template"]);
        let set = new_set(&deployment, &hash, if sets.is_empty() { replicas(&deployment) } else { 0 });
        // The write brings this deployment here again.
        drop(world.create(id::REPLICASETS, set, false));
        return None;
    };
    let old: Vec<_> = sets.into_iter().filter(|(k, _)| *k != new_key).collect();
    roll(world, &deployment, &new_key, &new, &old);
    report(world, key, &deployment, &new_key);
    None
}

/// A ReplicaSet is the present one by its template, whatever its hash is called (`FindNewReplicaSet`).
fn is_new(deployment: &Value, set: &Value) -> bool {
    let (wanted, has) = (&deployment["spec"]["template"], &set["spec"]["template"]);
    let labels =
        |t: &Value| t.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut has_labels = labels(has);
    has_labels.remove(HASH);
    wanted["spec"] == has["spec"]
        && labels(wanted) == has_labels
        && wanted.pointer("/metadata/annotations") == has.pointer("/metadata/annotations")
}

fn sets(world: &World, deployment: &Value) -> Vec<(Key, Value)> {
    let owned = world.store.owned_by(crate::sim::json::uid(deployment));
    owned.into_iter().filter(|(k, _)| k.resource == id::REPLICASETS).collect()
}

fn new_set(deployment: &Value, hash: &str, replicas: usize) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    set(&mut template, "/metadata/labels/pod-template-hash", hash);
    let mut selector = deployment["spec"]["selector"].clone();
    set(&mut selector, "/matchLabels/pod-template-hash", hash);
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", name(deployment)), "namespace": namespace(deployment),
            "labels": template["metadata"]["labels"], "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    })
}

fn roll(world: &mut World, deployment: &Value, new_key: &Key, new: &Value, old: &[(Key, Value)]) {
    let wanted = replicas(deployment);
    let old_total: usize = old.iter().map(|(_, s)| replicas(s)).sum();
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        for (key, _) in old {
            scale(world, key, 0);
        }
        let running: i64 = old.iter().map(|(_, s)| int(s, "/status/replicas")).sum();
        if running == 0 {
            scale(world, new_key, wanted);
        }
        return;
    }
    let part =
        |pointer: &str, up| pods::scaled(deployment.pointer(pointer).unwrap_or(&Value::Null), wanted, up);
    let surge = part("/spec/strategy/rollingUpdate/maxSurge", true);
    let mut unavailable = part("/spec/strategy/rollingUpdate/maxUnavailable", false);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let room = (wanted + surge).saturating_sub(replicas(new) + old_total);
    scale(world, new_key, (replicas(new) + room).min(wanted));
    let available = |s: &Value| usize::try_from(int(s, "/status/availableReplicas")).unwrap_or_default();
    let all: usize = old.iter().map(|(_, s)| available(s)).sum::<usize>() + available(new);
    let mut spare = all.saturating_sub(wanted.saturating_sub(unavailable));
    for (key, set) in old {
        // Replicas that serve nobody go in any case.
        let idle = replicas(set).saturating_sub(available(set));
        let gone = idle + spare.min(available(set));
        spare = spare.saturating_sub(available(set));
        scale(world, key, replicas(set).saturating_sub(gone));
    }
}

fn scale(world: &mut World, key: &Key, replicas: usize) {
    world.modify(key, |object| set(object, "/spec/replicas", replicas));
}

fn report(world: &mut World, key: &Key, deployment: &Value, newest: &Key) {
    let (mut total, mut ready, mut updated) = (0, 0, 0);
    let number = |s: &Value, pointer: &str| usize::try_from(int(s, pointer)).unwrap_or_default();
    for (set_key, set) in sets(world, deployment) {
        total += number(&set, "/status/replicas");
        ready += number(&set, "/status/readyReplicas");
        if set_key == *newest {
            updated = number(&set, "/status/replicas");
        }
    }
    let wanted = replicas(deployment);
    let numbers = [
        ("replicas", total),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
        ("updatedReplicas", updated),
        ("unavailableReplicas", wanted.saturating_sub(ready)),
    ];
    let now = world.clock.now();
    world.modify(key, |object| {
        pods::set_status(object, int(deployment, "/metadata/generation"), &numbers);
        let (status, reason) = if ready >= wanted {
            ("True", "MinimumReplicasAvailable")
        } else {
            ("False", "MinimumReplicasUnavailable")
        };
        pods::turn(object, "Available", status, reason, "", &now);
    });
}
