//! What needs the program and a cluster only for a moment: names of nodes at the prompt.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::sim::Sim;
use support::Env;

/// Candidates, without cobra's directive.
fn complete(env: &Env, words: &[&str]) -> Vec<String> {
    let output = env.run(&[&["__complete", "--"], words].concat());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output}");
    let mut lines: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop().as_deref(), Some(":4"), "{output}");
    lines
}

#[test]
fn nodes_are_completed_from_the_cluster_and_silence_is_no_error() {
    let env = Env::new(Sim::builder().nodes(3));
    assert_eq!(complete(&env, &["node", ""]), ["cp-1", "worker-1", "worker-2"]);
    assert_eq!(complete(&env, &["rollback", "worker-1", "w"]), ["worker-2"]);
    assert_eq!(complete(&env, &["--context", "sim", "node", "c"]), ["cp-1"]);
    assert_eq!(complete(&env, &["--context", "elsewhere", "node", "c"]), Vec::<String>::new());
    assert_eq!(complete(&env, &["node", "--server=http://127.0.0.1:1", ""]), Vec::<String>::new());
    env.sim.clear_log();
    assert_eq!(complete(&env, &["status", ""]), Vec::<String>::new());
    assert!(env.sim.log().is_empty(), "other verbs ask no cluster");
}
