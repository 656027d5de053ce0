//! The journal in its ConfigMaps: what a save writes, what a crash between two writes leaves, and who else wrote.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use cni_migrate::error::{Error, Kind};
use cni_migrate::journal::{Journal, NodeRecord, Progress, Record, StepRecord};
use cni_migrate::kube::{Connection, Reader, Writer, embedded};
use cni_migrate::model::{Features, Intent, Inventory, OverlayPort, RebootMode};
use cni_migrate::sim::{Fault, Sim, When};
use serde_json::{Value, json};

const HEAD: &str = "cni-migrate-journal";
const TURN: [&str; 7] = ["cordon", "drain", "switch", "reboot", "restart", "verify", "uncordon"];

struct Place {
    sim: Sim,
    reader: Reader,
    writer: Writer,
}

fn place() -> Place {
    let sim = Sim::builder().nodes(1).build().unwrap();
    let it = sim.embedded("sim");
    let (Connection { reader, .. }, key) = embedded(&it.name, it.client, it.access, it.clock);
    Place { sim, reader, writer: key.into_hands().unwrap().0 }
}

impl Place {
    async fn open(&self, fresh: Record) -> Journal {
        Journal::open(&self.reader, self.writer.clone(), "uid", || Ok(fresh)).await.unwrap()
    }

    async fn reopen(&self) -> Journal {
        let nothing = || Err(Error::failed("there is no journal"));
        Journal::open(&self.reader, self.writer.clone(), "uid", nothing).await.unwrap()
    }

    async fn read(&self) -> Record {
        Journal::read(&self.reader, "uid").await.unwrap().unwrap()
    }

    /// ConfigMaps that were written since the log was cleared, with the bytes that were sent.
    fn written(&self) -> Vec<(String, usize)> {
        let log = self.sim.log();
        let writes = log.iter().filter(|e| e.is_write() && e.resource == "configmaps");
        let name = |body: &[u8]| -> String {
            let body: Value = serde_json::from_slice(body).unwrap();
            body["metadata"]["name"].as_str().unwrap().to_owned()
        };
        writes.map(|e| (name(&e.body), e.body.len())).collect()
    }

    fn names_written(&self) -> Vec<String> {
        let name = |(name, _): (String, usize)| name.strip_prefix(HEAD).unwrap().to_owned();
        self.written().into_iter().map(name).collect()
    }

    /// Whether each document but the last says that a part follows.
    fn is_linked(&self) -> bool {
        let all = self.sim.list("v1", "ConfigMap");
        let text = |map: &Value| -> Option<Value> {
            let is_ours = map["metadata"]["name"].as_str()?.starts_with(HEAD);
            serde_json::from_str(map["data"]["record"].as_str().filter(|_| is_ours)?).ok()
        };
        let followed: Vec<bool> = all.iter().filter_map(text).map(|d| d["followed"] == true).collect();
        followed.iter().filter(|followed| !**followed).count() == 1
    }

    /// Stores a record as version 1 did.
    fn store_version_1(&self, record: &Record) {
        let text = json!({"formatVersion": 1, "clusterUid": record.cluster_uid, "intent": record.intent,
            "sourceNetworks": record.source_networks, "inventory": record.inventory,
            "savedObjects": record.saved_objects, "nodes": record.nodes, "steps": record.steps});
        self.sim
            .create(&json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"record": text.to_string()},
                "metadata": {"name": HEAD, "namespace": "kube-system"}}))
            .unwrap();
    }
}

/// Nodes whose turn is over.
fn record(nodes: usize) -> Record {
    let intent = Intent {
        cilium_version: "1.19.6".into(),
        namespace: "kube-system".into(),
        release: "cilium".into(),
        pod_cidr: "10.245.0.0/16".parse().unwrap(),
        mask_size: 24,
        overlay: OverlayPort { protocol: "vxlan".into(), port: 8473 },
        reboot: RebootMode::Never,
        features: Features::default(),
    };
    let mut record = Record::new("uid".into(), intent, Vec::new(), Inventory::default());
    let done = StepRecord { progress: Progress::Done, at: "2026-01-01T00:00:00.123456789Z".into() };
    record.steps.insert("install".into(), done.clone());
    for name in (0..nodes).map(name) {
        for step in ["cordon", "uncordon"] {
            record.steps.insert(format!("node/{name}/{step}"), done.clone());
        }
        record.nodes.insert(name, before());
    }
    record
}

