//! Every check answers on the embedded cluster: none is silent, none stops a healthy cluster, and what may not be read
//! is told as unknown.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use cni_migrate::check::CHECKS;
use cni_migrate::sim::{Sim, Workload};
use serde_json::Value;
use support::Env;

fn cluster() -> Env {
    Env::new(Sim::builder().nodes(3).workloads([Workload::deployment("shop", "web", 3).service(8080)]))
}

/// The levels of each check's findings.
fn levels(env: &Env) -> BTreeMap<String, BTreeSet<String>> {
    let output = env.run(&["preflight", "-o", "json"]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output}"));
    let mut levels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in report["findings"].as_array().unwrap() {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        levels.entry(text("id")).or_default().insert(text("result"));
    }
    levels
}

#[test]
fn a_healthy_cluster_is_known_and_free_of_blockers() {
    let levels = levels(&cluster());
    assert_eq!(levels.len(), CHECKS.len(), "{levels:?}");
    let bad = |levels: &BTreeSet<String>| levels.contains("unknown") || levels.contains("blocker");
    let bad: Vec<_> = levels.iter().filter(|(_, levels)| bad(levels)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert!(levels["KPROXY-002"].contains("info"), "kube-proxy's clusterCIDR is the old network: {levels:?}");
}

#[test]
fn what_may_not_be_read_is_unknown_in_every_check_that_asks_for_it() {
    let env = cluster();
    let kinds = [
        "networkpolicies",
        "services",
        "validatingwebhookconfigurations",
        "apiservices",
        "persistentvolumes",
    ];
    for plural in kinds {
        env.sim.deny("list", plural);
    }
    let levels = levels(&env);
    let unknown: Vec<&str> =
        levels.iter().filter(|(_, levels)| levels.contains("unknown")).map(|(id, _)| id.as_str()).collect();
    let expected = [
        "API-001",
        "API-002",
        "CIDR-005",
        "HOOK-001",
        "HOOK-002",
        "POD-007",
        "POLICY-001",
        "POLICY-002",
        "POLICY-003",
        "POLICY-004",
        "SVC-001",
    ];
    assert_eq!(unknown, expected);
}
