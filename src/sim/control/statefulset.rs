//! StatefulSet: pods of fixed names, one after the other, replaced from the last to the first.

use std::time::Duration;

use crate::sim::json::{int, is_deleting, is_finished, is_ready, label, list, name, set, text};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::pods;

const REVISION: &str = "controller-revision-hash";

pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    pods::keys_of(world, change, id::STATEFULSETS)
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let set = world.store.get(key).cloned().filter(|s| !is_deleting(s))?;
    let revision = revision(world, &set);
    let wanted = pods::replicas(&set);
    fill(world, &set, &revision, wanted);
    if text(&set, "/spec/updateStrategy/type") == "RollingUpdate" {
        replace_last(world, &set, &revision, wanted);
    }
    report(world, key, &set, &revision);
    None
}

fn revision(world: &World, owner: &Value) -> String {
    let hash = pods::revision(world, owner);
    let prefix = format!("{}-", name(owner));
    // A recorded revision is the whole name already.
    if hash.starts_with(&prefix) { hash } else { format!("{prefix}{hash}") }
}

/// The first ordinal (`spec.ordinals.start`).
fn first(owner: &Value) -> usize {
    usize::try_from(int(owner, "/spec/ordinals/start")).unwrap_or_default()
}

fn pod(world: &World, owner: &Value, ordinal: usize) -> Option<(Key, Value)> {
    let name = format!("{}-{ordinal}", name(owner));
    let key = Key::new(id::PODS, crate::sim::json::namespace(owner), &name);
    world.store.get(&key).cloned().map(|p| (key, p))
}

/// Creates what is missing and removes what is too much, in order unless told otherwise.
fn fill(world: &mut World, owner: &Value, revision: &str, wanted: usize) {
    let in_order = text(owner, "/spec/podManagementPolicy") != "Parallel";
    let (from, to) = (first(owner), first(owner) + wanted);
    for ordinal in from..to {
        match pod(world, owner, ordinal) {
            None => {
                let pod_name = format!("{}-{ordinal}", name(owner));
                let mut new = pods::from_template(owner, &pod_name, (REVISION, revision));
                claim_volumes(world, owner, &mut new);
                pods::create(world, new);
            }
            Some((key, p)) if is_finished(&p) && !is_deleting(&p) => pods::delete(world, &key),
            Some((_, p)) if is_ready(&p) && !is_deleting(&p) => continue,
            Some(_) => {}
        }
        if in_order {
            return;
        }
    }
    let number = |n: &str| n.rsplit('-').next().and_then(|o| o.parse::<usize>().ok()).unwrap_or_default();
    let extra: Vec<Key> = pods::owned(world, owner)
        .into_iter()
        .filter(|(k, p)| !(from..to).contains(&number(&k.name)) && !is_deleting(p))
        .map(|(k, _)| k)
        .collect();
    extra.iter().max_by_key(|k| number(&k.name)).into_iter().for_each(|k| pods::delete(world, k));
}

/// Claims of the templates under the pod's own name, made where they are missing; pods that come back find theirs.
fn claim_volumes(world: &mut World, owner: &Value, pod: &mut Value) {
    for template in list(owner, "/spec/volumeClaimTemplates") {
        let volume = name(template);
        let claim = format!("{volume}-{}", name(pod));
        let mut volumes = list(pod, "/spec/volumes").to_vec();
        volumes.retain(|v| name_of(v) != volume);
        volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}}));
        set(pod, "/spec/volumes", volumes);
        let mut object =
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": template["spec"]});
        set(&mut object, "/metadata/name", claim);
        set(&mut object, "/metadata/namespace", crate::sim::json::namespace(owner));
        // One that is there already is the one that is wanted.
        drop(world.create(id::CLAIMS, object, false));
    }
}

fn name_of(volume: &Value) -> &str {
    text(volume, "/name")
}

/// Replaces the highest pod of another revision once all are Ready.
fn replace_last(world: &mut World, owner: &Value, revision: &str, wanted: usize) {
    let ordinals = first(owner)..first(owner) + wanted;
    let all: Vec<_> = ordinals.filter_map(|ordinal| pod(world, owner, ordinal)).collect();
    if all.len() < wanted || all.iter().any(|(_, p)| !is_ready(p) || is_deleting(p)) {
        return;
    }
    if let Some((key, _)) = all.iter().rev().find(|(_, p)| label(p, REVISION) != Some(revision)) {
        pods::delete(world, key);
    }
}

fn report(world: &mut World, key: &Key, owner: &Value, revision: &str) {
    let all = pods::owned(world, owner);
    let count = |wanted: &dyn Fn(&Value) -> bool| all.iter().filter(|(_, p)| wanted(p)).count();
    let is_updated = |p: &Value| label(p, REVISION) == Some(revision);
    let ready = count(&|p| is_ready(p) && !is_deleting(p));
    let updated = count(&is_updated);
    let is_done = updated == pods::replicas(owner);
    let numbers = [
        ("replicas", all.len()),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
        ("updatedReplicas", updated),
        ("currentReplicas", if is_done { updated } else { all.len() - updated }),
    ];
    pods::write_status(world, key, int(owner, "/metadata/generation"), &numbers);
    world.modify(key, |object| {
        set(object, "/status/updateRevision", revision);
        if is_done {
            set(object, "/status/currentRevision", revision);
        }
    });
}
