//! `plan`, and `run` bound to one: the real binary against the embedded cluster.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::sim::{Sim, Workload};
use serde_json::{Value, json};
use support::Env;

const WRITE: [&str; 5] = ["--yes=sim", "--timeout=60s", "--drain-timeout=60s", "--probe-image", "probe:test"];

fn shop() -> Env {
    Env::new(Sim::builder().nodes(3).workloads([Workload::deployment("shop", "web", 2)]))
}

fn plan(env: &Env) -> Value {
    let output = env.run(&["plan", "-o", "json"]);
    assert_eq!(output.code, Some(0), "{output}");
    serde_json::from_str(&output.stdout).unwrap()
}

fn ids(plan: &Value) -> Vec<&str> {
    plan["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_has_every_step_in_order_with_its_reason_and_asks_for_no_write() {
    let env = shop();
    env.sim.clear_log();
    let plan = plan(&env);
    let wanted = ["install", "node/worker-1", "node/worker-2", "node/cp-1", "finalize", "cleanup"];
    assert_eq!(ids(&plan), wanted, "{plan:#}");
    assert_eq!(plan["steps"][3]["why"], "is a control-plane node: after the workers");
    let runbook = env.run(&["plan", "-o", "markdown"]);
    for words in [
        "# sim: from flannel to Cilium 1.19.6",
        "kubectl cni-migrate node worker-1 --yes=sim",
        "kubectl drain worker-1 --ignore-daemonsets",
        "helm install cilium cilium --repo",
        "kind: CiliumNodeConfig",
        "kubectl -n kube-flannel delete daemonsets kube-flannel-ds",
        "ip link delete flannel.1",
    ] {
        assert!(runbook.stdout.contains(words), "{words}: {runbook}");
    }
    assert!(env.run(&["plan"]).stdout.starts_with("#   STEP"), "a table");
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn run_executes_the_plan_that_was_made_in_its_order_of_nodes() {
    let env = shop();
    let mut plan = plan(&env);
    plan["steps"].as_array_mut().unwrap().swap(1, 2);
    let path = env.write("plan.yaml", &plan.to_string());
    env.sim.clear_log();
    let output = env.run(&[&["run", "--plan", path.to_str().unwrap()], &WRITE[..]].concat());
    assert_eq!(output.code, Some(0), "{output}");
    let writes = env.writes();
    let cordon = |node: &str| writes.iter().position(|w| *w == format!("patch nodes {node}")).unwrap();
    assert!(cordon("worker-2") < cordon("worker-1") && cordon("worker-1") < cordon("cp-1"));
    let left = self::plan(&env);
    assert_eq!(ids(&left), Vec::<&str>::new(), "{left:#}");
}

#[test]
fn a_plan_for_another_state_or_with_other_steps_is_refused_and_nothing_is_written() {
    let env = shop();
    let made = plan(&env);
    let refused = |change: &dyn Fn(&mut Value), code: i32, words: &str| {
        let mut plan = made.clone();
        change(&mut plan);
        let path = env.write("plan.yaml", &plan.to_string());
        env.sim.clear_log();
        let output = env.run(&[&["run", "--plan", path.to_str().unwrap()], &WRITE[..]].concat());
        assert_eq!(output.code, Some(code), "{output}");
        assert!(output.stderr.contains(words), "{words}: {output}");
        assert_eq!(env.writes(), Vec::<String>::new());
    };
    refused(&|p| p["stateHash"] = json!("0"), 1, "the plan is for another state of cluster sim");
    refused(
        &|p| p["steps"][1]["id"] = json!("node/gone"),
        1,
        "a step node/gone that this cluster does not know",
    );
    refused(&|p| drop(p["steps"].as_array_mut().unwrap().remove(2)), 1, "the plan leaves out node/worker-2");
    refused(&|p| p["steps"].as_array_mut().unwrap().swap(0, 1), 1, "not in order");
    refused(&|p| p["kind"] = json!("Plan"), 2, "kind is \"Plan\", expected \"MigrationPlan\"");
    refused(&|p| p["stepz"] = json!([]), 2, "unknown field `stepz`");
    let output = env.run(&["run", "--plan", "absent.yaml", "--yes=sim"]);
    assert_eq!(output.code, Some(2), "{output}");
    assert!(output.stderr.contains("plan absent.yaml could not be read"), "{output}");
    let other = env.run(&["run", "--plan", "plan.yaml", "--target-pod-cidr=10.99.0.0/16", "--yes=sim"]);
    assert!(other.code.is_some_and(|code| code != 0), "{other}");
}
