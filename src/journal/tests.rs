//! The documents of a journal: what is split is joined again, and what was broken is named.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::documents::{Joined, join, text};
use super::format::{NodeRecord, Progress, Record, StepRecord};
use super::layout::Layout;
use crate::error::{Error, Kind};
use crate::model::{Features, Intent, Inventory, JOURNAL_PARTS, OverlayPort, RebootMode};

const BEGUN: &str = "2026-01-01T00:00:00Z";
/// The most that an object may have (`MaxSecretSize` in Kubernetes' `pkg/apis/core/types.go`, which counts for ConfigMaps).
const LIMIT: usize = 1024 * 1024;
/// Steps of a node's turn.
const TURN: [&str; 7] = ["cordon", "drain", "switch", "reboot", "restart", "verify", "uncordon"];

fn empty() -> Record {
    let intent = Intent {
        cilium_version: "1.19.6".into(),
        namespace: "kube-system".into(),
        release: "cilium".into(),
        pod_cidr: "10.245.0.0/16".parse().expect("a range"),
        mask_size: 24,
        overlay: OverlayPort { protocol: "vxlan".into(), port: 8473 },
        reboot: RebootMode::Never,
        features: Features::default(),
    };
    let mut record = Record::new("uid".into(), intent, Vec::new(), Inventory::default());
    record.steps.insert("install".into(), done());
    record
}

fn done() -> StepRecord {
    StepRecord { progress: Progress::Done, at: "2026-01-01T00:00:00.123456789Z".into() }
}

/// That many nodes with these steps.
fn record(nodes: usize, name: impl Fn(usize) -> String, steps: &[&str]) -> Record {
    let mut record = empty();
    for name in (0..nodes).map(name) {
        for step in steps {
            record.steps.insert(format!("node/{name}/{step}"), done());
        }
        let uid = "6f9619ff-8b86-d011-b42d-00c04fc964ff".to_owned();
        let before = NodeRecord { boot_id: uid.clone(), uid, was_unschedulable: false };
        record.nodes.insert(name, before);
    }
    record
}

fn short(number: usize) -> String {
    format!("worker-{number:05}")
}

/// Head and parts as they are stored when all was written.
fn texts(record: &Record) -> Vec<String> {
    let layout = Layout::of(record);
    let last = layout.parts();
    (0..=last).map(|number| text(record, &layout, BEGUN, number, number < last).expect("a text")).collect()
}

fn read(texts: &[String]) -> Result<Joined, Error> {
    join(&texts[0], &texts[1..], "uid")
}

/// What reading says of texts that were changed.
fn refusal(record: &Record, change: impl FnOnce(&mut Vec<String>)) -> Error {
    let mut texts = texts(record);
    change(&mut texts);
    read(&texts).expect_err("a refusal")
}

/// A change of one document.
fn edit(texts: &mut [String], number: usize, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&texts[number]).expect("JSON");
    change(&mut value);
    texts[number] = value.to_string();
}

/// The record as version 1 wrote it.
fn of_version_1(record: &Record) -> String {
    json!({"formatVersion": 1, "clusterUid": record.cluster_uid, "intent": record.intent,
        "sourceNetworks": record.source_networks, "inventory": record.inventory,
        "savedObjects": record.saved_objects, "nodes": record.nodes, "steps": record.steps})
    .to_string()
}

#[test]
fn a_record_survives_the_round_trip_with_any_number_of_nodes() {
    for nodes in [0, 1, 2, 63, 64, 65, 128, 129, 1000, 5000, 6400, 6401, 7000] {
        let record = record(nodes, short, &["cordon", "uncordon"]);
        let texts = texts(&record);
        assert_eq!(texts.len() - 1, nodes.div_ceil(64).min(JOURNAL_PARTS), "{nodes} nodes");
        let joined = read(&texts).expect("a journal");
        assert_eq!(joined.record, record, "{nodes} nodes");
        assert_eq!(joined.layout, Layout::of(&record), "{nodes} nodes");
    }
}

