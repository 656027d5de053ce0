//! Evictions: pods of all phases, no, one or two budgets with all kinds of selectors and statuses.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

const NODE: &str = "a-node-that-nobody-runs";

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    pod(chance, script);
    for number in 0..chance.one(&[0, 1, 1, 1, 1, 1, 2]) {
        budget(chance, script, &format!("pdb-{number}"));
    }
    if chance.once_in(12) {
        script.about("of a terminating pod");
        script.delete(&script.path("pods/web"), &json!({"gracePeriodSeconds": 30}));
    }
    let again = 1 + chance.below(3);
    for _ in 0..again {
        evict(chance, script);
    }
    script.get(&script.path("pods/web"));
    script.get(&script.path("policy/v1 poddisruptionbudgets"));
}

fn pod(chance: &mut Chance, script: &mut Script) {
    let mut pod = objects::bound("web", &json!({"app": "web", "tier": "front"}), NODE);
    if chance.once_in(8) {
        script.about("unbound");
        pod = objects::pod("web", &json!({"app": "web", "tier": "front"}));
    }
    script.post(&script.path("pods"), &pod);
    let phase = chance.pick(&["Running", "Running", "Running", "Running", "Pending", "Succeeded", "Failed"]);
    let ready = chance.pick(&["True", "True", "False"]);
    script.about(&format!("phase {phase} ready {ready}"));
    let condition = json!({"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-02T03:04:05Z"});
    let status = json!({"status": {"phase": phase, "conditions": [condition]}});
    script.patch(MERGE, &script.path("pods/web/status"), &status);
}

fn budget(chance: &mut Chance, script: &mut Script, name: &str) {
    let selectors = [
        ("labels", json!({"matchLabels": {"app": "web"}})),
        ("labels", json!({"matchLabels": {"app": "web"}})),
        ("in", json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]})),
        ("notin", json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]})),
        ("exists", json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]})),
        ("absent key", json!({"matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]})),
        ("all", json!({})),
        ("none", Value::Null),
        ("other", json!({"matchLabels": {"app": "db"}})),
        (
            "both",
            json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
        ),
    ];
    let (kind, selector) = chance.one(&selectors);
    let mut budget = objects::budget(name, &selector);
    let policy = chance.pick(&["", "", "IfHealthyBudget", "AlwaysAllow"]);
    if !policy.is_empty() {
        budget["spec"]["unhealthyPodEvictionPolicy"] = policy.into();
    }
    script.about(&format!("{name} selector {kind} policy {policy:?}"));
    script.post(&script.path("policy/v1 poddisruptionbudgets"), &budget);
    if chance.once_in(10) {
        script.about("unsynced");
        return;
    }
    status(chance, script, name);
}

fn status(chance: &mut Chance, script: &mut Script, name: &str) {
    let (allowed, current, desired) =
        chance.one(&[(0, 1, 1), (0, 0, 1), (0, 2, 1), (1, 2, 1), (2, 3, 1), (1, 1, 0), (0, 0, 0)]);
    let generation = u64::from(!chance.once_in(6));
    script.about(&format!("allowed {allowed} of {current}/{desired} seen {generation}"));
    let mut status = json!({
        "disruptionsAllowed": allowed, "currentHealthy": current, "desiredHealthy": desired, "expectedPods": current,
        "observedGeneration": generation,
    });
    if allowed == 0 && chance.once_in(4) {
        script.about("failed sync");
        status["conditions"] = json!([{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed",
            "message": "no matches for kind", "lastTransitionTime": "2026-01-02T03:04:05Z"}]);
    }
    let path = script.path(&format!("policy/v1 poddisruptionbudgets/{name}/status"));
    script.patch(MERGE, &path, &json!({"status": status}));
}

fn evict(chance: &mut Chance, script: &mut Script) {
    let mut eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}});
    let mut path = script.path("pods/web/eviction");
    match chance.below(16) {
        0 => {
            script.about("of another name");
            eviction["metadata"]["name"] = "other".into();
        }
        1 => {
            script.about("of no pod");
            path = script.path("pods/none/eviction");
            eviction["metadata"]["name"] = "none".into();
        }
        2 => {
            script.about("dry in options");
            eviction["deleteOptions"] = json!({"dryRun": ["All"]});
        }
        3 => {
            script.about("dry in query");
            path += "?dryRun=All";
        }
        4 => {
            script.about("another uid");
            eviction["deleteOptions"] = json!({"preconditions": {"uid": "another"}});
        }
        5 => {
            script.about("its uid");
            eviction["deleteOptions"] = json!({"preconditions": {"uid": "$(2:/metadata/uid)"}});
        }
        6 => {
            script.about("an old version");
            eviction["deleteOptions"] =
                json!({"preconditions": {"resourceVersion": "$(2:/metadata/resourceVersion)"}});
        }
        7 => {
            script.about("its version");
            eviction["deleteOptions"] =
                json!({"preconditions": {"resourceVersion": "$(3:/metadata/resourceVersion)"}});
        }
        8 => {
            script.about("grace 0");
            eviction["deleteOptions"] = json!({"gracePeriodSeconds": 0});
        }
        9 => {
            script.about("grace 7");
            eviction["deleteOptions"] = json!({"gracePeriodSeconds": 7});
        }
        _ => {}
    }
    script.post(&path, &eviction);
}
