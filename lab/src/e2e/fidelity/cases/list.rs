//! Lists: label and field selectors, pages, continue tokens.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    if chance.once_in(2) { pages(chance, script) } else { selectors(chance, script) }
}

fn pages(chance: &mut Chance, script: &mut Script) {
    script.about("pages");
    let collection = script.path("configmaps");
    for number in 0..3 + chance.below(5) {
        let mut map = objects::config_map(&format!("c-{number}"), &json!({"n": number.to_string()}));
        map["metadata"]["labels"] = json!({"even": (number % 2 == 0).to_string()});
        script.post(&collection, &map);
    }
    let limit = 1 + chance.below(4);
    let selector = chance.pick(&["", "", "&labelSelector=even%3Dtrue"]);
    let mut page = script.get(&format!("{collection}?limit={limit}{selector}"));
    for number in 0..chance.below(3) {
        match chance.below(4) {
            0 => drop(script.delete(&format!("{collection}/c-{}", number + 1), &Value::Null)),
            1 => drop(script.patch(
                MERGE,
                &format!("{collection}/c-{}", number + 2),
                &json!({"data": {"n": "x"}}),
            )),
            _ => {}
        }
        page = script
            .get(&format!("{collection}?limit={limit}{selector}&continue=$({page}:/metadata/continue)"));
    }
    let bad = chance.pick(&[
        "limit=2&continue=abc",
        "limit=abc",
        "limit=-1",
        "limit=2&resourceVersion=0",
        "limit=2&resourceVersion=abc",
        "resourceVersionMatch=Exact",
        "resourceVersion=1&resourceVersionMatch=Sometimes",
        // Goes on behind `c-1` with what is there now, whatever was.
        "limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYy0xXHUwMDAwIn0",
    ]);
    script.about(bad);
    script.get(&format!("{collection}?{bad}"));
}

fn selectors(chance: &mut Chance, script: &mut Script) {
    script.about("selectors");
    let collection = script.path("pods");
    for (name, labels, node) in [
        ("a", json!({"app": "web", "tier": "front"}), "node-1"),
        ("b", json!({"app": "web"}), "node-2"),
        ("c", json!({"app": "db", "n": "5"}), "node-1"),
        ("d", json!({}), ""),
    ] {
        let pod =
            if node.is_empty() { objects::pod(name, &labels) } else { objects::bound(name, &labels, node) };
        script.post(&collection, &pod);
    }
    for _ in 0..3 {
        let query = if chance.once_in(2) { label(chance) } else { field(chance) };
        script.about(&query);
        script.get(&format!("{collection}?{query}"));
    }
}

fn label(chance: &mut Chance) -> String {
    let selector = chance.pick(&[
        "app=web",
        "app==web",
        "app!=web",
        "app in (web,db)",
        "app notin (web)",
        "app",
        "!app",
        "app=web,tier",
        "app=web,!tier",
        "app in (web),tier notin (back)",
        "n>4",
        "n<5",
        "n>x",
        "app in ()",
        "app=",
        "app in (web",
        "=web",
        "a b",
        "app=we b",
        "app,,tier",
        "-bad=x",
        "app===web",
        "app in web",
        ",",
        "notin",
        "app=web,",
        "app in (web,)",
        "x in (in,notin)",
        "(app)",
        "!app=web",
        "n > 4",
        "app!web",
    ]);
    format!("labelSelector={}", encoded(selector))
}

fn field(chance: &mut Chance) -> String {
    let selector = chance.pick(&[
        "metadata.name=a",
        "metadata.name!=a",
        "spec.nodeName=node-1",
        "spec.nodeName=",
        "spec.nodeName!=",
        "status.phase=Pending",
        "status.phase!=Pending,spec.nodeName=node-1",
        "spec.restartPolicy=Always",
        "spec.serviceAccountName=default",
        "spec.schedulerName=default-scheduler",
        "spec.hostNetwork=false",
        "status.podIP=",
        "spec.unknown=x",
        "metadata.labels=x",
        "metadata.name",
        "=x",
        "metadata.name==b",
        "status.nominatedNodeName=",
        "metadata.name=a,metadata.name=b",
        "status.podIPs=1.2.3.4",
    ]);
    format!("fieldSelector={}", encoded(selector))
}

/// Percent-encoded for a query.
fn encoded(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.chars().map(|c| if plain(c) { c.to_string() } else { format!("%{:02X}", u32::from(c)) }).collect()
}
