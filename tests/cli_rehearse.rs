//! `rehearse`: the real binary, no cluster at all.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start the binary")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

/// In a home without kubeconfig and helm.
fn rehearse(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(assert_cmd::cargo::cargo_bin!("kubectl-cni_migrate"))
        .arg("rehearse")
        .args(args)
        .env_clear()
        .env("HOME", home.path())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_same_seeds_give_the_same_bytes_and_others_do_not() {
    let [first, second] = [(); 2].map(|()| rehearse(&["--seeds", "2"]));
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert_eq!(text(&first.stdout), text(&second.stdout));
    assert_eq!(text(&first.stderr), text(&second.stderr));
    let other = rehearse(&["--seed", "3", "--seeds", "2"]);
    assert_ne!(text(&first.stdout), text(&other.stdout));
}

#[test]
fn progress_is_that_of_a_run_with_the_time_before_it() {
    let output = rehearse(&["--seeds", "1"]);
    let stderr = text(&output.stderr);
    for words in [
        "✓ install",
        "… drain",
        "✓ verify",
        "✓ uncordon",
        "migrated in",
        "4 agents restarted one by one",
        "✓ cleanup",
    ] {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    let times: Vec<_> = stderr.lines().filter_map(|line| line.get(..8)).collect();
    assert!(times.is_sorted() && times.iter().all(|time| time.split(':').count() == 3), "{stderr}");
}

#[test]
fn machines_get_the_plan_and_the_forecast() {
    let output = rehearse(&["--seeds", "2", "-o", "json"]);
    let rehearsal: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rehearsal["kind"], "Rehearsal");
    let steps = rehearsal["plan"]["steps"].as_array().unwrap();
    assert_eq!(steps.first().unwrap()["id"], "install");
    assert_eq!(steps.last().unwrap()["id"], "cleanup");
    let forecast = &rehearsal["forecast"];
    assert_eq!((&forecast["plays"], &forecast["wentWell"]), (&2.into(), &2.into()));
    assert_eq!(forecast["nodes"].as_array().unwrap().len(), steps.len() - 3);
    let writes = rehearsal["writes"].as_array().unwrap();
    assert_eq!(
        writes[0],
        json!({"verb": "create", "resource": "leases", "namespace": "kube-system", "name": "cni-migrate"})
    );
    let eviction = writes.iter().find(|w| w["resource"] == "pods/eviction").unwrap();
    assert_eq!(eviction["node"], "worker-1");
    assert!(eviction["owner"].as_str().unwrap().starts_with("ReplicaSet/"), "{eviction}");
    let total = &forecast["total"];
    assert!(total["min"].as_f64().unwrap() < total["max"].as_f64().unwrap(), "seeds differ: {total}");
}

#[test]
fn a_story_that_is_to_stop_early_ends_well_there() {
    let output = rehearse(&["--seeds", "1", "--until", "worker-1/drain"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("✓ drain") && !stderr.contains("✓ switch"), "{stderr}");
}

#[test]
fn a_rehearsal_that_ends_badly_says_how_to_play_it_again() {
    // The Service range, which no pod may be in.
    let output = rehearse(&["--seeds", "2", "--seed", "5", "--target-pod-cidr", "10.96.0.0/16"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("0 of 2 rehearsals ended well"), "{}", text(&output.stdout));
    let again = "hint: play it again: kubectl cni-migrate rehearse --sample shop --seed 5 --seeds 1";
    assert!(text(&output.stderr).contains(again), "{}", text(&output.stderr));
}

#[test]
fn samples_are_listed_one_a_line_and_a_wrong_name_is_refused() {
    let list = rehearse(&["--sample", "list"]);
    assert_eq!(text(&list.stdout), "shop\nbusy\nstuck\n");
    let wrong = rehearse(&["--sample", "shp"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("there is no such sample"), "{}", text(&wrong.stderr));
}

/// It changes nothing, so there is no step whose end would have to be waited for.
#[test]
fn a_signal_ends_a_rehearsal_at_once() {
    let home = tempfile::tempdir().unwrap();
    let mut played = Command::new(assert_cmd::cargo::cargo_bin!("kubectl-cni_migrate"))
        .args(["rehearse", "--sample", "busy", "--seeds", "100"])
        .env("HOME", home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(played.stderr.take().unwrap());
    told.read_line(&mut String::new()).unwrap();
    rustix::process::kill_process(Pid::from_child(&played), Signal::TERM).unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert_eq!(played.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("stopped on request; a rehearsal leaves nothing behind"), "{rest}");
}

#[tokio::test]
async fn a_cluster_that_is_served_lives() {
    let home = tempfile::tempdir().unwrap();
    let mut served = Command::new(assert_cmd::cargo::cargo_bin!("kubectl-cni_migrate"))
        .args(["rehearse", "--serve", "127.0.0.1:0"])
        .env("HOME", home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let path = line.trim().strip_prefix("export KUBECONFIG=").unwrap();
    let kubeconfig: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(kubeconfig["clusters"][0]["name"], "sample-shop", "--yes takes the name that was told");
    let made_anew = tokio::time::timeout(Duration::from_secs(60), pod_made_anew(Path::new(path))).await;
    served.kill().unwrap();
    served.wait().unwrap();
    made_anew.expect("its controllers are at work");
}

/// Deletes a pod of a Deployment and waits for the next one.
async fn pod_made_anew(kubeconfig: &Path) {
    let config = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(kube::Client::try_from(config).unwrap(), "shop");
    let all = pods.list(&ListParams::default().labels("app=web")).await.unwrap();
    let version = all.metadata.resource_version.clone().unwrap();
    let old = all.items.into_iter().next().unwrap().metadata.name.unwrap();
    let mut events = pods.watch(&WatchParams::default().labels("app=web"), &version).await.unwrap().boxed();
    pods.delete(&old, &DeleteParams::default()).await.unwrap();
    while let Some(event) = events.next().await {
        if matches!(event.unwrap(), WatchEvent::Added(_)) {
            return;
        }
    }
    panic!("the watch ended");
}
