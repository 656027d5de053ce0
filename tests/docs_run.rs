//! Every command that a document or `--help` shows is executed as it stands there: the real binary, called by stand-ins
//! for kubectl and helm, on embedded clusters whose nodes have the names that the documents use.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start programs")]

mod docs_support;
mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use cni_migrate::sim::{Fault, Sim, When, Workload};
use docs_support::commands;
use serde_json::json;
use support::{Env, Output};

/// The cluster's name in the documents, and in README.md's excerpt from the lab.
const CLUSTER: &str = "prod-eu";
const LAB: &str = "e2e";
const LIMIT: Duration = Duration::from_secs(60);

// Ways through a migration: what writes, in an order in which each command finds what it needs.

const STEP_BY_STEP: [&str; 7] = [
    "kubectl cni-migrate install --yes=prod-eu",
    "kubectl cni-migrate node worker-1 --yes=prod-eu",
    "kubectl cni-migrate rollback worker-1 --yes=prod-eu",
    "kubectl cni-migrate node --all --yes=prod-eu",
    "kubectl cni-migrate verify --yes=prod-eu",
    "kubectl cni-migrate finalize --yes=prod-eu",
    "kubectl cni-migrate cleanup-flannel --yes=prod-eu",
];
const WITH_REBOOTS: [&str; 4] = [
    "kubectl cni-migrate install --chart ./cilium-1.19.6.tgz -f values.yaml --yes=prod-eu",
    "kubectl cni-migrate node -l pool=blue --reboot pod --yes=prod-eu",
    "kubectl cni-migrate node worker-2 --reboot command --reboot-command 'ssh {node} sudo reboot' --yes=prod-eu",
    "kubectl cni-migrate rollback worker-1 worker-2 --yes=prod-eu",
];
const AT_ONCE: [&str; 1] = ["kubectl cni-migrate run --yes=prod-eu"];
const BY_PLAN: [&str; 2] = [
    "kubectl cni-migrate plan -o yaml > plan.yaml",
    "kubectl cni-migrate run --plan plan.yaml --yes=prod-eu",
];
const WITH_IPSEC: [&str; 3] = [
    "kubectl cni-migrate install --yes=prod-eu",
    "kubectl cni-migrate node --all --yes=prod-eu",
    "kubectl cni-migrate finalize --encryption ipsec --yes=prod-eu",
];
const GONE_ON_WITH: [&str; 2] =
    ["kubectl cni-migrate install --yes=prod-eu", "kubectl cni-migrate run --resume --yes=prod-eu"];
const KILLED: [&str; 2] = ["kubectl cni-migrate run --yes=e2e", "kubectl cni-migrate run --resume --yes=e2e"];

