//! Updates and deletes on outdated versions and other objects of the same name.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let path = script.path("configmaps/c");
    let first = script.post(&script.path("configmaps"), &objects::config_map("c", &json!({"a": "1"})));
    if chance.once_in(2) {
        script.about("changed meanwhile");
        script.patch(MERGE, &path, &json!({"data": {"a": "2"}}));
    }
    if chance.once_in(6) {
        script.about("replaced meanwhile");
        script.delete(&path, &Value::Null);
        script.post(&script.path("configmaps"), &objects::config_map("c", &json!({"b": "1"})));
    }
    let reference = |member: &str| format!("$({first}:/metadata/{member})");
    for _ in 0..=chance.below(2) {
        match chance.below(4) {
            0 => update(chance, script, &path, &reference),
            1 => delete(chance, script, &path, &reference),
            2 => {
                script.about("create again");
                script.post(&script.path("configmaps"), &objects::config_map("c", &json!({})));
            }
            _ => {
                script.about("patch with version");
                let body = json!({"metadata": {"resourceVersion": reference("resourceVersion")}, "data": {"p": "1"}});
                script.patch(MERGE, &path, &body);
            }
        }
    }
    script.get(&path);
}

fn update(chance: &mut Chance, script: &mut Script, path: &str, reference: &dyn Fn(&str) -> String) {
    let mut body = objects::config_map("c", &json!({"u": "1"}));
    let member = chance.pick(&["", "resourceVersion", "uid", "both", "other uid", "no number"]);
    script.about(&format!("update with {member:?}"));
    match member {
        "" => {}
        "both" => {
            body["metadata"]["resourceVersion"] = reference("resourceVersion").into();
            body["metadata"]["uid"] = reference("uid").into();
        }
        "other uid" => body["metadata"]["uid"] = "another".into(),
        "no number" => body["metadata"]["resourceVersion"] = "abc".into(),
        member => body["metadata"][member] = reference(member).into(),
    }
    script.put(path, &body);
}

fn delete(chance: &mut Chance, script: &mut Script, path: &str, reference: &dyn Fn(&str) -> String) {
    let (about, preconditions) = chance.one(&[
        ("uid", json!({"uid": reference("uid")})),
        ("version", json!({"resourceVersion": reference("resourceVersion")})),
        ("both", json!({"uid": reference("uid"), "resourceVersion": reference("resourceVersion")})),
        ("other uid", json!({"uid": "another"})),
        ("other version", json!({"resourceVersion": "1"})),
    ]);
    script.about(&format!("delete with {about}"));
    script.delete(path, &json!({"preconditions": preconditions}));
}
