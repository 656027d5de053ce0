//! Rights: what a user may do whom roles and bindings of the case name.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    script.post(&script.path("configmaps"), &objects::config_map("c", &json!({"a": "1"})));
    let wide = chance.once_in(2);
    let (kind, place) = if wide { ("ClusterRole", "clusterroles") } else { ("Role", "roles") };
    let name = if wide { script.space.clone() } else { "some".to_owned() };
    let at = |script: &Script, plural: &str, wide: bool| {
        if wide { format!("/apis/{GROUP}/v1/{plural}") } else { script.path(&format!("{GROUP}/v1 {plural}")) }
    };
    let role = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": {"name": name},
        "rules": rules(chance)});
    if !chance.once_in(10) {
        script.post(&at(script, place, wide), &role);
    }
    let bound_wide = wide && chance.once_in(2);
    let (kind_of_binding, bindings) = if bound_wide {
        ("ClusterRoleBinding", "clusterrolebindings")
    } else {
        ("RoleBinding", "rolebindings")
    };
    let binding = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind_of_binding, "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": name},
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": script.space}]});
    script.post(&at(script, bindings, bound_wide), &binding);
    script.about(&format!("{kind} by {kind_of_binding}"));
    wait_until_seen(
        script,
        (&at(script, place, wide), kind),
        (&at(script, bindings, bound_wide), kind_of_binding),
    );
    for _ in 0..3 + chance.below(3) {
        act(chance, script);
    }
}

/// The server reads roles and bindings a moment after they were written: another role and another binding, written
/// later, tell when it knows the first ones.
fn wait_until_seen(script: &mut Script, role: (&str, &str), binding: (&str, &str)) {
    let name = format!("{}-seen", script.space);
    let rule = json!({"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]});
    let whole = json!({"apiVersion": format!("{GROUP}/v1"), "kind": role.1, "metadata": {"name": name}, "rules": [rule]});
    script.post(role.0, &whole);
    let whole = json!({"apiVersion": format!("{GROUP}/v1"), "kind": binding.1, "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": role.1, "name": name},
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": script.space}]});
    script.post(binding.0, &whole);
    script.get(&script.path("serviceaccounts/default"));
    let user = script.space.clone();
    script.header("impersonate-user", &user);
    script.until(200);
}

fn rules(chance: &mut Chance) -> Value {
    let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
    let named = json!({"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["c"], "verbs": ["get", "patch"]});
    chance.one(&[
        json!([rule(&[""], &["configmaps"], &["get", "list"])]),
        json!([rule(&["*"], &["*"], &["*"])]),
        json!([rule(&[""], &["pods", "pods/eviction"], &["get", "create"])]),
        json!([rule(&[""], &["configmaps"], &["patch", "create"]), rule(&["policy"], &["*"], &["list"])]),
        json!([named]),
        json!([rule(&["apps"], &["*"], &["*"])]),
        json!([]),
    ])
}

fn act(chance: &mut Chance, script: &mut Script) {
    let map = script.path("configmaps/c");
    match chance.below(12) {
        0 => drop(script.get(&map)),
        1 => drop(script.get(&script.path("configmaps"))),
        // None of them: the two clusters have other nodes.
        2 => drop(script.get("/api/v1/nodes?labelSelector=none")),
        3 => drop(script.patch(MERGE, &map, &json!({"data": {"a": "2"}}))),
        4 => drop(script.delete(&map, &Value::Null)),
        5 => drop(script.post(&script.path("configmaps"), &objects::config_map("d", &json!({})))),
        6 => {
            let eviction =
                json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}});
            script.post(&script.path("pods/web/eviction"), &eviction);
        }
        7 => drop(script.get(&script.path("policy/v1 poddisruptionbudgets"))),
        8 => drop(script.apply(
            &script.path("configmaps/new"),
            "me",
            &objects::config_map("new", &json!({"x": "1"})),
        )),
        9 => drop(script.get(&script.path("apps/v1 deployments/none"))),
        10 => drop(script.delete(&script.path("configmaps"), &Value::Null)),
        _ => review(chance, script),
    }
    let user = script.space.clone();
    script.header("impersonate-user", &user);
}

fn review(chance: &mut Chance, script: &mut Script) {
    let attributes = json!({"verb": chance.pick(&["get", "list", "patch", "delete"]), "namespace": script.space,
        "resource": chance.pick(&["configmaps", "pods", "deployments"]), "group": chance.pick(&["", "apps"])});
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes}});
    script.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review);
}
