//! What the comparison with a real API server (`lab e2e fidelity`) found, each kept by a test of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use cni_migrate::sim::Sim;
use serde_json::{Value, json};

/// A cluster in which nothing moves but by requests.
fn front() -> Sim {
    Sim::builder().frozen(true).build().unwrap()
}

/// Sends a request; the answer's code, and its body or Status.
async fn ask(sim: &Sim, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    match sim.client().request::<Value>(request.body(body).unwrap()).await {
        Ok(value) => (sim.log().last().unwrap().status.unwrap(), value),
        Err(kube::Error::Api(status)) => (status.code, serde_json::to_value(&status).unwrap()),
        Err(other) => panic!("no answer of the API: {other}"),
    }
}

async fn post(sim: &Sim, path: &str, body: &Value) -> (u16, Value) {
    ask(sim, "POST", path, &[], body).await
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"l": "1"}}, "data": {"a": "1"}})
}

#[tokio::test(start_paused = true)]
async fn owners_hold_maps_as_well_as_their_members() {
    let sim = front();
    let (_, created) = post(&sim, &format!("{MAPS}?fieldManager=me"), &map("c")).await;
    let wanted = json!({"f:data": {".": {}, "f:a": {}}, "f:metadata": {"f:labels": {".": {}, "f:l": {}}}});
    assert_eq!(created["metadata"]["managedFields"][0]["fieldsV1"], wanted);
}

#[tokio::test(start_paused = true)]
async fn items_of_lists_do_not_tell_their_kind() {
    let sim = front();
    post(&sim, MAPS, &map("c")).await;
    let (_, list) = ask(&sim, "GET", MAPS, &[], &Value::Null).await;
    assert_eq!((&list["kind"], &list["items"][0]["kind"]), (&json!("ConfigMapList"), &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn rules_of_the_kinds_are_kept() {
    let sim = front();
    let budget = |spec: Value| json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec});
    for (spec, field, reason) in [
        (json!({"minAvailable": -1}), "spec.minAvailable", "FieldValueInvalid"),
        (json!({"minAvailable": 1, "maxUnavailable": 1}), "spec", "FieldValueInvalid"),
        (
            json!({"minAvailable": 1, "unhealthyPodEvictionPolicy": "Never"}),
            "spec.unhealthyPodEvictionPolicy",
            "FieldValueNotSupported",
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            "spec.selector.matchExpressions[0].values",
            "FieldValueRequired",
        ),
    ] {
        let (code, status) = post(&sim, BUDGETS, &budget(spec)).await;
        let cause = &status["details"]["causes"][0];
        assert_eq!((code, &cause["field"], &cause["reason"]), (422, &json!(field), &json!(reason)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_budget_shows_its_numbers_and_a_new_node_its_taint() {
    let sim = front();
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
        "spec": {"minAvailable": 1}});
    let (_, budget) = post(&sim, BUDGETS, &budget).await;
    let zeros = json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0});
    assert_eq!(budget["status"], zeros);
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "new"}});
    let (_, node) = post(&sim, "/api/v1/nodes", &node).await;
    assert_eq!(
        node["spec"]["taints"],
        json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}])
    );
    assert!(node["metadata"]["generation"].is_null());
}

#[tokio::test(start_paused = true)]
async fn locks_are_not_replaced_blindly_and_may_be_created_by_an_update() {
    let sim = front();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/lock";
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"}, "spec": {}});
    assert_eq!(ask(&sim, "PUT", path, &[], &lease).await.0, 201);
    let (code, status) = ask(&sim, "PUT", path, &[], &lease).await;
    assert_eq!((code, &status["details"]["causes"][0]["field"]), (422, &json!("metadata.resourceVersion")));
}

#[tokio::test(start_paused = true)]
async fn a_user_who_is_impersonated_has_that_users_rights() {
    let sim = front();
    let group = "rbac.authorization.k8s.io";
    let binding = json!({"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": "b"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "none"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "eve"}]});
    post(&sim, &format!("/apis/{group}/v1/namespaces/default/rolebindings"), &binding).await;
    let eve = [("impersonate-user", "eve")];
    let (code, status) = ask(&sim, "GET", MAPS, &eve, &Value::Null).await;
    let told = "configmaps is forbidden: User \"eve\" cannot list resource \"configmaps\" in API group \"\" in the \
        namespace \"default\": RBAC: role.rbac.authorization.k8s.io \"none\" not found";
    assert_eq!((code, &status["message"]), (403, &json!(told)));
    assert_eq!(status["details"]["kind"], "configmaps");
}

#[tokio::test(start_paused = true)]
async fn preconditions_and_parameters_are_told_in_the_servers_words() {
    let sim = front();
    let (_, created) = post(&sim, MAPS, &map("c")).await;
    let uid = created["metadata"]["uid"].as_str().unwrap();
    let options = json!({"preconditions": {"uid": "another"}});
    let (code, status) = ask(&sim, "DELETE", &format!("{MAPS}/c"), &[], &options).await;
    let told = format!(
        "Operation cannot be fulfilled on ConfigMap \"c\": the UID in the precondition (another) does not match the UID \
         in record ({uid}). The object might have been deleted and then recreated"
    );
    assert_eq!((code, &status["message"]), (409, &json!(told)));
    let (code, status) = post(&sim, &format!("{MAPS}?dryRun=Some"), &map("d")).await;
    assert_eq!((code, &status["details"]["kind"]), (422, &json!("CreateOptions")));
    let (code, status) = ask(&sim, "PATCH", &format!("{MAPS}/c?force=true"), &[MERGE], &json!({})).await;
    assert_eq!((code, &status["details"]["kind"]), (422, &json!("PatchOptions")));
    let (code, _) = ask(&sim, "GET", &format!("{MAPS}?limit=x"), &[], &Value::Null).await;
    assert_eq!(code, 400);
}

#[tokio::test(start_paused = true)]
async fn definitions_are_established_after_their_creation_and_their_schema_holds() {
    let sim = front();
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}});
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"}, "spec": {"group": "example.org", "scope": "Cluster",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let (_, created) = post(&sim, definitions, &definition).await;
    assert!(created["status"]["conditions"].is_null());
    let (_, now) = ask(&sim, "GET", &format!("{definitions}/widgets.example.org"), &[], &Value::Null).await;
    assert_eq!(now["status"]["acceptedNames"]["singular"], "widget");
    let widget = |size: Value| json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": size, "odd": 1}});
    // That it is not there comes before what its update lacks.
    let (code, _) = ask(&sim, "PUT", "/apis/example.org/v1/widgets/w", &[], &widget(json!(3))).await;
    assert_eq!(code, 404);
    let (code, status) = post(&sim, "/apis/example.org/v1/widgets", &widget(json!("large"))).await;
    assert_eq!((code, &status["details"]["causes"][0]["reason"]), (422, &json!("FieldValueTypeInvalid")));
    let (_, widget) = post(&sim, "/apis/example.org/v1/widgets", &widget(json!(3))).await;
    assert_eq!(widget["spec"], json!({"size": 3}));
}

#[tokio::test(start_paused = true)]
async fn kubectl_gets_its_columns() {
    let sim = front();
    post(&sim, MAPS, &map("c")).await;
    let table = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
    let (_, table) = ask(&sim, "GET", &format!("{MAPS}?includeObject=None"), &[table], &Value::Null).await;
    let columns: Vec<_> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].clone()).collect();
    assert_eq!(columns, ["Name", "Data", "Age"]);
    assert_eq!(table["rows"], json!([{"cells": ["c", 1, "0s"], "object": null}]));
}