fn name(number: usize) -> String {
    format!("worker-{number:05}")
}

fn before() -> NodeRecord {
    let uid = "6f9619ff-8b86-d011-b42d-00c04fc964ff".to_owned();
    NodeRecord { boot_id: uid.clone(), uid, was_unschedulable: false }
}

/// A node's turn, as the engine writes it.
async fn turn(journal: &mut Journal, node: &str) {
    journal.remember(node, before());
    for step in TURN {
        let id = format!("node/{node}/{step}");
        journal.intend(&id).await.unwrap();
        journal.done(&id);
    }
    journal.end_turn(node);
    journal.save().await.unwrap();
}

/// Bytes that the turns of 64 more nodes write, which fills as much as a part.
async fn bytes_of_turns(nodes: usize) -> usize {
    let place = place();
    let mut journal = place.open(record(nodes)).await;
    journal.save().await.unwrap();
    place.sim.clear_log();
    for number in nodes..nodes + 64 {
        turn(&mut journal, &name(number)).await;
    }
    assert_eq!(place.read().await, *journal.record());
    place.written().into_iter().map(|(_, bytes)| bytes).sum()
}

#[tokio::test(start_paused = true)]
async fn what_a_node_writes_does_not_grow_with_the_number_of_nodes() {
    let (few, many) = (bytes_of_turns(50).await, bytes_of_turns(5000).await);
    let a_node = many / 64;
    assert!(many < few + few / 20, "64 turns wrote {many} bytes at 5,000 nodes and {few} at 50");
    assert!(a_node < 120 * 1024, "a turn wrote {a_node} bytes");
}

#[tokio::test(start_paused = true)]
async fn only_what_changed_is_written() {
    let place = place();
    let mut journal = place.open(record(64)).await;
    journal.save().await.unwrap();
    assert_eq!(place.names_written(), ["", "-001", ""], "a head before its parts");
    place.sim.clear_log();
    journal.save().await.unwrap();
    assert_eq!(place.names_written(), [""; 0]);
    journal.intend("node/worker-00007/cordon").await.unwrap();
    assert_eq!(place.names_written(), ["-001"]);
    place.sim.clear_log();
    journal.remember("new", before());
    journal.intend("node/new/cordon").await.unwrap();
    assert_eq!(place.names_written(), ["-002", "-001"], "the part before says that one follows");
    place.sim.clear_log();
    journal.intend("finalize").await.unwrap();
    journal.keep(vec![json!({"kind": "DaemonSet"})]);
    journal.save().await.unwrap();
    journal.forget_node("worker-00007");
    journal.save().await.unwrap();
    journal.intend("node/newer/cordon").await.unwrap();
    assert_eq!(place.names_written(), ["", "", "-001", "-001"], "room is used again");
    assert_eq!(place.read().await, *journal.record());
}

/// Lets every number of writes of a change pass, loses the next one in each way, and gives what is read then.
async fn interrupted(
    prepare: impl AsyncFn(&Place),
    change: impl AsyncFn(&mut Journal) -> Result<(), Error>,
    look: impl Fn(usize, &Record),
) -> usize {
    let mut writes = 0;
    for passed in 0.. {
        for fault in [Fault::on("*", "configmaps"), Fault::on("*", "configmaps").reset(When::After)] {
            let place = place();
            prepare(&place).await;
            let mut journal = place.reopen().await;
            place.sim.fault(fault.after(passed));
            let result = change(&mut journal).await;
            place.sim.clear_faults();
            let after = place.read().await;
            look(passed as usize, &after);
            // Whoever comes next finds it in order, goes on, and leaves nothing undone.
            let mut next = place.reopen().await;
            assert_eq!(*next.record(), after);
            change(&mut next).await.unwrap();
            assert_eq!(place.read().await, *next.record());
            assert!(place.is_linked(), "after {passed} writes");
            place.sim.clear_log();
            let mut last = place.reopen().await;
            last.save().await.unwrap();
            assert_eq!(place.names_written(), [""; 0], "after {passed} writes");
            if result.is_ok() {
                return writes;
            }
        }
        writes += 1;
    }
    writes
}

