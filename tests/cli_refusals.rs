//! What the verbs refuse: one clear error, the exit code of docs/exit-codes.md, and not a single write.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::sim::{Fault, HelmFault, Sim, Workload};
use serde_json::{Value, json};
use support::Env;

fn two_nodes() -> Env {
    Env::new(Sim::builder().nodes(2))
}

/// Runs, and asserts the code, the words on stderr, and that nothing was written.
fn refused(env: &Env, args: &[&str], code: i32, words: &[&str]) {
    env.sim.clear_log();
    let output = env.run(args);
    assert_eq!(output.code, Some(code), "{args:?}: {output}");
    for word in words {
        assert!(output.stderr.contains(word), "{args:?}: {word} is missing: {output}");
    }
    assert!(!output.stderr.contains("panicked"), "{output}");
    assert_eq!(env.writes(), Vec::<String>::new(), "{args:?} wrote");
}

#[test]
fn consent_is_for_one_cluster_and_is_never_assumed() {
    let env = two_nodes();
    refused(&env, &["install"], 2, &["there is no terminal to ask on", "--yes=sim"]);
    refused(&env, &["install", "--yes=prod"], 1, &["--yes names cluster \"prod\", but this is \"sim\""]);
}

#[test]
fn verbs_that_come_too_early_say_which_comes_first() {
    let env = two_nodes();
    refused(&env, &["node", "worker-1", "--yes=sim"], 1, &["not installed", "kubectl cni-migrate install"]);
    refused(&env, &["finalize", "--yes=sim"], 1, &["not installed", "kubectl cni-migrate install"]);
    refused(&env, &["cleanup-flannel", "--yes=sim"], 1, &["no journal", "kubectl cni-migrate preflight"]);
    refused(&env, &["run", "--resume", "--yes=sim"], 2, &["no migration was begun"]);
    refused(&env, &["rollback", "worker-1", "--yes=sim"], 1, &["nothing to undo"]);
}

#[test]
fn under_helm_every_command_that_is_told_begins_with_helm() {
    let mut env = two_nodes();
    env.set("HELM_PLUGIN_DIR", "/plugins/cni-migrate");
    refused(&env, &["node", "worker-1", "--yes=sim"], 1, &["first: helm cni-migrate install"]);
    for (args, told) in [
        (&["status"][..], "next: helm cni-migrate preflight"),
        (&["status", "-o", "json"], "next: helm cni-migrate preflight"),
        (&["--help"], "Usage: helm cni-migrate"),
        (&["node", "--help"], "  helm cni-migrate node worker-1"),
    ] {
        let output = env.run(args);
        assert!(output.stdout.contains(told), "{args:?}: {output}");
        assert!(!output.to_string().contains("kubectl cni-migrate"), "{args:?}: {output}");
    }
}

#[test]
fn wishes_that_would_hurt_are_refused_with_the_object_named() {
    let env = two_nodes();
    refused(
        &env,
        &["install", "--target-pod-cidr=10.244.0.0/16", "--yes=sim"],
        1,
        &["CIDR-002", "10.244.0.0/16"],
    );
    refused(&env, &["install", "--target-pod-cidr=192.168.0.0/16", "--yes=sim"], 1, &["CIDR-001"]);
    refused(&env, &["install", "--tunnel-port=8472", "--yes=sim"], 1, &["8472"]);
    refused(
        &env,
        &["install", "--set", "kubeProxyReplacement=true", "--yes=sim"],
        1,
        &["kubeProxyReplacement"],
    );
    refused(&env, &["install", "--cilium-version=1.2.3", "--yes=sim"], 2, &["1.2.3"]);
    let chart = env.write("cilium-1.19.6.tgz", "").display().to_string();
    refused(
        &env,
        &["install", "--chart", &chart, "--cilium-version=1.19.5", "--yes=sim"],
        2,
        &["has version 1.19.6, expected 1.19.5"],
    );
    refused(&env, &["node", "worker-9", "--yes=sim"], 2, &["worker-9 does not exist"]);
}

