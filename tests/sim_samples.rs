//! The samples that come with the program: complete, at rest, and what they say of themselves.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use cni_migrate::sim::{Builder, SAMPLES, Sim, Timings};
use serde_json::{Value, json};
use support::Env;

fn objects(name: &str) -> Vec<Value> {
    (SAMPLES.iter().find(|s| s.name == name).unwrap().build)().unwrap().to_json()
}

fn pods(sim: &Sim) -> Vec<Value> {
    sim.list("v1", "Pod")
}

/// Preflight's blockers as id and subject.
fn blockers(env: &Env) -> BTreeSet<(String, String)> {
    let output = env.run(&["preflight", "-o", "json"]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output}"));
    let findings = report["findings"].as_array().unwrap().iter();
    let blocking = findings.filter(|f| f["result"] == "blocker");
    blocking
        .map(|f| (f["id"].as_str().unwrap().to_owned(), f["subject"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_sample_runs_and_rests() {
    for sample in SAMPLES {
        let objects = (sample.build)().unwrap().to_json();
        assert_eq!(objects, (sample.build)().unwrap().to_json(), "{}: the same each time", sample.name);
        let ageless = objects.iter().find(|o| !o["metadata"]["creationTimestamp"].is_string());
        assert_eq!(ageless, None, "{}: every object has an age", sample.name);
        let sim = Builder::from_objects(objects).build().unwrap();
        sim.settled(Duration::from_secs(1)).await.unwrap();
        let job = |p: &Value| p["metadata"]["ownerReferences"][0]["kind"] == "Job";
        let before: Vec<Value> = pods(&sim).into_iter().filter(|p| !job(p)).collect();
        tokio::time::sleep(Duration::from_secs(600)).await;
        let after: Vec<Value> = pods(&sim).into_iter().filter(|p| !job(p)).collect();
        assert_eq!(before, after, "{}", sample.name);
        assert_eq!(sim.not_modelled(), Vec::<String>::new(), "{}", sample.name);
    }
}

#[tokio::test(start_paused = true)]
async fn the_busy_sample_is_as_large_as_it_says() {
    let sim = Builder::from_objects(objects("busy")).build().unwrap();
    assert_eq!(sim.list("v1", "Node").len(), 12);
    let pods = pods(&sim).len();
    assert!((190..=230).contains(&pods), "{pods} pods");
}

#[test]
fn the_shop_is_migrated() {
    let env = Env::new(Builder::from_objects(objects("shop")));
    assert_eq!(blockers(&env), BTreeSet::new());
    let output =
        env.run(&["run", "--yes=sim", "--timeout=60s", "--drain-timeout=60s", "--probe-image", "probe:test"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(env.sim.violations(), [], "{output}");
    let status: Value = serde_json::from_str(&env.run(&["status", "-o", "json"]).stdout).unwrap();
    assert_eq!(
        (&status["podsOnCilium"], &status["next"]),
        (&status["pods"], &json!("the migration is finished"))
    );
}

#[test]
fn nothing_stands_in_the_way_of_the_busy_sample() {
    assert_eq!(blockers(&Env::new(Builder::from_objects(objects("busy")))), BTreeSet::new());
}

#[test]
fn the_stuck_sample_is_refused_for_its_reasons() {
    let env = Env::new(Builder::from_objects(objects("stuck")));
    let found = blockers(&env);
    let has = |id: &str, subject: &str| found.contains(&(id.to_owned(), subject.to_owned()));
    assert!(has("PDB-001", "shop/web"), "{found:?}");
    env.sim.clear_log();
    let output = env.run(&["run", "--yes=sim", "--probe-image", "probe:test"]);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(env.writes().is_empty(), "{:?}", env.writes());
}

/// How long a Job takes is in no record: one that ended would spare the nodes to come an eviction.
#[tokio::test(start_paused = true)]
async fn a_job_that_runs_goes_on() {
    let sim = Builder::from_objects(objects("busy")).timings(Timings::real()).build().unwrap();
    let running = || -> BTreeSet<String> {
        let is_of_job = |p: &&Value| p["metadata"]["ownerReferences"][0]["kind"] == "Job";
        let all = pods(&sim);
        let names = all.iter().filter(is_of_job).filter(|p| p["status"]["phase"] == "Running");
        names.map(|p| p["metadata"]["name"].to_string()).collect()
    };
    let before = running();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(!before.is_empty() && running() == before, "{before:?}, later {:?}", running());
}