/// Commands that are not executed here, by the reason and the place where they are.
const ELSEWHERE: &[(&str, &[&str])] = &[
    (
        "starts real clusters: .ci/run, and whoever works with the lab",
        &[
            "cargo run -p lab -- setup",
            "cargo run -p lab -- up",
            "cargo run -p lab -- up --name fid --nodes 1 --source none",
            "cargo run -p lab -- record --name fid --seed 1",
            "cargo run -p lab -- status",
            "cargo run -p lab -- exec -- kubectl get pods -A",
            "cargo run -p lab -- exec --node n2 -- ip link",
            "cargo run -p lab -- logs kubelet-n2",
            "cargo run -p lab -- reboot n2",
            "cargo run -p lab -- down",
            "cargo run -p lab -- e2e",
            "cargo run -p lab -- e2e --list",
            "cargo run -p lab -- e2e flannel-to-cilium",
        ],
    ),
    (
        "would start these tests, or what guards them, once more: .ci/run",
        &[
            "cargo test --workspace",
            "cargo fmt --all --check",
            "cargo clippy --workspace --all-targets -- -D warnings",
        ],
    ),
    ("prints the --help that is read above", &["cargo run -- --help"]),
    (
        "builds for minutes; kubectl cni-migrate rehearse is executed here",
        &["cargo run --release -- rehearse"],
    ),
    (
        "builds for minutes and measures for longer; docs/benches.md has the figures of a run",
        &[
            "cargo bench --no-fail-fast         # all of them",
            "cargo bench --bench seeds          # 1,000 seeds of the sample busy",
            "cargo bench --bench rehearse       # rehearsals of 500 and of 5,000 nodes",
            "cargo bench --bench rehearse -- 100 200",
            "cargo bench --bench snapshot       # a snapshot of 5,000 nodes, written and read",
            "cargo bench --bench snapshot -- 500",
            "cargo bench --bench preflight      # memory of a preflight of 5,000 nodes",
        ],
    ),
    ("tests/man.rs", &["cargo run --example man -- target/man"]),
    (
        "the tests of release, and the lab's scenario packaging",
        &["cargo run -p release", "cargo run -p release -- --out again"],
    ),
    (
        "builds for minutes, and changes this system: the lab's scenario packaging does it with its own binary",
        &[
            "cargo build --release",
            "install target/release/kubectl-cni_migrate packaging/kubectl_complete-cni_migrate /usr/local/bin/",
            "install -D target/release/kubectl-cni_migrate bin/kubectl-cni_migrate",
            "install packaging/kubectl_complete-cni_migrate /usr/local/bin/",
            "helm plugin install .",
            "helm plugin install ./kubectl-cni-migrate",
            "helm plugin install ./cni-migrate-0.1.0_linux_amd64.tgz --verify=false",
            "kubectl krew install --manifest=cni-migrate.yaml --archive=cni-migrate_v0.1.0_linux_amd64.tar.gz",
        ],
    ),
    (
        "prints a script of kubectl's or Helm's own: the lab's scenario packaging asks for what that script asks",
        &["source <(kubectl completion bash)", "source <(helm completion bash)"],
    ),
    (
        "asks or mends a real cluster or node with programs of others, and wants a name of the reader's",
        &[
            "helm history cilium -n kube-system",
            "kubectl auth can-i --list",
            "kubectl describe apiservice NAME",
            "kubectl describe node NODE",
            "kubectl get crd -o name | grep cilium.io",
            "kubectl label namespace NAME pod-security.kubernetes.io/enforce=privileged --overwrite",
            "kubectl -n kube-system delete configmap -l app.kubernetes.io/managed-by=kubectl-cni-migrate",
            "kubectl -n kube-system edit configmap kube-proxy",
            "kubectl taint nodes NODE node.cilium.io/agent-not-ready-",
            "kubectl uncordon NODE",
            "ip route delete",
        ],
    ),
    (
        "is the name of a command, with nothing to execute",
        &[
            "helm list --filter",
            "helm plugin install",
            "helm show chart",
            "helm show values",
            "kubectl apply -f -",
            "rustup target add",
        ],
    ),
];

#[test]
fn every_command_is_executed_here_or_it_is_said_where() {
    let documented = commands();
    assert!(documented.len() > 60, "only {} commands were found", documented.len());
    let journeys: BTreeSet<&str> =
        [&STEP_BY_STEP[..], &WITH_REBOOTS, &AT_ONCE, &BY_PLAN, &WITH_IPSEC, &GONE_ON_WITH, &KILLED]
            .concat()
            .into_iter()
            .collect();
    let elsewhere: BTreeSet<&str> =
        ELSEWHERE.iter().flat_map(|(_, commands)| commands.iter().copied()).collect();
    let is_placed = |command: &str| match (is_ours(command), writes(command)) {
        (true, true) => journeys.contains(command),
        // The test of what only looks executes all of these.
        (true, false) => true,
        (false, _) => elsewhere.contains(command),
    };
    let new: Vec<_> = documented.iter().filter(|(command, _)| !is_placed(command)).collect();
    assert!(
        new.is_empty(),
        "put these into a way through a migration, or say where they are executed: {new:#?}"
    );
    let gone: Vec<_> =
        journeys.union(&elsewhere).filter(|command| !documented.contains_key(**command)).collect();
    assert!(gone.is_empty(), "no document has these any more: {gone:#?}");
}

