//! `--dry-run`: what is told, what the API server is asked, and that nothing is stored and no lease is taken.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::sim::{Sim, Workload};
use serde_json::{Value, json};
use support::{Env, Output};

const WRITE: [&str; 4] = ["--yes=sim", "--timeout=60s", "--probe-image", "probe:test"];

fn shop() -> Env {
    let workloads =
        [Workload::deployment("shop", "web", 4).min_available(3), Workload::daemon_set("shop", "agent")];
    Env::new(Sim::builder().nodes(3).workloads(workloads))
}

fn installed() -> Env {
    let env = shop();
    let install = env.run(&[&["install"], &WRITE[..]].concat());
    assert_eq!(install.code, Some(0), "{install}");
    env.sim.clear_log();
    env
}

/// Paths of the requests that carried `dryRun=All`, as `verb resource name`.
fn asked(env: &Env) -> Vec<String> {
    let dry = |e: &&cni_migrate::sim::Entry| e.query.contains("dryRun=All");
    env.sim.log().iter().filter(dry).map(cni_migrate::sim::Entry::summary).collect()
}

fn told(env: &Env, args: &[&str]) -> Output {
    let output = env.run(args);
    assert_eq!(output.code, Some(0), "{args:?}: {output}");
    assert_eq!(env.writes(), Vec::<String>::new(), "{args:?} wrote");
    output
}

#[test]
fn a_client_side_dry_run_tells_each_step_and_asks_nobody() {
    let env = installed();
    let output = told(&env, &["node", "worker-1", "--dry-run=client"]);
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.first(), Some(&"would cordon node worker-1"), "{output}");
    assert!(lines.iter().any(|l| l.starts_with("would evict pod shop/web-")), "{output}");
    assert!(lines.iter().any(|l| l.starts_with("would restart pod shop/agent-")), "{output}");
    assert_eq!(lines.last(), Some(&"would uncordon node worker-1"), "{output}");
    assert_eq!(asked(&env), Vec::<String>::new());
    // kubectl's bare flag means the same.
    assert_eq!(told(&env, &["node", "worker-1", "--dry-run"]).stdout, output.stdout);
}

#[test]
fn a_server_side_dry_run_has_every_write_judged_and_names_the_budget_that_would_make_it_wait() {
    let env = installed();
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "agent", "namespace": "shop"},
        "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "agent"}}},
    });
    env.sim.create(&budget).unwrap();
    let output = told(&env, &["node", "worker-1", "--dry-run=server"]);
    let waits = output.stdout.lines().find(|l| l.starts_with("would restart pod shop/agent-")).unwrap();
    assert!(waits.contains("after a wait") && waits.contains("disruption budget"), "{output}");
    let asked = asked(&env);
    assert_eq!(asked.first().unwrap(), "patch nodes worker-1");
    assert!(asked.iter().any(|a| a.starts_with("create pods/eviction shop/web-")), "{asked:#?}");
    let node = env.sim.get("v1", "Node", "", "worker-1").unwrap();
    assert_ne!(node["spec"]["unschedulable"], true);
}

#[test]
fn missing_rights_show_in_a_server_side_dry_run_only() {
    let env = installed();
    env.sim.deny("create", "pods/eviction");
    let output = env.run(&["node", "worker-1", "--dry-run=server"]);
    assert_eq!(output.code, Some(3), "{output}");
    assert!(output.stderr.contains("evicting ") && output.stderr.contains("not allowed"), "{output}");
    let _ = told(&env, &["node", "worker-1", "--dry-run=client"]);
}

#[test]
fn a_whole_run_is_told_before_anything_is_there() {
    let env = shop();
    env.sim.clear_log();
    for mode in ["--dry-run=client", "--dry-run=server"] {
        let output = told(&env, &["run", mode]);
        for line in [
            "would install Helm release kube-system/cilium with chart version 1.19.6",
            "would apply CiliumNodeConfig kube-system/cilium-default",
            "would cordon node worker-2",
            "would finalize",
            "would cleanup",
        ] {
            assert!(output.stdout.contains(line), "{mode}: {line}: {output}");
        }
    }
    let json: Value = serde_json::from_str(&told(&env, &["run", "--dry-run", "-o", "json"]).stdout).unwrap();
    assert_eq!(json["events"][0]["event"], "would", "{json:#}");
}

#[test]
fn the_end_of_a_migration_is_told_object_by_object() {
    let env = installed();
    let nodes = env.run(&[&["node", "--all"], &WRITE[..]].concat());
    assert_eq!(nodes.code, Some(0), "{nodes}");
    env.sim.clear_log();
    let finalize = told(&env, &["finalize", "--dry-run=server"]);
    assert!(
        finalize.stdout.contains("would delete CiliumNodeConfig kube-system/cilium-default"),
        "{finalize}"
    );
    let cleanup = told(&env, &["cleanup-flannel", "--dry-run=server"]);
    assert!(
        cleanup.stdout.contains("would delete DaemonSet kube-flannel/kube-flannel-ds")
            && cleanup.stdout.contains("would remove from node worker-1: link flannel.1"),
        "{cleanup}"
    );
    assert!(asked(&env).iter().any(|a| a.starts_with("delete daemonsets")), "{:#?}", asked(&env));
    let back = told(&env, &["rollback", "worker-1", "--dry-run=server"]);
    assert!(back.stdout.contains("would remove label io.cilium.migration/cilium-default of node worker-1"));
}
