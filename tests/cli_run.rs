//! The verbs that write: the real binary against the embedded cluster, undisturbed, killed, and begun twice.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use std::time::Duration;

use cni_migrate::sim::{Entry, Fault, Sim, When, Workload};
use serde_json::{Value, json};
use support::{Env, Output};

const WRITE: [&str; 5] = ["--yes=sim", "--timeout=60s", "--drain-timeout=60s", "--probe-image", "probe:test"];
const LIMIT: Duration = Duration::from_secs(60);

fn run(env: &Env) -> Output {
    env.run(&[&["run"], &WRITE[..]].concat())
}

fn shop() -> Env {
    let workloads = [
        Workload::deployment("shop", "web", 4).min_available(3).service(80),
        Workload::stateful_set("shop", "db", 2).max_unavailable(1),
        Workload::daemon_set("shop", "agent"),
    ];
    Env::new(Sim::builder().nodes(3).workloads(workloads))
}

/// Everything is on Cilium, nothing is cordoned, and no trace of Flannel is left.
fn assert_migrated(env: &Env) {
    let output = env.run(&["status", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    let status: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(status["podsOnCilium"], status["pods"], "{status:#}");
    assert_eq!(status["next"], "the migration is finished");
    for node in env.sim.list("v1", "Node") {
        let name = node["metadata"]["name"].as_str().unwrap();
        assert!(!node["spec"]["unschedulable"].as_bool().unwrap_or(false), "{name}");
        assert_eq!(env.sim.files(name, "/etc/cni/net.d"), ["/etc/cni/net.d/05-cilium.conflist"], "{name}");
        assert!(!env.sim.links(name).iter().any(|l| l.starts_with("flannel") || l == "cni0"), "{name}");
        assert!(!node["metadata"]["annotations"].to_string().contains("flannel"), "{name}");
    }
    for (version, kind) in
        [("apps/v1", "DaemonSet"), ("v1", "Namespace"), ("rbac.authorization.k8s.io/v1", "ClusterRole")]
    {
        let left = env.sim.list(version, kind);
        assert!(!left.iter().any(|o| o["metadata"]["name"].to_string().contains("flannel")), "{kind}");
    }
}

#[test]
fn run_takes_a_cluster_from_flannel_to_cilium() {
    let env = shop();
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    assert_migrated(&env);
    let writes = env.writes();
    let at = |what: &str| {
        writes.iter().position(|w| w.contains(what)).unwrap_or_else(|| panic!("{what} in {writes:#?}"))
    };
    // The journal comes before the first effect, the lease before the journal.
    assert!(at("leases") < at("configmaps"));
    assert!(at("configmaps") < at("ciliumnodeconfigs"));
    assert!(at("ciliumnodeconfigs") < at("pods/eviction"));
    // A second run has nothing to do, and touches nothing but the lease and the journal's last word.
    env.sim.clear_log();
    let again = run(&env);
    assert_eq!(again.code, Some(0), "{again}");
    let touched: Vec<_> =
        env.writes().into_iter().filter(|w| !w.contains("leases") && !w.contains("configmaps")).collect();
    assert!(touched.is_empty(), "{touched:#?}");
}

#[test]
fn the_steps_of_a_node_read_no_list_of_everything() {
    let env = shop();
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    let log = env.sim.log();
    let first = |what: &str| log.iter().position(|e| e.summary() == what).unwrap_or_else(|| panic!("{what}"));
    // Not of the first node: with which nodes it and the others are proven is read once.
    let steps = &log[first("patch nodes worker-2")..first("patch nodes cp-1")];
    let many = ["nodes", "pods", "poddisruptionbudgets", "ciliumnodes", "ciliumendpoints"];
    let of_all = |e: &&Entry| {
        e.verb == "list"
            && many.contains(&e.resource.as_str())
            && e.namespace.is_empty()
            && !e.query.contains("fieldSelector")
    };
    let read: Vec<String> = steps.iter().filter(of_all).map(|e| format!("{}?{}", e.path, e.query)).collect();
    assert!(read.is_empty(), "{read:#?}");
}

/// Where the first request from `from` on is whose summary begins so.
fn position(log: &[Entry], from: usize, what: &str) -> usize {
    let found = log[from..].iter().position(|e| e.summary().starts_with(what));
    from + found.unwrap_or_else(|| panic!("{what}"))
}

#[test]
fn a_wait_for_pods_to_leave_reads_no_more_than_their_metadata() {
    let workloads = [Workload::deployment("shop", "web", 4), Workload::daemon_set("shop", "agent")];
    let env = Env::new(Sim::builder().nodes(3).workloads(workloads));
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    let log = env.sim.log();
    let at = |from: usize, what: &str| position(&log, from, what);
    let cordoned = at(0, "patch nodes worker-2");
    let asked = at(cordoned, "create pods/eviction");
    let drained = at(asked, "patch nodes worker-2");
    let lists: Vec<&Entry> = log[asked..drained].iter().filter(|e| e.summary() == "list pods").collect();
    assert!(!lists.is_empty(), "somebody looked");
    let whole: Vec<&&Entry> =
        lists.iter().filter(|e| !e.accept.contains("as=PartialObjectMetadataList")).collect();
    assert!(whole.is_empty(), "{whole:#?}");
    // From then on no pod of a DaemonSet has to be told from others.
    let uncordoned = at(drained, "delete pods cni-migrate-probe/server");
    let sets = log[drained + 1..uncordoned].iter().filter(|e| e.summary() == "list daemonsets").count();
    assert_eq!(sets, 1, "the drain's own check");
}

#[test]
fn one_look_checks_a_step_and_asks_for_the_next() {
    let env = shop();
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    let log = env.sim.log();
    let after = |from: usize, what: &str| position(&log, from, what) + 1;
    let looks =
        |from: usize, to: usize| log[from..to].iter().filter(|e| e.summary() == "get nodes worker-2").count();
    let cordoned = after(0, "patch nodes worker-2");
    let evicted = after(cordoned, "create pods/eviction");
    assert_eq!(looks(cordoned, evicted), 2, "whether it is cordoned, and what is to go");
    let drained = after(evicted, "patch nodes worker-2");
    let switched = after(drained, "patch nodes worker-2");
    assert_eq!(looks(drained, switched), 1, "whether it is empty");
}

/// How often the budgets of a namespace were read while nodes were drained.
fn budgets_read(env: &Env, namespace: &str) -> usize {
    let is_one = |e: &&Entry| e.resource == "poddisruptionbudgets" && e.namespace == namespace;
    env.sim.log().iter().filter(is_one).count()
}

#[test]
fn budgets_are_read_where_one_covers_a_pod_that_is_to_go() {
    let workloads =
        [Workload::deployment("shop", "web", 6).max_unavailable(2), Workload::deployment("free", "web", 6)];
    let env = Env::new(Sim::builder().nodes(3).workloads(workloads));
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(budgets_read(&env, "free"), 1, "there is none");
    assert!(budgets_read(&env, "shop") >= 3, "on each node anew");
}

#[test]
fn a_refused_eviction_has_the_budgets_read_again() {
    let env = Env::new(Sim::builder().nodes(3).workloads([Workload::deployment("free", "web", 6)]));
    env.sim.fault(Fault::on("create", "pods/eviction").times(1).answer(429));
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(budgets_read(&env, "free"), 2);
}

#[test]
fn no_write_asks_for_the_object_back() {
    let env = shop();
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    let log = env.sim.log();
    let writes: Vec<&Entry> =
        log.iter().filter(|e| e.is_write() && e.query.contains("fieldManager=kubectl-cni-migrate")).collect();
    assert!(writes.iter().any(|e| e.resource == "configmaps"), "the journal is the longest");
    let whole: Vec<String> = writes
        .iter()
        .filter(|e| !e.accept.contains("as=PartialObjectMetadata"))
        .map(|e| e.summary())
        .collect();
    assert!(whole.is_empty(), "{whole:#?}");
}

#[test]
fn run_removes_the_routes_of_host_gw_and_leaves_others_alone() {
    let net = json!({"Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}});
    let web = Workload::deployment("shop", "web", 2).service(80);
    let env = Env::new(Sim::builder().nodes(2).flannel(net).workloads([web]));
    assert_eq!(env.sim.routes("cp-1"), ["10.244.1.0/24 via 192.168.10.12"]);
    assert_eq!(env.sim.routes("worker-1"), ["10.244.0.0/24 via 192.168.10.11"]);
    env.sim.add_route("worker-1", "10.244.9.0/24", "192.168.10.99");
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    assert_migrated(&env);
    assert!(env.sim.routes("cp-1").is_empty(), "{:?}", env.sim.routes("cp-1"));
    assert_eq!(env.sim.routes("worker-1"), ["10.244.9.0/24 via 192.168.10.99"]);
    let foreign = "node worker-1: unknown, left alone: route 10.244.9.0/24 via 192.168.10.99 dev eth0: ";
    assert!(output.stderr.contains(foreign), "{output}");
    assert_eq!(output.stderr.matches("left alone").count(), 1, "{output}");
    let dry = env.run(&["cleanup-flannel", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry}");
    assert!(dry.stdout.contains("would leave alone on node worker-1: route 10.244.9.0/24"), "{dry}");
    let again = env.run(&["cleanup-flannel", "--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(again.code, Some(0), "{again}");
    assert!(again.stderr.contains("0 objects and 0 leftovers on 2 nodes removed"), "{again}");
}

/// Kills a run while the API server has, or has not yet, stored the label of the first worker.
fn kill_at_the_label(when: When) {
    let env = shop();
    // Of a node's patches the third is the label: the first cordons, the second says Drained.
    env.sim.fault(Fault::on("patch", "nodes").named("worker-1").after(2).times(1).stall(when));
    let running = env.start(&[&["run"], &WRITE[..]].concat());
    let is_label = |body: &[u8]| String::from_utf8_lossy(body).contains("io.cilium.migration");
    let label = env.sim.until_logged("the label", LIMIT, |e| {
        e.resource == "nodes" && e.name == "worker-1" && is_label(&e.body)
    });
    env.block_on(label).unwrap();
    assert_eq!(running.kill().code, None);
    env.sim.clear_faults();
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{when:?}: {output}");
    assert_migrated(&env);
}

#[test]
fn a_run_killed_before_the_label_finishes_when_it_is_run_again() {
    kill_at_the_label(When::Before);
}

#[test]
fn a_run_killed_after_the_label_finishes_when_it_is_run_again() {
    kill_at_the_label(When::After);
}

/// The journal of a cluster as version 1 kept it: one document, with nodes that have left the cluster since.
fn to_version_1(env: &Env) {
    let document = |name: &str| -> Value {
        let map = env.sim.get("v1", "ConfigMap", "kube-system", name).unwrap();
        serde_json::from_str(map["data"]["record"].as_str().unwrap()).unwrap()
    };
    let (mut record, mut part) = (document("cni-migrate-journal"), document("cni-migrate-journal-001"));
    for field in ["begun", "followed"] {
        record.as_object_mut().unwrap().remove(field);
    }
    record["formatVersion"] = json!(1);
    for number in 0..70 {
        record["nodes"][format!("gone-{number}")] =
            json!({"uid": "u", "wasUnschedulable": false, "bootId": "b"});
    }
    for (name, node) in part["nodes"].as_object_mut().unwrap() {
        record["nodes"][name] = node["before"].take();
        for (what, step) in node["steps"].as_object().unwrap() {
            record["steps"][format!("node/{name}/{what}")] = step.clone();
        }
    }
    env.sim
        .patch(&json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"record": record.to_string()},
            "metadata": {"name": "cni-migrate-journal", "namespace": "kube-system"}}))
        .unwrap();
    env.sim.delete("v1", "ConfigMap", "kube-system", "cni-migrate-journal-001").unwrap();
}

#[test]
fn a_run_that_was_begun_with_a_journal_of_version_1_goes_on() {
    let env = shop();
    let stuck = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"minAvailable": "100%", "selector": {"matchLabels": {"app": "web"}}}});
    let install = env.run(&["install", "--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(install.code, Some(0), "{install}");
    let node = env.run(&[&["node", "worker-1"], &WRITE[..]].concat());
    assert_eq!(node.code, Some(0), "{node}");
    env.sim.create(&stuck).unwrap();
    let node =
        env.run(&["node", "worker-2", "--yes=sim", "--drain-timeout=2s", "--probe-image", "probe:test"]);
    assert_eq!(node.code, Some(1), "{node}");
    env.sim.delete("policy/v1", "PodDisruptionBudget", "shop", "x").unwrap();
    let steps = || {
        let status = env.run(&["status", "-o", "json"]);
        serde_json::from_str::<Value>(&status.stdout).unwrap()["steps"].take()
    };
    let as_parts = steps();
    to_version_1(&env);
    assert_eq!(
        (steps(), &as_parts["node/worker-2/drain"]["progress"]),
        (as_parts.clone(), &json!("intended"))
    );
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    assert_migrated(&env);
    let journal = |name: &str| env.sim.get("v1", "ConfigMap", "kube-system", name).unwrap().to_string();
    assert!(!journal("cni-migrate-journal").contains("worker-"), "the head names no node");
    assert!(journal("cni-migrate-journal-001").contains("gone-1"));
    assert!(journal("cni-migrate-journal-002").contains("worker-2"));
}

#[test]
fn a_run_whose_part_of_the_journal_was_deleted_stops_before_it_writes() {
    let env = Env::new(Sim::builder().nodes(2));
    let output = run(&env);
    assert_eq!(output.code, Some(0), "{output}");
    env.sim.delete("v1", "ConfigMap", "kube-system", "cni-migrate-journal-001").unwrap();
    env.sim.clear_log();
    let again = run(&env);
    assert_eq!(again.code, Some(3), "{again}");
    assert!(again.stderr.contains("ConfigMap kube-system/cni-migrate-journal-001, is missing"), "{again}");
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn a_node_that_is_not_proven_stays_cordoned_with_the_ways_out_named() {
    let env = Env::new(Sim::builder().nodes(3));
    let install = env.run(&["install", "--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(install.code, Some(0), "{install}");
    env.sim.cut("worker-1", "worker-2", true);
    let output = env.run(&[&["node", "worker-1"], &WRITE[..]].concat());
    assert_eq!(output.code, Some(1), "{output}");
    for words in [
        "node worker-1 stays cordoned",
        "worker-1 -> worker-2",
        "hint: go on with: kubectl cni-migrate run --resume",
        "hint: go back with: kubectl cni-migrate rollback worker-1",
    ] {
        assert!(output.stderr.contains(words), "{words}: {output}");
    }
    let node = env.sim.get("v1", "Node", "", "worker-1").unwrap();
    assert_eq!(node["spec"]["unschedulable"], true);
    env.sim.cut("worker-1", "worker-2", false);
    let back = env.run(&[&["rollback", "worker-1"], &WRITE[..]].concat());
    assert_eq!(back.code, Some(0), "{back}");
    assert_eq!(env.sim.files("worker-1", "/etc/cni/net.d"), ["/etc/cni/net.d/10-flannel.conflist"]);
    let node = env.sim.get("v1", "Node", "", "worker-1").unwrap();
    assert!(!node["spec"]["unschedulable"].as_bool().unwrap_or(false));
}

#[test]
fn a_budget_that_never_frees_stops_the_drain_and_no_eviction_goes_past_it() {
    let env = Env::new(Sim::builder().nodes(2).workloads([Workload::deployment("shop", "pinned", 2)]));
    let install = env.run(&["install", "--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(install.code, Some(0), "{install}");
    // It comes after the preflight, which would have refused.
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "pinned", "namespace": "shop"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "pinned"}}},
    });
    env.sim.create(&budget).unwrap();
    let output =
        env.run(&["node", "worker-1", "--yes=sim", "--drain-timeout=2s", "--probe-image", "probe:test"]);
    assert_eq!(output.code, Some(6), "{output}");
    assert!(output.stderr.contains("PodDisruptionBudget shop/pinned (needs 2 healthy, has 2)"), "{output}");
    // The budget is known to have no room: the API server is not even asked.
    let asked = env
        .sim
        .log()
        .iter()
        .filter(|e| e.resource == "pods/eviction" && e.name.starts_with("pinned"))
        .count();
    assert_eq!(asked, 0);
    let node = env.sim.get("v1", "Node", "", "worker-1").unwrap();
    assert_eq!(node["spec"]["unschedulable"], true);
}
