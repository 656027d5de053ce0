//! Watches: from a list, from an object's version, with selectors, bookmarks and initial events.

use serde_json::{Value, json};

use crate::e2e::fidelity::{
    objects,
    script::{Chance, MERGE, Script},
};

pub(super) fn make(chance: &mut Chance, script: &mut Script) {
    script.namespace();
    let collection = script.path("configmaps");
    let mut map = objects::config_map("c", &json!({"a": "1"}));
    map["metadata"]["labels"] = json!({"on": chance.pick(&["yes", "no"])});
    let first = script.post(&collection, &map);
    let listed = script.get(&collection);
    for _ in 0..chance.below(5) {
        history(chance, script, &collection);
    }
    let from = chance.one(&[
        format!("resourceVersion=$({first}:/metadata/resourceVersion)"),
        format!("resourceVersion=$({listed}:/metadata/resourceVersion)"),
        "resourceVersion=0".to_owned(),
        String::new(),
        "resourceVersion=abc".to_owned(),
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true".to_owned(),
        "sendInitialEvents=true".to_owned(),
        "resourceVersionMatch=NotOlderThan".to_owned(),
    ]);
    let with = chance.pick(&["", "", "&labelSelector=on%3Dyes", "&fieldSelector=metadata.name%3Dc"]);
    let bookmarks = chance.once_in(3);
    // The real server sends a last bookmark two seconds before a watch ends.
    let end = if bookmarks { "&allowWatchBookmarks=true&timeoutSeconds=4" } else { "&timeoutSeconds=1" };
    script.about(&format!("{from}{with}{end}"));
    let place = chance.pick(&["", "", "", "/c"]);
    // A watch from 0 begins with what the server's watch cache has, however old; a list waits until the cache is up to date.
    script.get(&collection);
    script.get(&format!("{collection}{place}?watch=true&{from}{with}{end}"));
    if chance.once_in(4) {
        script.header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
        script.about("metadata");
    }
}

fn history(chance: &mut Chance, script: &mut Script, collection: &str) {
    let path = format!("{collection}/c");
    match chance.below(5) {
        0 => drop(script.patch(MERGE, &path, &json!({"metadata": {"labels": {"on": "yes"}}}))),
        1 => drop(script.patch(MERGE, &path, &json!({"metadata": {"labels": {"on": "no"}}}))),
        2 => drop(script.patch(MERGE, &path, &json!({"data": {"a": chance.below(9).to_string()}}))),
        3 => drop(script.delete(&path, &Value::Null)),
        _ => drop(script.post(collection, &objects::config_map("d", &json!({})))),
    }
}
