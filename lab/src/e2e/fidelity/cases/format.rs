//! What clients ask for by `Accept`: metadata alone, tables; and discovery.

use serde_json::json;

use crate::e2e::fidelity::{
    objects,
    script::{Chance, Script},
};

const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
const TABLE_OR_JSON: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let (plural, body) = chance.one(&[
        ("configmaps", objects::config_map("x", &json!({"a": "1", "b": "2"}))),
        ("pods", objects::bound("x", &json!({"app": "web"}), "nowhere")),
        ("apps/v1 deployments", objects::deployment("x", 2)),
        ("policy/v1 poddisruptionbudgets", objects::budget("x", &json!({"matchLabels": {"a": "b"}}))),
        ("coordination.k8s.io/v1 leases", objects::lease("x", "me")),
        ("services", json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80}, {"name": "b", "port": 81, "protocol": "UDP"}]}})),
        ("secrets", json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "b"}})),
        ("serviceaccounts", json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}})),
    ]);
    script.about(plural);
    let collection = script.path(plural);
    script.post(&collection, &body);
    for _ in 0..2 + chance.below(2) {
        let accept = chance.pick(&[
            METADATA,
            METADATA_LIST,
            TABLE,
            TABLE_OR_JSON,
            "application/xml",
            "*/*",
            "application/json",
        ]);
        let place = chance.pick(&["", "/x", "?limit=1", "/none"]);
        let more = chance.pick(&["", "", "includeObject=None", "includeObject=Object"]);
        let sign = if place.contains('?') { "&" } else { "?" };
        script.about(&format!("{} {place} {more}", accept.split(';').nth(1).unwrap_or(accept)));
        script.get(&format!(
            "{collection}{place}{}",
            if more.is_empty() { String::new() } else { format!("{sign}{more}") }
        ));
        script.header("accept", accept);
    }
}