#[test]
fn a_migration_step_by_step_with_every_look_in_between() {
    let env = cluster(CLUSTER, 2);
    let mut looks: Vec<String> =
        commands().into_keys().filter(|command| is_ours(command) && !writes(command)).collect();
    assert!(looks.len() > 30, "{looks:#?}");
    let mut answers = look(&env, &mut looks);
    for step in STEP_BY_STEP {
        must(&env, step);
        answers = look(&env, &mut looks);
    }
    assert!(looks.is_empty(), "these end well at no time:\n{answers}");
    let roles = std::fs::read_to_string(env.home().join("applied.yaml")).unwrap();
    assert!(roles.contains("kind: ClusterRoleBinding"), "{roles}");
    assert_finished(&env);
}

fn nodes_with_reboots_values_of_ones_own_and_a_way_back() {
    let env = cluster(CLUSTER, 3);
    std::fs::create_dir(env.home().join("cilium-1.19.6.tgz")).unwrap();
    env.write("cilium-1.19.6.tgz/values.yaml", "image: {pullPolicy: IfNotPresent}\n");
    env.write("values.yaml", "image: {pullPolicy: Always}\n");
    let blue = json!({"apiVersion": "v1", "kind": "Node",
                      "metadata": {"name": "worker-1", "labels": {"pool": "blue"}}});
    env.sim.patch(&blue).unwrap();
    let boot_ids = || ["worker-1", "worker-2"].map(|node| boot_id(&env, node));
    let before = boot_ids();
    let ssh = reboot_what_ssh_names(&env);
    for line in WITH_REBOOTS {
        must(&env, line);
    }
    ssh.join().unwrap();
    let after = boot_ids();
    assert!(before[0] != after[0] && before[1] != after[1], "{before:?} {after:?}");
}

/// Most of their time is waiting for probes: so all at the same time.
#[test]
fn every_way_through_a_migration_ends_well() {
    std::thread::scope(|scope| {
        scope.spawn(nodes_with_reboots_values_of_ones_own_and_a_way_back);
        scope.spawn(killed_and_begun_again);
        for way in [&AT_ONCE[..], &BY_PLAN, &GONE_ON_WITH] {
            scope.spawn(move || {
                let env = cluster(CLUSTER, 2);
                for line in way {
                    must(&env, line);
                }
                assert_finished(&env);
            });
        }
        scope.spawn(|| {
            let env = cluster(CLUSTER, 2);
            for line in WITH_IPSEC {
                must(&env, line);
            }
            assert!(env.sim.get("v1", "Secret", "kube-system", "cilium-ipsec-keys").is_some());
        });
    });
}

fn killed_and_begun_again() {
    let env = cluster(LAB, 2);
    let [run, resume] = KILLED;
    env.sim.fault(Fault::on("patch", "nodes").named("worker-1").after(2).times(1).stall(When::After));
    let running = env.shell(run);
    let label = env.sim.until_logged("the label", LIMIT, |entry| {
        let body = String::from_utf8_lossy(&entry.body);
        entry.resource == "nodes" && entry.name == "worker-1" && body.contains("io.cilium.migration")
    });
    env.block_on(label).unwrap();
    assert_eq!(running.kill().code, None);
    env.sim.clear_faults();
    must(&env, resume);
    assert_finished(&env);
}

fn is_ours(command: &str) -> bool {
    let command = command.strip_prefix("source <(").unwrap_or(command);
    ["kubectl cni-migrate", "helm cni-migrate", "kubectl-cni_migrate"]
        .iter()
        .any(|name| command.starts_with(name))
}

/// Without consent nothing is written.
fn writes(command: &str) -> bool {
    command.contains("--yes")
}

/// Executes what ends well by now and takes it from the list; gives what the others said.
fn look(env: &Env, looks: &mut Vec<String>) -> String {
    let mut refused = String::new();
    env.sim.clear_log();
    looks.retain(|line| {
        let output = env.shell(&with_one_seed(line)).wait();
        // A pipeline wants to know of warnings, and the cluster has some.
        let ended_well = output.code == Some(0) || (line.contains("--fail-on") && output.code == Some(1));
        if !ended_well {
            refused.push_str(&format!("{line}\n{output}\n"));
        }
        !ended_well
    });
    assert_eq!(env.writes(), Vec::<String>::new(), "what has no --yes writes nothing");
    refused
}

