//! What the workload controllers share: pods of an owner, templates, revisions, numbers of a rollout.

use sha2::{Digest, Sha256};

use crate::sim::clock::letters;
use crate::sim::json::{
    condition, int, is_deleting, is_finished, owner_reference, set, set_condition, text, uid,
};
use crate::sim::lifecycle::Deletion;
use crate::sim::resource::{ResourceId, id};
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

/// The key of the object's controller of one kind, for changes of what it owns; of the object itself otherwise, unless
/// only its status has changed, which the controller writes itself.
pub(super) fn keys_of(world: &World, change: &Change, resource: ResourceId) -> Vec<Key> {
    if change.key.resource == resource {
        return if is_of_status(change) { Vec::new() } else { vec![change.key.clone()] };
    }
    let owner = crate::sim::json::controller(change.object());
    let owner = owner.and_then(|o| world.store.by_uid(uid_of(o)));
    owner.into_iter().filter(|(k, _)| k.resource == resource).map(|(k, _)| k.clone()).collect()
}

/// Whether neither the spec has changed (`metadata.generation` counts those changes) nor the metadata.
fn is_of_status(change: &Change) -> bool {
    !change.alters(&[
        "/metadata/uid",
        "/metadata/generation",
        "/metadata/deletionTimestamp",
        "/metadata/labels",
        "/metadata/annotations",
        "/metadata/ownerReferences",
    ])
}

fn uid_of(reference: &Value) -> &str {
    crate::sim::json::text(reference, "/uid")
}

/// The pods of an owner, finished and terminating ones included.
pub(crate) fn owned(world: &World, owner: &Value) -> Vec<(Key, Value)> {
    let owned = world.store.each_owned_by(uid(owner)).filter(|(key, _)| key.resource == id::PODS);
    owned.map(|(key, pod)| (key.clone(), pod.clone())).collect()
}

/// Whether a pod counts for its controller (`controller.IsPodActive`).
pub(super) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !is_deleting(pod)
}

/// The hash of an owner's template: the recorded one where the record has it, so that nothing is rolled out anew.
pub(super) fn revision(world: &World, owner: &Value) -> String {
    let ours = template_hash(&owner["spec"]["template"]);
    let known = (uid(owner).to_owned(), ours);
    world.revisions.get(&known).cloned().unwrap_or(known.1)
}

/// A short hash of a template, as in `pod-template-hash`.
pub(crate) fn template_hash(template: &Value) -> String {
    let digest = Sha256::digest(template.to_string());
    let number = digest.iter().take(8).fold(0_u64, |n, b| (n << 8) | u64::from(*b));
    letters(number, 10)
}

/// A pod from a template.
pub(super) fn from_template(owner: &Value, name: &str, label: (&str, &str)) -> Value {
    let template = &owner["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"],
    });
    if pod["metadata"].is_null() {
        pod["metadata"] = json!({});
    }
    set(&mut pod, "/metadata/namespace", crate::sim::json::namespace(owner));
    let place = if name.ends_with('-') { "/metadata/generateName" } else { "/metadata/name" };
    set(&mut pod, place, name);
    pod["metadata"]["labels"][label.0] = label.1.into();
    set(&mut pod, "/metadata/ownerReferences", json!([owner_reference(owner)]));
    pod
}

/// Creates a pod; a refusal (a namespace that goes) is tried again with the next change.
pub(super) fn create(world: &mut World, pod: Value) {
    if let Err(refusal) = world.create(id::PODS, pod, false) {
        tracing::debug!(message = %refusal.body["message"], "a controller could not create a pod");
    }
}

/// Deletes a pod with its own grace.
pub(super) fn delete(world: &mut World, key: &Key) {
    // Gone already is what was wanted.
    drop(world.delete(key, &Deletion::default()));
}

/// Writes numbers and the generation that they are about into the status.
pub(super) fn write_status(world: &mut World, key: &Key, generation: i64, numbers: &[(&str, usize)]) {
    world.modify(key, |object| set_status(object, generation, numbers));
}

/// Sets the same.
pub(super) fn set_status(object: &mut Value, generation: i64, numbers: &[(&str, usize)]) {
    set_numbers(object, numbers);
    set(object, "/status/observedGeneration", generation);
}

/// Sets numbers of the status; what is absent is zero already.
pub(super) fn set_numbers(object: &mut Value, numbers: &[(&str, usize)]) {
    for (name, number) in numbers {
        let pointer = format!("/status/{name}");
        if int(object, &pointer) != i64::try_from(*number).unwrap_or_default() {
            set(object, &pointer, *number);
        }
    }
}

/// Turns a condition over; one that says the same already keeps its words.
pub(super) fn turn(object: &mut Value, kind: &str, status: &str, reason: &str, message: &str, now: &str) {
    let before = condition(object, kind);
    if before.is_none_or(|c| text(c, "/status") != status || text(c, "/reason") != reason) {
        set_condition(object, kind, status, reason, message, now);
    }
}

/// An integer or a percentage of a total, as `intstr.GetScaledValueFromIntOrPercent`.
pub(super) fn scaled(value: &Value, total: usize, round_up: bool) -> usize {
    match value {
        Value::String(text) => {
            let percent: usize = text.trim_end_matches('%').parse().unwrap_or_default();
            let product = percent * total;
            if round_up { product.div_ceil(100) } else { product / 100 }
        }
        other => other.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default(),
    }
}

/// `spec.replicas`, at least zero.
pub(super) fn replicas(object: &Value) -> usize {
    usize::try_from(crate::sim::json::int(object, "/spec/replicas")).unwrap_or_default()
}