#[tokio::test(start_paused = true)]
async fn a_journal_of_version_1_is_split_and_a_crash_between_two_writes_changes_nothing() {
    let old = record(200);
    let prepare = async |place: &Place| place.store_version_1(&old);
    let writes = interrupted(prepare, Journal::save, |_, read| assert_eq!(*read, old)).await;
    assert_eq!(writes, 8, "four parts, three of them again to say that one follows, and the head");
}

#[tokio::test(start_paused = true)]
async fn what_an_interrupted_split_left_is_written_over() {
    let place = place();
    place.store_version_1(&record(130));
    let mut journal = place.reopen().await;
    place.sim.fault(Fault::on("update", "configmaps").named(HEAD));
    journal.save().await.unwrap_err();
    place.sim.clear_faults();
    // The version that began goes on, and rolls nodes back.
    place.sim.delete("v1", "ConfigMap", "kube-system", HEAD).unwrap();
    place.store_version_1(&record(10));
    place.reopen().await.save().await.unwrap();
    assert_eq!(place.read().await, record(10));
    let mut journal = place.reopen().await;
    for number in 10..140 {
        turn(&mut journal, &name(number)).await;
    }
    assert_eq!(place.read().await, *journal.record());
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_a_part_is_begun_loses_nothing() {
    let old = record(64);
    let prepare = async |place: &Place| place.open(old.clone()).await.save().await.unwrap();
    let change = async |journal: &mut Journal| {
        journal.remember("new", before());
        journal.intend("node/new/cordon").await
    };
    let look = |passed: usize, read: &Record| {
        let is_intended = read.progress("node/new/cordon") == Some(Progress::Intended);
        assert!(is_intended || passed == 0 && *read == old, "after {passed} writes: {:?}", read.steps);
        assert_eq!(is_intended, read.nodes.contains_key("new"));
    };
    assert_eq!(interrupted(prepare, change, look).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_a_journal_is_begun_with_a_node_loses_nothing() {
    for passed in 0..4 {
        let place = place();
        let mut journal = place.open(record(0)).await;
        place.sim.fault(Fault::on("*", "configmaps").after(passed));
        journal.remember("new", before());
        assert_eq!(journal.intend("node/new/cordon").await.is_ok(), passed == 3);
        place.sim.clear_faults();
        let mut next = place.open(record(0)).await;
        assert_eq!(next.record().nodes.contains_key("new"), passed > 1);
        turn(&mut next, "new").await;
        assert_eq!(place.read().await, *next.record());
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_writer_is_found_at_every_document() {
    let cases = [
        ("finalize", ""),
        ("node/worker-00001/cordon", "-001"),
        ("node/worker-00064/cordon", "-002"),
        ("node/new/cordon", "-003"),
    ];
    for (step, document) in cases {
        let place = place();
        place.open(record(128)).await.save().await.unwrap();
        let (mut one, mut other) = (place.reopen().await, place.reopen().await);
        one.intend(step).await.unwrap();
        let error = other.intend(step).await.unwrap_err();
        assert_eq!(error.kind, Kind::Locked, "{error}");
        let told = format!("ConfigMap kube-system/{HEAD}{document}) was changed by somebody else");
        assert!(error.message.contains(&told), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_somebody_deleted_is_named_and_nothing_is_written() {
    let place = place();
    place.open(record(200)).await.save().await.unwrap();
    for (document, lost) in [("-004", "-004"), ("-002", "-002"), ("", "")] {
        place.sim.delete("v1", "ConfigMap", "kube-system", &format!("{HEAD}{document}")).unwrap();
        place.sim.clear_log();
        let error = Journal::open(&place.reader, place.writer.clone(), "uid", || Ok(record(0))).await;
        let error = error.err().unwrap();
        assert!(
            error.message.contains(&format!("ConfigMap kube-system/{HEAD}{lost}, is missing")),
            "{error}"
        );
        assert_eq!(place.names_written(), [""; 0]);
    }
}
