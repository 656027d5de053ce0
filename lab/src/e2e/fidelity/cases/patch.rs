//! Patches of three kinds on several kinds of objects; apply has its own file.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, JSON_PATCH, MERGE, STRATEGIC, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let path = if chance.once_in(2) { config_map(chance, script) } else { deployment(chance, script) };
    script.get(&path);
}

fn config_map(chance: &mut Chance, script: &mut Script) -> String {
    let path = script.path("configmaps/c");
    let mut map = objects::config_map("c", &json!({"a": "1", "b": "2"}));
    map["metadata"]["finalizers"] = json!(["example.org/one", "example.org/two"]);
    script.post(&script.path("configmaps"), &map);
    script.about("configmap");
    for _ in 0..=chance.below(3) {
        let (about, kind, body) = chance.one(&config_map_changes());
        script.about(about);
        script.patch(kind, &path, &body);
        if chance.once_in(8) {
            script.about("dry");
            script.patch(kind, &format!("{path}?dryRun=All"), &body);
        }
    }
    path
}

fn config_map_changes() -> Vec<(&'static str, &'static str, Value)> {
    let op = |op: &str, path: &str| json!([{"op": op, "path": path}]);
    let set = |op: &str, path: &str, value: &str| json!([{"op": op, "path": path, "value": value}]);
    vec![
        ("merge", MERGE, json!({"data": {"a": "9", "c": "3"}})),
        ("merge null", MERGE, json!({"data": {"a": null}})),
        ("merge all null", MERGE, json!({"data": null})),
        ("merge nothing", MERGE, json!({})),
        ("merge same", MERGE, json!({"data": {"a": "1"}})),
        ("merge other name", MERGE, json!({"metadata": {"name": "other"}})),
        ("merge other namespace", MERGE, json!({"metadata": {"namespace": "other"}})),
        ("merge version", MERGE, json!({"metadata": {"resourceVersion": "1"}, "data": {"a": "3"}})),
        (
            "merge its version",
            MERGE,
            json!({"metadata": {"resourceVersion": "$(2:/metadata/resourceVersion)"}, "data": {"v": "3"}}),
        ),
        ("merge uid", MERGE, json!({"metadata": {"uid": "another"}})),
        ("merge number", MERGE, json!({"data": {"a": 1}})),
        ("merge list", MERGE, json!(["a"])),
        ("merge kind", MERGE, json!({"kind": "Secret"})),
        ("merge unknown", MERGE, json!({"unknown": 1})),
        ("merge generation", MERGE, json!({"metadata": {"generation": 7, "creationTimestamp": null}})),
        ("finalizers merged", MERGE, json!({"metadata": {"finalizers": ["example.org/three"]}})),
        ("strategic", STRATEGIC, json!({"data": {"a": "9", "c": "3"}})),
        ("strategic null", STRATEGIC, json!({"data": {"b": null}})),
        ("strategic replace", STRATEGIC, json!({"data": {"$patch": "replace", "z": "1"}})),
        ("strategic delete", STRATEGIC, json!({"data": {"$patch": "delete"}})),
        ("finalizers strategic", STRATEGIC, json!({"metadata": {"finalizers": ["example.org/three"]}})),
        (
            "finalizers deleted",
            STRATEGIC,
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.org/one"]}}),
        ),
        ("add", JSON_PATCH, set("add", "/data/c", "3")),
        ("add deep", JSON_PATCH, set("add", "/metadata/labels/x", "y")),
        ("replace", JSON_PATCH, set("replace", "/data/a", "9")),
        ("replace missing", JSON_PATCH, set("replace", "/data/none", "9")),
        ("remove", JSON_PATCH, op("remove", "/data/a")),
        ("remove missing", JSON_PATCH, op("remove", "/data/none")),
        ("test", JSON_PATCH, set("test", "/data/a", "1")),
        ("test wrong", JSON_PATCH, set("test", "/data/a", "2")),
        ("copy", JSON_PATCH, json!([{"op": "copy", "from": "/data/a", "path": "/data/copy"}])),
        ("move", JSON_PATCH, json!([{"op": "move", "from": "/data/b", "path": "/data/moved"}])),
        ("finalizer added", JSON_PATCH, set("add", "/metadata/finalizers/-", "example.org/four")),
        ("no list", JSON_PATCH, json!({"op": "add"})),
        ("no operation", JSON_PATCH, json!([{"op": "jump", "path": "/data/a"}])),
        ("unknown kind", "application/unknown", json!({})),
    ]
}

fn deployment(chance: &mut Chance, script: &mut Script) -> String {
    let path = script.path("apps/v1 deployments/web");
    script.about("deployment");
    script.post(&script.path("apps/v1 deployments"), &objects::deployment("web", chance.below(3)));
    for _ in 0..=chance.below(3) {
        let (about, kind, place, body) = chance.one(&deployment_changes());
        script.about(about);
        script.patch(kind, &format!("{path}{place}"), &body);
    }
    path
}

fn deployment_changes() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let pod = |spec: Value| json!({"spec": {"template": {"spec": spec}}});
    vec![
        (
            "restart",
            STRATEGIC,
            "",
            json!({"spec": {"template": {"metadata": {"annotations":
            {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"}}}}}),
        ),
        (
            "image",
            STRATEGIC,
            "",
            pod(json!({"containers": [{"name": "main", "image": "registry.example/web:2"}]})),
        ),
        (
            "sidecar",
            STRATEGIC,
            "",
            pod(json!({"containers": [{"name": "side", "image": "registry.example/side:1"}]})),
        ),
        (
            "environment",
            STRATEGIC,
            "",
            pod(json!({"containers": [{"name": "main", "env": [{"name": "B", "value": "2"}]}]})),
        ),
        ("no container", STRATEGIC, "", pod(json!({"containers": [{"name": "main", "$patch": "delete"}]}))),
        (
            "containers merged",
            MERGE,
            "",
            pod(json!({"containers": [{"name": "other", "image": "registry.example/x:1"}]})),
        ),
        ("no image", MERGE, "", pod(json!({"containers": [{"name": "other"}]}))),
        ("node selector", MERGE, "", pod(json!({"nodeSelector": {"cni": "cilium"}}))),
        ("replicas", MERGE, "", json!({"spec": {"replicas": 5}})),
        ("negative replicas", MERGE, "", json!({"spec": {"replicas": -1}})),
        ("selector", MERGE, "", json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}})),
        (
            "template label",
            MERGE,
            "",
            json!({"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}}),
        ),
        ("scale", MERGE, "/scale", json!({"spec": {"replicas": 4}})),
        (
            "scale json",
            JSON_PATCH,
            "/scale",
            json!([{"op": "replace", "path": "/spec/replicas", "value": 2}]),
        ),
        (
            "status",
            MERGE,
            "/status",
            json!({"status": {"readyReplicas": 1, "replicas": 1, "observedGeneration": 1}}),
        ),
        ("status by main", MERGE, "", json!({"status": {"readyReplicas": 1}})),
        ("surge", STRATEGIC, "", json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 1}}}})),
        ("recreate", MERGE, "", json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}})),
        (
            "strategy replaced",
            STRATEGIC,
            "",
            json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        ),
        ("volume", STRATEGIC, "", pod(json!({"volumes": [{"name": "v", "emptyDir": {}}]}))),
        ("toleration", STRATEGIC, "", pod(json!({"tolerations": [{"operator": "Exists"}]}))),
        ("grace", STRATEGIC, "", pod(json!({"terminationGracePeriodSeconds": 5}))),
        ("pause", MERGE, "", json!({"spec": {"paused": true}})),
    ]
}