#[test]
fn nodes_that_have_only_steps_or_only_a_state_survive_as_well() {
    let mut record = record(3, short, &[]);
    record.nodes.remove(&short(1));
    for id in ["node/worker-00001/rollback", "node/other/cordon", "node/other/a/b", "node/", "finalize"] {
        record.steps.insert(id.into(), done());
    }
    assert_eq!(read(&texts(&record)).expect("a journal").record, record);
}

#[test]
fn a_document_is_small_and_the_longest_names_fit() {
    let sizes = |nodes, name: &dyn Fn(usize) -> String, steps: &[&str]| -> Vec<usize> {
        texts(&record(nodes, name, steps)).iter().map(String::len).collect()
    };
    let usual = sizes(5000, &short, &["cordon", "uncordon"]);
    assert!(usual.iter().all(|size| *size < 25 * 1024), "{usual:?}");
    let long = |number: usize| format!("{number:0>253}");
    let worst = sizes(5000, &long, &TURN);
    assert!(worst.iter().all(|size| *size < LIMIT / 8), "{worst:?}");
    let more = sizes(50_000, &long, &["cordon", "uncordon"]);
    assert!(more.iter().all(|size| *size < LIMIT), "{more:?}");
}

#[test]
fn version_1_is_read_whatever_lies_beside_it() {
    let old = record(130, short, &["cordon", "uncordon"]);
    let joined = join(&of_version_1(&old), &["{".to_owned()], "uid").expect("a journal");
    assert_eq!((joined.record, joined.begun), (old, None));
    let mut before_features: Value = serde_json::from_str(&of_version_1(&empty())).expect("JSON");
    before_features["intent"].as_object_mut().expect("a map").remove("features");
    assert_eq!(join(&before_features.to_string(), &[], "uid").expect("a journal").record, empty());
}

#[test]
fn a_part_that_was_just_made_counts_and_is_to_be_linked() {
    let record = record(130, short, &["cordon"]);
    let mut texts = texts(&record);
    edit(&mut texts, 2, |part| part["followed"] = false.into());
    let joined = read(&texts).expect("a journal");
    assert_eq!((joined.record, joined.to_link), (record, vec![2]));
}

#[test]
fn a_part_that_is_missing_is_named() {
    let record = record(130, short, &["cordon"]);
    for (left, lost) in [(3, "003"), (2, "002"), (1, "001")] {
        let error = refusal(&record, |texts| texts.truncate(left));
        let told = format!("ConfigMap kube-system/cni-migrate-journal-{lost}, is missing");
        assert!(error.message.contains(&told), "{error}");
        assert!(
            error.hints.concat().contains("delete configmap -l app.kubernetes.io/managed-by="),
            "{error:?}"
        );
    }
}