/// Rehearsals one time each: more seeds are more of the same, and minutes of computing without optimisation.
fn with_one_seed(line: &str) -> String {
    let Some((head, rest)) = line.split_once(" rehearse") else { return line.to_owned() };
    let words: Vec<&str> = rest.split(' ').collect();
    let seeds = words.iter().position(|word| *word == "--seeds");
    let is_kept = |at: usize| seeds.is_none_or(|seeds| at != seeds && at != seeds + 1);
    let kept: Vec<&str> =
        words.iter().enumerate().filter(|(at, _)| is_kept(*at)).map(|(_, word)| *word).collect();
    format!("{head} rehearse --seeds 1{}", kept.join(" "))
}

fn must(env: &Env, line: &str) {
    let output = env.shell(line).wait();
    assert_eq!(output.code, Some(0), "{line}: {output}");
}

fn assert_finished(env: &Env) {
    let output: Output = env.shell("kubectl cni-migrate").wait();
    assert!(output.stdout.contains("the migration is finished"), "{output}");
}

/// A cluster of that name with an application, and a reader who has kubectl, helm and ssh.
fn cluster(name: &str, nodes: u8) -> Env {
    let workloads =
        [Workload::deployment("shop", "web", 2).service(80), Workload::daemon_set("shop", "agent")];
    let mut env = Env::new(Sim::builder().nodes(nodes).workloads(workloads));
    let config = std::fs::read_to_string(env.kubeconfig()).unwrap().replace("\"sim\"", &format!("{name:?}"));
    let config = env.write("prod.kubeconfig", &config);
    env.set("KUBECONFIG", config.to_str().unwrap());
    let bin = env.home().join("bin");
    let sim_helm = std::fs::canonicalize(bin.join("helm")).unwrap();
    std::fs::remove_file(bin.join("helm")).unwrap();
    let ours = "cni-migrate) shift; exec kubectl-cni_migrate \"$@\";;";
    stand_in(
        &env,
        "kubectl",
        &format!("case $1 in {ours} apply) exec cat > \"$HOME/applied.yaml\";; esac; exit 64"),
    );
    let as_plugin = ours.replace("exec", "HELM_PLUGIN_DIR=$HOME exec");
    stand_in(&env, "helm", &format!("case $1 in {as_plugin} esac; exec {} \"$@\"", sim_helm.display()));
    stand_in(&env, "ssh", "echo \"$*\" > \"$HOME/ssh\"");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-cni_migrate"), bin.join("kubectl-cni_migrate"))
        .unwrap();
    // The reader's own files.
    env.write("exclusions.yaml", "[]\n");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    env.set("PATH", &path);
    env
}

fn stand_in(env: &Env, name: &str, script: &str) {
    let path = env.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn boot_id(env: &Env, node: &str) -> String {
    let node = env.sim.get("v1", "Node", "", node).unwrap();
    node["status"]["nodeInfo"]["bootID"].as_str().unwrap().to_owned()
}

/// The node's side of ssh: whatever node ssh is called with boots anew.
fn reboot_what_ssh_names(env: &Env) -> JoinHandle<()> {
    let (sim, pipe) = (env.sim.clone(), env.home().join("ssh"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::thread::spawn(move || {
        let words = std::fs::read_to_string(pipe).unwrap();
        let node = words.strip_suffix(" sudo reboot\n").unwrap();
        let reboot = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "init", "namespace": "kube-system"},
            "spec": {"nodeName": node, "restartPolicy": "Never", "hostPID": true, "hostNetwork": true,
                     "tolerations": [{"operator": "Exists"}],
                     "containers": [{"name": "init", "image": "init:1", "args": ["agent", "reboot"]}]},
        });
        sim.create(&reboot).unwrap();
    })
}
