//! Definitions of kinds, and objects of these kinds.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{APPLY, Chance, JSON_PATCH, MERGE, STRATEGIC, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    let group = format!("{}.example.org", script.space);
    let scope = chance.pick(&["Namespaced", "Cluster"]);
    let has_status = chance.once_in(2);
    script.namespace();
    script.about(&format!("{scope} status {has_status}"));
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    script.get(&format!("/apis/{group}/v1/widgets"));
    script.post(definitions, &objects::definition(&group, scope, has_status));
    let collection = match scope {
        "Namespaced" => script.path(&format!("{group}/v1 widgets")),
        _ => format!("/apis/{group}/v1/widgets"),
    };
    script.get(&collection);
    script.until(200);
    script.get(&format!("{definitions}/widgets.{group}"));
    script.post(&collection, &objects::widget(&group, "w"));
    for _ in 0..2 + chance.below(4) {
        change(chance, script, &group, &collection);
    }
    script.get(&format!("{collection}/w"));
    script.get(&format!("/apis/{group}/v1"));
}

fn change(chance: &mut Chance, script: &mut Script, group: &str, collection: &str) {
    let path = format!("{collection}/w");
    let widget = objects::widget(group, "w");
    let parts = json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"parts": ["z"]}});
    let patches = [
        ("merge", MERGE, "", json!({"spec": {"size": 4}})),
        ("same", MERGE, "", json!({"spec": {"size": 3}})),
        ("not in the schema", MERGE, "", json!({"spec": {"surplus": 1, "extra": {"kept": true}}})),
        ("wrong type", MERGE, "", json!({"spec": {"size": "large"}})),
        ("label", MERGE, "", json!({"metadata": {"labels": {"a": "b"}}})),
        ("strategic", STRATEGIC, "", json!({"spec": {"size": 4}})),
        ("json", JSON_PATCH, "", json!([{"op": "add", "path": "/spec/parts/-", "value": "c"}])),
        ("apply", APPLY, "?fieldManager=one&force=true", widget.clone()),
        ("apply parts", APPLY, "?fieldManager=two", parts),
        ("status", MERGE, "/status", json!({"status": {"phase": "Up"}})),
        ("status by main", MERGE, "", json!({"status": {"phase": "Up"}})),
    ];
    match chance.below(16) {
        0 => {
            script.about("again");
            script.post(collection, &widget);
        }
        1 => {
            script.about("second");
            script.post(collection, &objects::widget(group, "second"));
        }
        2 => {
            script.about("update without version");
            script.put(&path, &widget);
        }
        3 => {
            script.about("delete");
            script.delete(&path, &Value::Null);
        }
        4 => {
            script.about("list");
            script.get(collection);
        }
        // How far back a server knows the changes of its own kinds depends on how it started; those of this kind it
        // knows since the definition, so 1 is too old on every server.
        5 => {
            script.about("watch from long ago");
            script.get(&format!("{collection}?watch=true&resourceVersion=1&timeoutSeconds=1"));
        }
        _ => {
            let (about, kind, place, body) = chance.one(&patches);
            script.about(about);
            script.patch(kind, &format!("{path}{place}"), &body);
        }
    }
}
