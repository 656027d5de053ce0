//! Deletes: grace, propagation, finalizers, dry runs, collections; names made by the server.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, JSON_PATCH, MERGE, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    match chance.below(5) {
        0 => pod(chance, script),
        1 => finalized(chance, script),
        2 => collection(chance, script),
        3 => generated(chance, script),
        _ => deployment(chance, script),
    }
}

fn pod(chance: &mut Chance, script: &mut Script) {
    let mut pod = objects::bound("p", &json!({"app": "p"}), "nowhere");
    if chance.once_in(3) {
        pod = objects::pod("p", &json!({}));
        script.about("unbound");
    }
    if chance.once_in(3) {
        pod["spec"]["terminationGracePeriodSeconds"] = chance.one(&[json!(0), json!(5)]);
        script.about("grace of its own");
    }
    script.about("pod");
    script.post(&script.path("pods"), &pod);
    let path = script.path("pods/p");
    for _ in 0..=chance.below(3) {
        let (about, query, options) = chance.one(&[
            ("plain", "", Value::Null),
            ("grace 0", "", json!({"gracePeriodSeconds": 0})),
            ("grace 60", "?gracePeriodSeconds=60", Value::Null),
            ("grace 1", "", json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 1})),
            ("negative grace", "", json!({"gracePeriodSeconds": -1})),
            ("dry", "?dryRun=All", Value::Null),
            ("dry in body", "", json!({"dryRun": ["All"]})),
            ("background", "", json!({"propagationPolicy": "Background"})),
        ]);
        script.about(about);
        script.delete(&format!("{path}{query}"), &options);
        script.get(&path);
    }
}

fn finalized(chance: &mut Chance, script: &mut Script) {
    script.about("finalizers");
    let path = script.path("configmaps/c");
    let mut map = objects::config_map("c", &json!({"a": "1"}));
    map["metadata"]["finalizers"] = json!(["example.org/one"]);
    script.post(&script.path("configmaps"), &map);
    let (about, options) = propagation(chance);
    script.about(about);
    script.delete(&path, &options);
    script.get(&path);
    for _ in 0..=chance.below(3) {
        let (about, kind, body) = chance.one(&[
            ("write while deleting", MERGE, json!({"data": {"a": "2"}})),
            (
                "finalizer added while deleting",
                MERGE,
                json!({"metadata": {"finalizers": ["example.org/one", "example.org/two"]}}),
            ),
            ("finalizers gone", MERGE, json!({"metadata": {"finalizers": null}})),
            ("finalizer removed", JSON_PATCH, json!([{"op": "remove", "path": "/metadata/finalizers/0"}])),
            ("undelete", MERGE, json!({"metadata": {"deletionTimestamp": null}})),
        ]);
        script.about(about);
        script.patch(kind, &path, &body);
    }
    script.delete(&path, &Value::Null);
    script.get(&path);
}

fn propagation(chance: &mut Chance) -> (&'static str, Value) {
    chance.one(&[
        ("plain", Value::Null),
        ("foreground", json!({"propagationPolicy": "Foreground"})),
        ("background", json!({"propagationPolicy": "Background"})),
        ("orphan", json!({"propagationPolicy": "Orphan"})),
        ("orphan dependents", json!({"orphanDependents": true})),
        ("bad policy", json!({"propagationPolicy": "Sideways"})),
        ("both", json!({"propagationPolicy": "Orphan", "orphanDependents": true})),
    ])
}

fn deployment(chance: &mut Chance, script: &mut Script) {
    script.about("deployment");
    let path = script.path("apps/v1 deployments/web");
    script.post(&script.path("apps/v1 deployments"), &objects::deployment("web", 1));
    let (about, options) = propagation(chance);
    script.about(about);
    script.delete(&path, &options);
    script.get(&path);
    let (about, options) = propagation(chance);
    script.about(&format!("then {about}"));
    script.delete(&path, &options);
    script.get(&path);
}

fn collection(chance: &mut Chance, script: &mut Script) {
    script.about("collection");
    let collection = script.path("configmaps");
    for name in ["a", "b", "c"] {
        let mut map = objects::config_map(name, &json!({}));
        map["metadata"]["labels"] = json!({"name": name});
        if chance.once_in(3) {
            map["metadata"]["finalizers"] = json!(["example.org/one"]);
        }
        script.post(&collection, &map);
    }
    let query = chance.pick(&[
        "",
        "?labelSelector=name%3Da",
        "?labelSelector=name%20in%20(a,b)",
        "?dryRun=All",
        "?limit=1",
    ]);
    script.about(query);
    script.delete(&format!("{collection}{query}"), &Value::Null);
    script.get(&collection);
}

fn generated(chance: &mut Chance, script: &mut Script) {
    script.about("generated names");
    let mut map = objects::config_map("", &json!({"a": "1"}));
    let dry = chance.pick(&["", "", "?dryRun=All"]);
    map["metadata"] = chance.one(&[
        json!({"generateName": "web-"}),
        json!({"generateName": "web-", "name": "fixed"}),
        json!({"generateName": "Web_"}),
        json!({"generateName": "a-prefix-that-is-much-too-long-to-be-kept-as-it-is-because-names-must-fit-somewhere"}),
        json!({}),
    ]);
    script.about(&format!("{}{dry}", map["metadata"]));
    for _ in 0..2 {
        script.post(&format!("{}{dry}", script.path("configmaps")), &map);
    }
    script.get(&format!("{}?fieldSelector=metadata.name%3Dfixed", script.path("configmaps")));
}
