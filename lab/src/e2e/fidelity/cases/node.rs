//! Nodes: cordon, labels, taints, status, as operators and kubelets change them.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, JSON_PATCH, MERGE, STRATEGIC, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    let path = format!("/api/v1/nodes/{}", script.space);
    let mut node = objects::node(&script.space);
    if chance.once_in(2) {
        script.about("tainted");
        node["spec"]["taints"] = json!([{"key": "old", "value": "v", "effect": "NoSchedule"}]);
    }
    script.post("/api/v1/nodes", &node);
    for _ in 0..=chance.below(4) {
        let (about, kind, place, body) = chance.one(&changes());
        script.about(about);
        script.patch(kind, &format!("{path}{place}"), &body);
    }
    script.get(&path);
    script.delete(&path, &Value::Null);
}

fn changes() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let taint = |key: &str, effect: &str| json!({"key": key, "effect": effect});
    vec![
        ("cordon", STRATEGIC, "", json!({"spec": {"unschedulable": true}})),
        ("cordon merge", MERGE, "", json!({"spec": {"unschedulable": true}})),
        ("uncordon", STRATEGIC, "", json!({"spec": {"unschedulable": null}})),
        ("uncordon false", STRATEGIC, "", json!({"spec": {"unschedulable": false}})),
        ("label", MERGE, "", json!({"metadata": {"labels": {"cni": "cilium"}}})),
        ("unlabel", MERGE, "", json!({"metadata": {"labels": {"zone": null}}})),
        ("bad label", MERGE, "", json!({"metadata": {"labels": {"cni": "not good"}}})),
        ("bad label key", MERGE, "", json!({"metadata": {"labels": {"a/b/c": "x"}}})),
        (
            "annotate",
            STRATEGIC,
            "",
            json!({"metadata": {"annotations": {"cni-migrate.dev/phase": "Draining"}}}),
        ),
        ("taint strategic", STRATEGIC, "", json!({"spec": {"taints": [taint("new", "NoExecute")]}})),
        (
            "untaint strategic",
            STRATEGIC,
            "",
            json!({"spec": {"taints": [{"$patch": "delete", "key": "old"}]}}),
        ),
        ("taint merge", MERGE, "", json!({"spec": {"taints": [taint("new", "NoSchedule")]}})),
        (
            "taints replaced",
            STRATEGIC,
            "",
            json!({"spec": {"taints": [{"$patch": "replace"}, taint("b", "NoSchedule")]}}),
        ),
        ("bad taint", MERGE, "", json!({"spec": {"taints": [taint("new", "Sometimes")]}})),
        (
            "same taint twice",
            MERGE,
            "",
            json!({"spec": {"taints": [taint("a", "NoSchedule"), taint("a", "NoSchedule")]}}),
        ),
        (
            "test and label",
            JSON_PATCH,
            "",
            json!([{"op": "test", "path": "/metadata/labels/zone", "value": "a"},
            {"op": "replace", "path": "/metadata/labels/zone", "value": "b"}]),
        ),
        (
            "failing test",
            JSON_PATCH,
            "",
            json!([{"op": "test", "path": "/metadata/labels/zone", "value": "none"}]),
        ),
        ("pod range", MERGE, "", json!({"spec": {"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24"]}})),
        (
            "condition",
            STRATEGIC,
            "/status",
            json!({"status": {"conditions": [{"type": "NetworkUnavailable", "status": "False",
            "reason": "CiliumIsUp", "message": "up", "lastTransitionTime": "2026-01-02T03:04:05Z",
            "lastHeartbeatTime": "2026-01-02T03:04:05Z"}]}}),
        ),
        ("boot", MERGE, "/status", json!({"status": {"nodeInfo": {"bootID": "b-1"}}})),
        ("status by main", MERGE, "", json!({"status": {"phase": "x"}})),
        (
            "address",
            STRATEGIC,
            "/status",
            json!({"status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.7"}]}}),
        ),
        ("spec by status", STRATEGIC, "/status", json!({"spec": {"unschedulable": true}})),
    ]
}