#[test]
fn edits_by_hand_are_named_and_nothing_panics() {
    type Change = fn(&mut Vec<String>);
    let cases: [(Kind, &str, Change); 11] = [
        (Kind::Failed, "-journal, is not readable JSON", |t| t[0] = "{".into()),
        (Kind::Failed, "-journal-002, is not readable JSON", |t| t[2] = String::new()),
        (Kind::Failed, "-journal, has format version 9; this program reads 1 and 2", |t| {
            edit(t, 0, |v| v["formatVersion"] = 9.into());
        }),
        (Kind::Failed, "-journal-001, has format version 3; this program reads 2", |t| {
            edit(t, 1, |v| v["formatVersion"] = 3.into());
        }),
        (Kind::Failed, "-journal, does not have the expected form: unknown field `nodez`", |t| {
            edit(t, 0, |v| v["nodez"] = json!({}));
        }),
        (Kind::Failed, "-journal-002, does not have the expected form: missing field `nodes`", |t| {
            edit(t, 2, |v| drop(v.as_object_mut().expect("a map").remove("nodes")));
        }),
        (Kind::No, "-journal, belongs to another cluster (kube-system UID other, here uid)", |t| {
            edit(t, 0, |v| v["clusterUid"] = "other".into());
        }),
        (Kind::No, "-journal-001, belongs to another cluster (kube-system UID other, here uid)", |t| {
            edit(t, 1, |v| v["clusterUid"] = "other".into());
        }),
        (Kind::Failed, "-journal, holds the step node/n/cordon, expected in the node's part", |t| {
            edit(t, 0, |v| v["steps"]["node/n/cordon"] = json!({"progress": "done", "at": BEGUN}));
        }),
        (Kind::Failed, "-journal-001, is part 1 of the journal begun at 2025", |t| {
            edit(t, 1, |v| v["begun"] = "2025-01-01T00:00:00Z".into());
        }),
        (
            Kind::Failed,
            "-journal-003, is part 2 of the journal begun at 2026-01-01T00:00:00Z, not part 3",
            |t| {
                t[3] = t[2].clone();
            },
        ),
    ];
    let record = record(130, short, &["cordon"]);
    for (kind, told, change) in cases {
        let error = refusal(&record, change);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(told), "{told}: {error}");
        assert!(!error.hints.is_empty(), "{error}");
    }
}

#[test]
fn a_node_in_two_parts_names_both() {
    let record = record(70, short, &["cordon"]);
    let error = refusal(&record, |texts| {
        edit(texts, 2, |part| part["nodes"]["worker-00001"] = json!({}));
    });
    for told in
        ["cni-migrate-journal-002, holds node worker-00001", "kube-system/cni-migrate-journal-001 holds"]
    {
        assert!(error.message.contains(told), "{error}");
    }
}

#[test]
fn each_node_is_in_one_document() {
    let texts = texts(&record(200, short, &["cordon"]));
    let mut seen = BTreeSet::new();
    for part in &texts[1..] {
        let part: Value = serde_json::from_str(part).expect("JSON");
        seen.extend(part["nodes"].as_object().expect("a map").keys().cloned());
    }
    assert_eq!(seen, (0..200).map(short).collect());
    assert!(!texts[0].contains("worker-"), "{}", texts[0]);
}

#[test]
fn a_nodes_turn_is_measured_once_it_is_over() {
    let mut record = empty();
    let mut step = |id: &str, progress, at: &str| {
        record.steps.insert(id.into(), StepRecord { progress, at: at.into() });
    };
    step("node/n2/cordon", Progress::Done, "2026-01-01T00:00:00Z");
    step("node/n2/uncordon", Progress::Done, "2026-01-01T00:01:22.5Z");
    step("node/n3/cordon", Progress::Done, "2026-01-01T00:02:00Z");
    step("node/n3/uncordon", Progress::Intended, "2026-01-01T00:03:00Z");
    for name in ["n2", "n3"] {
        let (uid, boot_id) = (name.to_owned(), String::new());
        record.nodes.insert(name.into(), NodeRecord { uid, was_unschedulable: false, boot_id });
    }
    assert_eq!(record.turns(), [("n2".to_owned(), 82.5)].into());
}

#[test]
fn of_a_turn_that_is_over_only_its_ends_are_kept() {
    let mut record = empty();
    let done = StepRecord { progress: Progress::Done, at: "2026-01-01T00:00:00Z".into() };
    for id in ["install", "node/n2/cordon", "node/n2/drain", "node/n2/verify", "node/n20/drain"] {
        record.steps.insert(id.into(), done.clone());
    }
    record.end_turn("n2");
    assert_eq!(record.steps.len(), 5, "the turn is not over");
    record.steps.insert("node/n2/uncordon".into(), done);
    record.end_turn("n2");
    let left: Vec<&str> = record.steps.keys().map(String::as_str).collect();
    assert_eq!(left, ["install", "node/n2/cordon", "node/n2/uncordon", "node/n20/drain"]);
}
