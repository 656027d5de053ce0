//! What no server takes: unknown paths, methods and subresources, bodies that are none, names that are not allowed.

use serde_json::json;

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    script.post(&script.path("configmaps"), &objects::config_map("c", &json!({"a": "1"})));
    script.post(&script.path("pods"), &objects::bound("p", &json!({}), "nowhere"));
    for _ in 0..2 {
        match chance.below(4) {
            0 => paths(chance, script),
            1 => bodies(chance, script),
            2 => parameters(chance, script),
            _ => pods(chance, script),
        }
    }
}

fn paths(chance: &mut Chance, script: &mut Script) {
    let space = script.space.clone();
    let (method, path) = chance.one(&[
        ("GET", "/api/v1/namespaces/SPACE/nothings"),
        ("GET", "/api/v1/namespaces/SPACE/nothings/x"),
        ("GET", "/apis/none.example.org/v1/things"),
        ("GET", "/apis/none.example.org/v1"),
        ("GET", "/apis/none.example.org"),
        ("GET", "/apis/apps/v9/deployments"),
        ("GET", "/apis/apps/v9"),
        ("GET", "/api/v2"),
        ("GET", "/nothing"),
        ("GET", "/api/v1/pods/p"),
        ("POST", "/api/v1/pods"),
        ("POST", "/api/v1/namespaces/SPACE/configmaps/c"),
        ("PUT", "/api/v1/namespaces/SPACE/configmaps"),
        ("PATCH", "/api/v1/namespaces/SPACE/configmaps"),
        ("GET", "/api/v1/namespaces/SPACE/configmaps/c/status"),
        ("GET", "/api/v1/namespaces/SPACE/configmaps/c/scale"),
        ("GET", "/api/v1/namespaces/SPACE/pods/p/status"),
        ("GET", "/api/v1/namespaces/SPACE/pods/p/eviction"),
        ("DELETE", "/api/v1/namespaces/SPACE/pods/p/status"),
        ("GET", "/api/v1/namespaces/SPACE/pods/p/nothing"),
        ("GET", "/api/v1/namespaces/SPACE/pods/none"),
        ("GET", "/api/v1/namespaces/none-SPACE/pods"),
        ("GET", "/api/v1/namespaces/none-SPACE"),
        ("GET", "/api/v1/namespaces/SPACE/nodes"),
        ("GET", "/api/v1/nodes/none-SPACE"),
        ("DELETE", "/api/v1/nodes/none-SPACE"),
        ("DELETE", "/api/v1/namespaces/SPACE/configmaps/none"),
        ("GET", "/apis/policy/v1/namespaces/SPACE/poddisruptionbudgets/none"),
        ("GET", "/apis/policy/v1beta1/namespaces/SPACE/poddisruptionbudgets"),
        ("POST", "/version"),
    ]);
    script.about(&format!("{method} {}", path.replace("SPACE", "N")));
    let body =
        matches!(method, "POST" | "PUT" | "PATCH").then(|| objects::config_map("c", &json!({})).to_string());
    script.send(method, &path.replace("SPACE", &space), body);
    if method == "PATCH" {
        script.header("content-type", MERGE);
    }
}

