//! Leases, as locks of runs use them: taken, renewed, stolen, given back.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let collection = script.path("coordination.k8s.io/v1 leases");
    let path = format!("{collection}/lock");
    let first = script.post(&collection, &objects::lease("lock", "me"));
    for _ in 0..2 + chance.below(4) {
        change(chance, script, &collection, first);
    }
    script.get(&path);
}

fn change(chance: &mut Chance, script: &mut Script, collection: &str, first: usize) {
    let path = format!("{collection}/lock");
    let mut lease = objects::lease("lock", "you");
    let version = format!("$({first}:/metadata/resourceVersion)");
    match chance.below(9) {
        0 => {
            script.about("taken twice");
            script.post(collection, &lease);
        }
        1 => {
            script.about("stolen with the first version");
            lease["metadata"]["resourceVersion"] = version.into();
            script.put(&path, &lease);
        }
        2 => {
            script.about("stolen without a version");
            script.put(&path, &lease);
        }
        3 => {
            script.about("renewed");
            script.patch(MERGE, &path, &json!({"spec": {"renewTime": "2026-01-02T03:04:15.000000Z"}}));
        }
        4 => {
            script.about("renewed without fractions");
            script.patch(MERGE, &path, &json!({"spec": {"renewTime": "2026-01-02T03:04:15Z"}}));
        }
        5 => {
            script.about("no duration");
            script.patch(MERGE, &path, &json!({"spec": {"leaseDurationSeconds": 0}}));
        }
        6 => {
            script.about("negative transitions");
            script.patch(MERGE, &path, &json!({"spec": {"leaseTransitions": -1}}));
        }
        7 => {
            script.about("given back");
            script.delete(&path, &json!({"preconditions": {"resourceVersion": version}}));
        }
        _ => {
            script.about("empty");
            script.put(
                &path,
                &json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": "lock"}, "spec": Value::Null}),
            );
        }
    }
}