#[test]
fn bad_surroundings_get_one_clear_error() {
    let mut env = two_nodes();
    refused(&env, &["status", "--context=elsewhere"], 2, &["context \"elsewhere\" does not exist"]);
    refused(&env, &["status", "--kubeconfig=absent"], 2, &["kubeconfig absent"]);
    refused(&env, &["status", "--server=http://127.0.0.1:1"], 3, &["reading /api/v1/namespaces/kube-system"]);
    refused(
        &env,
        &["status", "--server=http://127.0.0.1:1"],
        3,
        &["at http://127.0.0.1:1/", "nothing listens"],
    );
    let tls = env.door_url().replace("http:", "https:");
    refused(&env, &["status", "--server", &tls], 3, &["does not speak TLS", "hint: is the server"]);
    env.sim.fault(Fault::on("get", "namespaces").times(1).answer(401));
    refused(&env, &["status"], 3, &["does not accept the credentials", "hint: log in again"]);
    env.sim.deny("list", "pods");
    refused(&env, &["status"], 3, &["listing /api/v1/pods", "not allowed", "kubectl cni-migrate rbac"]);
    env.sim.allow("list", "pods");
    env.set("HELM_BIN", "/no/such/helm");
    refused(&env, &["install", "--yes=sim"], 1, &["HELM-001"]);
}

#[test]
fn credentials_that_cannot_be_had_name_the_program_and_the_way_out() {
    let env = two_nodes();
    for (command, words) in
        [("/no/such/plugin", "could not be started"), ("/bin/false", "credentials failed")]
    {
        let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command,
                                   "interactiveMode": "Never"}});
        let mut config =
            cni_migrate::yaml::read(&std::fs::read_to_string(env.kubeconfig()).unwrap()).unwrap();
        config["users"][0]["user"] = user;
        let path = env.write("exec.kubeconfig", &config.to_string());
        refused(&env, &["status", "--kubeconfig", path.to_str().unwrap()], 3, &[words, "hint: "]);
    }
}

#[test]
fn without_a_verb_one_sees_where_one_stands_or_the_help() {
    let env = two_nodes();
    let output = env.run(&[]);
    assert_eq!(output.code, Some(0), "{output}");
    let wanted = "cluster sim v1.34.2 · 0/2 nodes migrated · reversible: nothing was begun\n\
                  next: kubectl cni-migrate preflight\n";
    assert_eq!(output.stdout, wanted);
    for away in ["--server=http://127.0.0.1:1", "--kubeconfig=absent"] {
        let output = env.run(&[away]);
        assert_eq!(output.code, Some(3), "{output}");
        assert!(output.stdout.contains("Usage: kubectl cni-migrate"), "{output}");
        assert!(output.stderr.contains("could not be told") && output.stderr.contains("hint: "), "{output}");
    }
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn a_failing_helm_is_told_apart() {
    let env = two_nodes();
    env.sim.helm_fault(HelmFault::Refuse("INSTALLATION FAILED: the quota is spent".into()));
    let output = env.run(&["install", "--yes=sim", "--timeout=30s"]);
    assert_eq!(output.code, Some(4), "{output}");
    assert!(output.stderr.contains("the quota is spent"), "{output}");
}

#[test]
fn a_journal_edited_by_hand_is_named_and_left_alone() {
    let env = two_nodes();
    let journal = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"record": "{\"formatVersion\": 7}"},
                         "metadata": {"name": "cni-migrate-journal", "namespace": "kube-system"}});
    env.sim.create(&journal).unwrap();
    refused(
        &env,
        &["run", "--yes=sim"],
        3,
        &["ConfigMap kube-system/cni-migrate-journal", "format version 7"],
    );
}

#[test]
fn preflight_tells_what_it_saw_and_writes_nothing() {
    let env = Env::new(Sim::builder().nodes(2).workloads([Workload::bare_pod("shop", "lonely")]));
    env.sim.clear_log();
    let output = env.run(&["preflight", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&report["kind"], &report["source"]["id"]), (&json!("PreflightReport"), &json!("flannel")));
    let parameters = &report["source"]["parameters"];
    assert_eq!((&parameters["backend"], &parameters["port"]), (&json!("vxlan"), &json!(8472)));
    assert_eq!(report["evidence"].as_array().unwrap().len(), 4, "{report:#}");
    let found = report["findings"].as_array().unwrap();
    assert!(found.iter().any(|f| f["id"] == "POD-001" && f["subject"].to_string().contains("shop/lonely")));
    let table = env.run(&["preflight"]);
    assert!(table.stdout.contains("RESULT") && table.stdout.contains("0 blockers"), "{table}");
    let blocked = env.run(&["preflight", "--tunnel-port=8472"]);
    assert!(blocked.stdout.contains("\n1 blocker, "), "{blocked}");
    assert_eq!(env.writes(), Vec::<String>::new());
}