fn bodies(chance: &mut Chance, script: &mut Script) {
    let map = objects::config_map("d", &json!({"a": "1"}));
    let with = |pointer: &str, value: serde_json::Value| {
        let mut map = map.clone();
        if let Some((parent, member)) = pointer.rsplit_once('/')
            && let Some(parent) = map.pointer_mut(parent)
        {
            parent[member] = value;
        }
        map.to_string()
    };
    let (about, body) = chance.one(&[
        ("no JSON", "{nonsense".to_owned()),
        ("empty", String::new()),
        ("a list", "[]".to_owned()),
        ("a text", "\"x\"".to_owned()),
        ("no kind", with("/kind", json!(""))),
        ("another kind", with("/kind", json!("Secret"))),
        ("another version", with("/apiVersion", json!("v2"))),
        ("another namespace", with("/metadata/namespace", json!("elsewhere"))),
        ("no name", with("/metadata/name", json!(""))),
        ("bad name", with("/metadata/name", json!("Not_Good"))),
        ("long name", with("/metadata/name", json!("x".repeat(254)))),
        ("number for text", with("/data/a", json!(1))),
        ("text for map", with("/data", json!("x"))),
        ("bad key", with("/data/..", json!("x"))),
        ("bad label", with("/metadata/labels", json!({"a": "b c"}))),
        ("bad label key", with("/metadata/labels", json!({"-a": "b"}))),
        ("bad annotation", with("/metadata/annotations", json!({"a b": "c"}))),
        ("bad finalizer", with("/metadata/finalizers", json!(["one"]))),
        ("unknown member", with("/unknown", json!("x"))),
        ("version given", with("/metadata/resourceVersion", json!("5"))),
        ("uid given", with("/metadata/uid", json!("mine"))),
        ("bad owner", with("/metadata/ownerReferences", json!([{"kind": "Pod", "name": "p"}]))),
        (
            "two controllers",
            with(
                "/metadata/ownerReferences",
                json!([
            {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "controller": true},
            {"apiVersion": "v1", "kind": "Pod", "name": "q", "uid": "2", "controller": true}]),
            ),
        ),
    ]);
    script.about(about);
    script.send("POST", &script.path("configmaps"), Some(body));
    if about == "no JSON" && chance.once_in(2) {
        script.header("content-type", "text/plain");
    }
}

fn parameters(chance: &mut Chance, script: &mut Script) {
    let query = chance.pick(&[
        "dryRun=Some",
        "dryRun=",
        "fieldManager=",
        "fieldValidation=Strict",
        "fieldValidation=Never",
        "fieldManager=a%01b",
        "pretty=true",
        "unknown=1",
    ]);
    script.about(query);
    let mut map = objects::config_map("e", &json!({"a": "1"}));
    map["surplus"] = json!(1);
    script.post(&format!("{}?{query}", script.path("configmaps")), &map);
    let long = "m".repeat(129);
    if chance.once_in(4) {
        script.about("long manager");
        script.post(
            &format!("{}?fieldManager={long}", script.path("configmaps")),
            &objects::config_map("f", &json!({})),
        );
    }
}

fn pods(chance: &mut Chance, script: &mut Script) {
    let mut pod = objects::pod("q", &json!({}));
    let (about, pointer, value) = chance.one(&[
        ("no containers", "/spec/containers", json!([])),
        ("no image", "/spec/containers/0/image", json!("")),
        ("no container name", "/spec/containers/0/name", json!("")),
        ("bad container name", "/spec/containers/0/name", json!("A B")),
        ("bad restart policy", "/spec/restartPolicy", json!("Sometimes")),
        ("no account", "/spec/serviceAccountName", json!("none")),
        ("requests", "/spec/containers/0/resources", json!({"requests": {"cpu": "100m", "memory": "1Gi"}})),
        ("limits", "/spec/containers/0/resources", json!({"limits": {"cpu": 1, "memory": "1Gi"}})),
        ("latest", "/spec/containers/0/image", json!("registry.example/web")),
        ("tagged latest", "/spec/containers/0/image", json!("registry.example/web:latest")),
        ("tolerations", "/spec/tolerations", json!([{"operator": "Exists"}])),
        ("host network", "/spec/hostNetwork", json!(true)),
        ("port", "/spec/containers/0/ports", json!([{"containerPort": 80}])),
        ("priority class", "/spec/priorityClassName", json!("system-node-critical")),
        ("no priority class", "/spec/priorityClassName", json!("none")),
        (
            "volume",
            "/spec/volumes",
            json!([{"name": "v", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}]),
        ),
        ("probe", "/spec/containers/0/readinessProbe", json!({"httpGet": {"path": "/", "port": 80}})),
    ]);
    if let Some((parent, member)) = pointer.rsplit_once('/')
        && let Some(parent) = pod.pointer_mut(parent)
    {
        parent[member] = value;
    }
    script.about(about);
    script.post(&script.path("pods"), &pod);
    let (about, body) = chance.one(&[
        ("moved", json!({"spec": {"nodeName": "elsewhere"}})),
        ("moved", json!({"spec": {"nodeName": "elsewhere"}})),
        ("labelled", json!({"metadata": {"labels": {"x": "y"}}})),
    ]);
    script.about(about);
    script.patch(MERGE, &script.path("pods/p"), &body);
}
