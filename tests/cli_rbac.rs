//! `rbac`: the roles that it prints are enough for the whole migration, and none of their rules is there for nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::sim::Sim;
use serde_json::{Value, json};
use support::Env;

const WRITE: [&str; 5] = ["--yes=sim", "--timeout=60s", "--drain-timeout=60s", "--probe-image", "probe:test"];

/// The objects that `rbac` prints for these arguments, on a cluster where the caller may do everything.
fn printed(args: &[&str]) -> Vec<Value> {
    let env = Env::new(Sim::builder().nodes(2));
    let output = env.run(&[&["rbac", "--for-user", "sim-user", "-o", "json"], args].concat());
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(env.writes(), Vec::<String>::new());
    let list: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
    list["items"].as_array().unwrap().clone()
}

/// A cluster in which the caller has these roles and nothing else.
fn with(objects: &[Value]) -> Env {
    let env = Env::new(Sim::builder().nodes(2).rbac(true));
    for object in objects {
        env.sim.create(object).unwrap();
    }
    env
}

/// What preflight finds, and what it could not read.
fn found(env: &Env) -> (Value, Value) {
    let output = env.run(&["preflight", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    (report["findings"].clone(), report["unknown"].clone())
}

#[test]
fn the_roles_are_enough_for_the_whole_migration_and_for_going_back() {
    let env = with(&printed(&[]));
    // Whoever may do everything sees no more.
    let all = Env::new(Sim::builder().nodes(2));
    assert_eq!(found(&env), found(&all));
    for args in [&["install"][..], &["node", "worker-1"], &["verify"], &["rollback", "worker-1"], &["run"]] {
        let verb: Vec<_> = if args[0] == "install" || args[0] == "verify" {
            [args, &["--yes=sim", "--timeout=60s", "--probe-image", "probe:test"]].concat()
        } else {
            [args, &WRITE].concat()
        };
        let output = env.run(&verb);
        assert_eq!(output.code, Some(0), "{args:?}: {output}");
    }
    let refused: Vec<_> = env
        .sim
        .log()
        .iter()
        .filter(|e| e.status == Some(403))
        .map(cni_migrate::sim::Entry::summary)
        .collect();
    assert_eq!(refused, Vec::<String>::new());
    // What was printed for the source's namespace does not keep it alive.
    assert!(env.sim.get("v1", "Namespace", "", "kube-flannel").is_none());
}

#[test]
fn looking_needs_less_and_may_not_write() {
    let objects = printed(&["--verb", "preflight", "--verb", "status"]);
    assert!(objects.iter().all(|o| o["metadata"]["name"] == "cni-migrate-preflight-status"));
    let verbs = objects.iter().flat_map(|o| o["rules"].as_array().cloned().unwrap_or_default());
    assert!(verbs.flat_map(|r| r["verbs"].as_array().unwrap().clone()).all(|v| v == "get" || v == "list"));
    let env = with(&objects);
    let status = env.run(&["status"]);
    assert_eq!(status.code, Some(0), "{status}");
    let preflight = env.run(&["preflight", "-o", "json"]);
    assert_eq!(preflight.code, Some(1), "{preflight}");
    let report: Value = serde_json::from_str(&preflight.stdout).unwrap();
    let blockers = report["findings"].as_array().unwrap().iter().filter(|f| f["result"] == "blocker");
    assert_eq!(blockers.map(|f| &f["id"]).collect::<Vec<_>>(), ["RIGHTS-001"]);
    env.sim.clear_log();
    let run = env.run(&[&["run"], &WRITE[..]].concat());
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn a_snapshot_misses_nothing_with_its_role_and_something_without_any_rule_of_it() {
    let objects = printed(&["--verb", "snapshot"]);
    let env = with(&objects);
    let served = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "ciliumnodes.cilium.io"}, "spec": {"group": "cilium.io", "scope": "Cluster",
            "names": {"plural": "ciliumnodes", "kind": "CiliumNode"},
            "versions": [{"name": "v2", "served": true, "storage": true}]}});
    env.sim.create(&served).unwrap();
    let whole = env.run(&["snapshot", "-o", "c.gz"]);
    assert_eq!(whole.code, Some(0), "{whole}");
    assert!(!whole.stderr.contains("Warning"), "{whole}");
    for role in objects.iter().filter(|o| o["rules"].is_array()) {
        let rules = role["rules"].as_array().unwrap();
        for index in 0..rules.len() {
            let mut fewer = rules.clone();
            let rule = fewer.remove(index);
            // The stand-in for helm keeps its releases elsewhere, and Kubernetes since 1.25 serves no PodSecurityPolicies.
            if ["secrets", "podsecuritypolicies"].contains(&rule["resources"][0].as_str().unwrap()) {
                continue;
            }
            let with_rules = |rules: &[Value]| {
                let (version, kind) = (&role["apiVersion"], &role["kind"]);
                let role = json!({"apiVersion": version, "kind": kind, "metadata": role["metadata"], "rules": rules});
                env.sim.patch(&role).unwrap();
            };
            with_rules(&fewer);
            let less = env.run(&["snapshot", "-o", "c.gz"]);
            assert!(less.code != Some(0) || less.stderr.contains("Warning"), "without {rule}: {less}");
            with_rules(rules);
        }
    }
}

#[test]
fn without_any_single_rule_run_refuses_before_it_writes() {
    let objects = printed(&["--verb", "run"]);
    let env = with(&objects);
    let path =
        |o: &Value| (o["kind"].clone(), o["metadata"]["name"].clone(), o["metadata"]["namespace"].clone());
    let mut refused = 0;
    for role in objects.iter().filter(|o| o["rules"].is_array()) {
        let rules = role["rules"].as_array().unwrap();
        for (index, rule) in rules.iter().enumerate() {
            let mut fewer = rules.clone();
            fewer.remove(index);
            let with_rules = |rules: &[Value]| {
                env.sim
                    .patch(&json!({"apiVersion": role["apiVersion"], "kind": role["kind"],
                                   "metadata": role["metadata"], "rules": rules}))
                    .unwrap();
            };
            with_rules(&fewer);
            let preflight = env.run(&["preflight", "-o", "json"]);
            let says = ["\"result\": \"blocker\"", "\"result\": \"unknown\""];
            let told = preflight.code == Some(3) || says.iter().any(|word| preflight.stdout.contains(word));
            assert!(told, "{:?} without {rule}: {preflight}", path(role));
            // A right that only checks need keeps nobody from going on.
            if preflight.code != Some(0) {
                env.sim.clear_log();
                let output = env.run(&[&["run"], &WRITE[..]].concat());
                assert!(matches!(output.code, Some(1 | 3)), "{:?} without {rule}: {output}", path(role));
                assert_eq!(env.writes(), Vec::<String>::new(), "{:?} without {rule}", path(role));
                refused += 1;
            }
            with_rules(rules);
        }
    }
    assert!(refused > 20, "only {refused} rules were missed");
}
