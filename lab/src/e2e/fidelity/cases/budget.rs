//! Disruption budgets as objects: defaults, rules, generation, status through its own path.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, STRATEGIC, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let collection = script.path("policy/v1 poddisruptionbudgets");
    let path = format!("{collection}/web");
    let budget = first(chance, script);
    script.post(&collection, &budget);
    script.get(&path);
    for _ in 0..=chance.below(3) {
        change(chance, script, &path);
    }
    script.get(&path);
}

fn first(chance: &mut Chance, script: &mut Script) -> Value {
    let mut budget = objects::budget("web", &json!({"matchLabels": {"app": "web"}}));
    let spec: Vec<(&str, Value)> = vec![
        ("plain", json!({"minAvailable": 1})),
        ("percent", json!({"minAvailable": "50%"})),
        ("unavailable", json!({"maxUnavailable": 1})),
        ("both limits", json!({"maxUnavailable": 1, "minAvailable": 1})),
        ("no limit", json!({})),
        ("negative", json!({"minAvailable": -1})),
        ("too many percent", json!({"minAvailable": "150%"})),
        ("no number", json!({"maxUnavailable": "many"})),
        ("bad policy", json!({"minAvailable": 1, "unhealthyPodEvictionPolicy": "Never"})),
        (
            "bad selector",
            json!({"minAvailable": 1, "selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
        ),
        (
            "bad operator",
            json!({"minAvailable": 1, "selector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}),
        ),
        ("bad label", json!({"minAvailable": 1, "selector": {"matchLabels": {"a": "b c"}}})),
    ];
    let (kind, spec) = chance.one(&spec);
    script.about(kind);
    let selector = budget["spec"]["selector"].clone();
    budget["spec"] = spec;
    if budget["spec"]["selector"].is_null() {
        budget["spec"]["selector"] = selector;
    }
    budget
}

fn change(chance: &mut Chance, script: &mut Script, path: &str) {
    let status = json!({"status": {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2,
        "observedGeneration": 1, "disruptedPods": {"web-1": "2026-01-02T03:04:05Z"}}});
    let (about, kind, place, body) = chance.one(&[
        ("raise", MERGE, "", json!({"spec": {"minAvailable": 2, "maxUnavailable": null}})),
        ("other selector", MERGE, "", json!({"spec": {"selector": {"matchLabels": {"b": "c"}}}})),
        (
            "replace selector",
            STRATEGIC,
            "",
            json!({"spec": {"selector": {"$patch": "replace", "matchLabels": {"b": "c"}}}}),
        ),
        ("status ignored", MERGE, "", json!({"status": {"disruptionsAllowed": 5}})),
        ("status", MERGE, "/status", status),
        ("spec by status ignored", MERGE, "/status", json!({"spec": {"minAvailable": 3}})),
        ("negative status", MERGE, "/status", json!({"status": {"disruptionsAllowed": -1}})),
        ("both limits", MERGE, "", json!({"spec": {"minAvailable": 1, "maxUnavailable": 1}})),
        ("label", MERGE, "", json!({"metadata": {"labels": {"x": "y"}}})),
    ]);
    script.about(about);
    script.patch(kind, &format!("{path}{place}"), &body);
}
