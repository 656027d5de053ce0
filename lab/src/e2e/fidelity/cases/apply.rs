//! Server-side apply: owners, conflicts, force, fields that are given up.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

/// Makes a document to apply, with words about it.
type Make = fn(&mut Chance) -> (&'static str, Value);

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let (path, make): (String, Make) = match chance.below(4) {
        0 => (script.path("configmaps/c"), config_map),
        1 => (script.path("apps/v1 deployments/web"), deployment),
        2 => (script.path("coordination.k8s.io/v1 leases/l"), lease),
        _ => (script.path("services/web"), labelled),
    };
    script.about(path.rsplit('/').nth(1).unwrap_or_default());
    if chance.once_in(3) {
        create_first(script, &path);
    }
    for _ in 0..2 + chance.below(3) {
        let manager = chance.pick(&["one", "two"]);
        let force = chance.pick(&["", "", "", "?force=true", "?dryRun=All", "?force=true&dryRun=All"]);
        let (about, body) = make(chance);
        script.about(&format!("{manager}{force} {about}"));
        script.apply(&format!("{path}{force}"), manager, &body);
    }
    odd(chance, script, &path);
    script.get(&path);
}

fn create_first(script: &mut Script, path: &str) {
    script.about("created before");
    let (collection, name) = path.rsplit_once('/').unwrap_or_default();
    let body = match collection.rsplit('/').next() {
        Some("configmaps") => objects::config_map(name, &json!({"a": "0", "z": "0"})),
        Some("deployments") => objects::deployment(name, 1),
        Some("leases") => objects::lease(name, "first"),
        _ => service(&json!({"team": "first"})),
    };
    script.post(&format!("{collection}?fieldManager=creator"), &body);
}

fn config_map(chance: &mut Chance) -> (&'static str, Value) {
    let with = |metadata: Value, data: Value| {
        let mut map = objects::config_map("c", &data);
        for (key, value) in metadata.as_object().into_iter().flatten() {
            map["metadata"][key] = value.clone();
        }
        map
    };
    chance.one(&[
        ("a", with(json!({}), json!({"a": "1"}))),
        ("a differs", with(json!({}), json!({"a": "2"}))),
        ("b", with(json!({}), json!({"b": "1"}))),
        ("a and b", with(json!({}), json!({"a": "1", "b": "1"}))),
        ("nothing", with(json!({}), json!({}))),
        ("label", with(json!({"labels": {"l": "1"}}), json!({"a": "1"}))),
        ("annotation", with(json!({"annotations": {"n": "1"}}), json!({"b": "2"}))),
        ("finalizer", with(json!({"finalizers": ["example.org/one"]}), json!({}))),
        ("other finalizer", with(json!({"finalizers": ["example.org/two"]}), json!({"a": "1"}))),
        (
            "owner",
            with(
                json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u-1"}]}),
                json!({}),
            ),
        ),
    ])
}

fn deployment(chance: &mut Chance) -> (&'static str, Value) {
    let mut whole = objects::deployment("web", 2);
    match chance.below(6) {
        0 => {
            whole["spec"]["replicas"] = 3.into();
            ("three replicas", whole)
        }
        1 => {
            whole["spec"].as_object_mut().map(|spec| spec.remove("replicas"));
            ("no replicas", whole)
        }
        2 => {
            whole["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/web:2".into();
            ("other image", whole)
        }
        3 => {
            whole["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "B", "value": "2"}]);
            ("other environment", whole)
        }
        4 => {
            whole["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80}]);
            ("port", whole)
        }
        _ => ("whole", whole),
    }
}

fn lease(chance: &mut Chance) -> (&'static str, Value) {
    let mut lease = objects::lease("l", chance.pick(&["me", "you"]));
    if chance.once_in(3) {
        lease["spec"].as_object_mut().map(|spec| spec.remove("renewTime"));
        return ("no time", lease);
    }
    ("lease", lease)
}

fn labelled(chance: &mut Chance) -> (&'static str, Value) {
    chance.one(&[
        ("team a", service(&json!({"team": "a"}))),
        ("team b", service(&json!({"team": "b"}))),
        ("two labels", service(&json!({"team": "a", "tier": "x"}))),
    ])
}

fn service(labels: &Value) -> Value {
    // Without an address: the two servers would take different ones.
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": labels},
        "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}})
}

fn odd(chance: &mut Chance, script: &mut Script, path: &str) {
    let kind = path.rsplit('/').nth(1).unwrap_or_default();
    if kind != "configmaps" {
        return;
    }
    match chance.below(9) {
        0 => {
            script.about("no manager");
            let body = objects::config_map("c", &json!({}));
            script.patch(super::super::script::APPLY, path, &body);
        }
        1 => {
            script.about("managed fields given");
            let mut body = objects::config_map("c", &json!({}));
            body["metadata"]["managedFields"] = json!([{"manager": "x"}]);
            script.apply(path, "one", &body);
        }
        2 => {
            script.about("no kind");
            script.apply(path, "one", &json!({"metadata": {"name": "c"}}));
        }
        3 => {
            script.about("other name");
            script.apply(path, "one", &objects::config_map("other", &json!({})));
        }
        4 => {
            script.about("update between");
            script.patch(MERGE, &format!("{path}?fieldManager=three"), &json!({"data": {"a": "7"}}));
            script.apply(path, "one", &objects::config_map("c", &json!({"a": "1"})));
        }
        5 => {
            script.about("old version");
            let mut body = objects::config_map("c", &json!({"a": "1"}));
            body["metadata"]["resourceVersion"] = "1".into();
            script.apply(&format!("{path}?force=true"), "one", &body);
        }
        6 => {
            script.about("force with merge");
            script.patch(MERGE, &format!("{path}?force=true"), &json!({}));
        }
        7 => {
            script.about("unknown field");
            let mut body = objects::config_map("c", &json!({"a": "1"}));
            body["unknown"] = 1.into();
            script.apply(&format!("{path}?force=true"), "one", &body);
        }
        _ => {}
    }
}
