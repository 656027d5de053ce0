//! The environment of CLI tests itself: the stand-in for helm speaks to the cluster, and the real binary runs in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use std::time::Duration;

use cni_migrate::sim::{Fault, HelmFault, Sim, When};
use serde_json::{Value, json};
use support::Env;

const LIMIT: Duration = Duration::from_secs(30);

fn install(env: &Env) -> support::Output {
    let values =
        env.write("values.json", &json!({"cni": {"customConf": true}, "tunnelPort": 8473}).to_string());
    let values = values.to_str().unwrap();
    env.helm(&[
        "install",
        "cilium",
        "cilium",
        "--repo",
        "https://helm.cilium.io",
        "--version",
        "1.19.6",
        "--namespace",
        "kube-system",
        "--values",
        values,
        "--timeout",
        "300s",
        "--output",
        "json",
    ])
}

#[test]
fn helm_installs_lists_and_removes() {
    let env = Env::new(Sim::builder().nodes(2));
    let output = install(&env);
    assert_eq!(output.code, Some(0), "{output}");
    let answer: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&answer["version"], &answer["info"]["status"]), (&json!(1), &json!("deployed")));
    env.block_on(env.sim.settled(LIMIT)).unwrap();
    let list = ["list", "--namespace", "kube-system", "--filter", "^cilium$", "--output", "json", "--all"];
    let listed: Value = serde_json::from_str(&env.helm(&list).stdout).unwrap();
    assert_eq!((&listed[0]["revision"], &listed[0]["chart"]), (&json!("1"), &json!("cilium-1.19.6")));
    let values = env.helm(&["get", "values", "cilium", "--namespace", "kube-system", "--output", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&values.stdout).unwrap()["tunnelPort"], 8473);
    let agents = env.sim.get("apps/v1", "DaemonSet", "kube-system", "cilium").unwrap();
    assert_eq!(agents["status"]["numberReady"], 2);
    assert_eq!(env.helm(&["uninstall", "cilium", "-n", "kube-system"]).code, Some(0));
    assert!(env.sim.get("apps/v1", "DaemonSet", "kube-system", "cilium").is_none());
    assert_eq!(env.helm(&list).stdout, "[]\n");
}

#[test]
fn helm_fails_as_told() {
    let env = Env::new(Sim::builder().nodes(1));
    env.sim.helm_fault(HelmFault::Refuse("INSTALLATION FAILED: the quota is spent".into()));
    let output = install(&env);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(1), "Error: INSTALLATION FAILED: the quota is spent\n")
    );
    env.sim.helm_fault(HelmFault::Pending);
    assert_eq!(install(&env).code, Some(1));
    let listed = env.helm(&["list", "-n", "kube-system", "-o", "json"]).stdout;
    assert!(listed.contains("pending-install"), "{listed}");
    let output = env.helm(&["list", "--frobnicate"]);
    assert_eq!(output.stderr, "Error: unknown flag: --frobnicate\n");
}

#[test]
fn helm_4_refuses_what_it_dropped() {
    let mut env = Env::new(Sim::builder().nodes(1));
    env.set("SIM_HELM_VERSION", "v4.1.4");
    assert_eq!(env.helm(&["version", "--template", "{{.Version}}"]).stdout, "v4.1.4\n");
    assert_eq!(env.helm(&["list", "--all"]).code, Some(1));
}

#[test]
fn the_binary_runs_and_can_be_killed_at_a_call() {
    let env = Env::new(Sim::builder().nodes(1));
    let output = env.run(&["--help"]);
    assert_eq!(output.code, Some(0), "{output}");
    env.sim.fault(Fault::on("list", "nodes").stall(When::Before));
    let running = env.start(&["preflight"]);
    let entry = env.block_on(
        env.sim.until_logged("a list of nodes", LIMIT, |e| e.verb == "list" && e.resource == "nodes"),
    );
    assert_eq!(entry.unwrap().status, None);
    assert_eq!(running.kill().code, None);
}
