//! `run` and the single verbs: the real binary against the embedded cluster, from Flannel to Cilium and nothing else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::sim::Sim;
use serde_json::Value;
use support::{Env, Output};

const WRITE: [&str; 3] = ["--yes=sim", "--timeout=60s", "--probe-image=probe:test"];

fn write(env: &Env, verb: &[&str]) -> Output {
    env.run(&[verb, &WRITE].concat())
}

fn status(env: &Env) -> Value {
    let output = env.run(&["status", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    serde_json::from_str(&output.stdout).unwrap()
}

#[test]
fn run_takes_a_cluster_from_flannel_to_cilium() {
    let env = Env::new(Sim::builder().nodes(3));
    let output = write(&env, &["run"]);
    assert_eq!(output.code, Some(0), "{output}");
    let status = status(&env);
    assert_eq!(status["podsOnCilium"], status["pods"], "{status:#}");
    assert_eq!(status["next"], "the migration is finished");
}
