//! `preflight`: its pages, its formats, what makes its answer a no, and findings that somebody answers for.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::check::{CHECKS, Phase};
use cni_migrate::sim::{Sim, Workload};
use serde_json::{Value, json};
use support::{Env, Output};

/// A cluster with one warning of its own: a pod without a controller.
fn lonely() -> Env {
    Env::new(Sim::builder().nodes(2).workloads([Workload::bare_pod("shop", "lonely")]))
}

fn report(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output}"))
}

fn of<'a>(report: &'a Value, id: &str) -> Vec<&'a Value> {
    report["findings"].as_array().unwrap().iter().filter(|f| f["id"] == id).collect()
}

#[test]
fn explain_prints_a_page_and_asks_no_cluster() {
    let env = lonely();
    env.sim.clear_log();
    let page = env.run(&["preflight", "--explain", "pod-001"]);
    assert_eq!(page.code, Some(0), "{page}");
    assert_eq!(page.stdout, include_str!("../docs/checks/POD-001.md"));
    let wrong = env.run(&["preflight", "--explain", "POD-01"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    assert!(wrong.stderr.contains("there is no check \"POD-01\"; the nearest is POD-001"), "{wrong}");
    assert!(wrong.stderr.contains("ARCH-001, ") && wrong.stderr.contains(", SOURCE-001"), "{wrong}");
    assert!(env.sim.log().is_empty());
}

#[test]
fn what_counts_as_a_no_is_the_callers_choice() {
    let env = lonely();
    for (args, code) in [
        (&["--fail-on", "blocker"][..], 0),
        (&["--fail-on", "warning"], 1),
        (&["--fail-on", "unknown"], 1),
        (&["--fail-on", "blocker", "--tunnel-port=8472"], 1),
    ] {
        let output = env.run(&[&["preflight"], args].concat());
        assert_eq!(output.code, Some(code), "{args:?}: {output}");
    }
}

#[test]
fn ci_and_wiki_get_their_formats() {
    let env = lonely();
    let junit = env.run(&["preflight", "-o", "junit", "--tunnel-port=8472"]);
    assert_eq!(junit.code, Some(1), "{junit}");
    assert!(junit.stdout.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "), "{junit}");
    let case = |id: &str| {
        let start = junit.stdout.find(&format!("name=\"{id} ")).unwrap_or_else(|| panic!("{id}: {junit}"));
        junit.stdout[start..].split("</testcase>").next().unwrap().to_owned()
    };
    assert!(case("PORT-001").contains("<failure message=\"blocker "), "{junit}");
    assert!(case("POD-001").contains("<system-out>warning "), "{junit}");
    let cases = CHECKS.iter().filter(|check| check.phase() == Phase::Preflight).count();
    assert!(junit.stdout.contains(&format!("tests=\"{cases}\" failures=\"1\"")), "{junit}");
    let strict = env.run(&["preflight", "-o", "junit", "--fail-on", "warning"]);
    assert!(!strict.stdout.contains("<system-out>warning"), "{strict}");

    let wiki = env.run(&["preflight", "-o", "markdown"]);
    assert_eq!(wiki.code, Some(0), "{wiki}");
    assert!(wiki.stdout.starts_with("# Preflight of sim\n\n| What | Is |\n| --- | --- |\n"), "{wiki}");
    assert!(wiki.stdout.contains("\n| warning | POD-001 | pod shop/lonely |"), "{wiki}");
    assert!(wiki.stdout.contains("\n## To do\n\n- "), "{wiki}");
}

#[test]
fn an_excluded_finding_is_shown_with_its_reason_and_does_not_count() {
    let env = lonely();
    let before = env.run(&["preflight", "-o", "json"]);
    let subject = of(&report(&before), "POD-001")[0]["subject"].as_str().unwrap().to_owned();
    let exclusions = json!([
        {"id": "POD-001", "subject": subject, "reason": "made by hand on each start", "until": "9999-12-31"},
        {"id": "PORT-001", "reason": "the overlay is switched off first", "until": "9999-12-31"},
    ]);
    env.write("ours.yaml", &exclusions.to_string());
    let args = ["preflight", "--exclude-file", "ours.yaml", "--tunnel-port=8472"];
    let output = env.run(&[&args[..], &["-o", "json"]].concat());
    assert_eq!(output.code, Some(0), "{output}");
    let found = report(&output);
    let port = of(&found, "PORT-001")[0];
    assert_eq!((&port["result"], &port["excludedResult"]), (&json!("excluded"), &json!("blocker")));
    let exclusion = &port["exclusion"];
    assert_eq!(exclusion["reason"], "the overlay is switched off first");
    assert_eq!((&exclusion["until"], &exclusion["from"]), (&json!("9999-12-31"), &json!("ours.yaml:1")));
    assert_eq!(of(&found, "EXCLUDE"), Vec::<&Value>::new());

    let table = env.run(&args);
    assert!(table.stdout.contains("excluded   POD-001"), "{table}");
    assert!(table.stdout.contains("excluded until 9999-12-31: made by hand on each start"), "{table}");
    assert!(table.stdout.contains(" 2 excluded\n"), "{table}");

    // Who answers for a blocker may go on.
    env.sim.deny("delete", "secrets");
    let refused = env.run(&["install", "--dry-run"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    env.write("rights.yaml", "- {id: RIGHTS-001, reason: another team cleans up, until: 9999-12-31}\n");
    let install = env.run(&["install", "--dry-run", "--exclude-file", "rights.yaml"]);
    assert_eq!(install.code, Some(0), "{install}");
}

#[test]
fn exclusions_that_are_over_unused_or_malformed_do_not_go_unnoticed() {
    let env = lonely();
    env.write("old.yaml", "- {id: PORT-001, reason: r, until: 2001-01-01}\n- {id: DNS-001, subject: x, reason: r, until: 9999-01-01}\n");
    let output = env.run(&["preflight", "--exclude-file", "old.yaml", "--tunnel-port=8472", "-o", "json"]);
    assert_eq!(output.code, Some(1), "{output}");
    let found = report(&output);
    assert_eq!(of(&found, "PORT-001")[0]["result"], "blocker");
    let complaints = of(&found, "EXCLUDE");
    assert_eq!(complaints.len(), 2, "{output}");
    assert!(complaints[0]["message"].to_string().contains("ended on 2001-01-01"), "{output}");
    assert!(complaints[1]["hint"].to_string().contains("old.yaml:2"), "{output}");

    env.write("bad.yaml", "- id: DNS-001\n  until: 2001-01-01\n");
    env.sim.clear_log();
    for (args, words) in [
        (["preflight", "--exclude-file", "bad.yaml"], "bad.yaml:1: missing field `reason`"),
        (["preflight", "--exclude-file", "absent.yaml"], "exclusions absent.yaml could not be read"),
    ] {
        let output = env.run(&args);
        assert_eq!(output.code, Some(2), "{output}");
        assert!(output.stderr.contains(words), "{output}");
    }
    assert!(env.sim.log().is_empty());
}

#[test]
fn a_chart_that_cannot_be_had_stops_a_migration_before_it_writes() {
    let mut env = lonely();
    let answer = |env: &Env, args: &[&str]| {
        let output = env.run(&[&["preflight", "-o", "json"], args].concat());
        let report = report(&output);
        let found = of(&report, "CHART-001")[0].clone();
        (
            output.code,
            found["result"].as_str().unwrap().to_owned(),
            found["message"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(answer(&env, &[]), (Some(0), "ok".to_owned(), "version 1.19.6".to_owned()));
    let (code, result, message) = answer(&env, &["--chart", "./nowhere"]);
    assert_eq!((code, result.as_str()), (Some(1), "blocker"), "{message}");
    assert!(message.contains("failed to download"), "{message}");
    let (_, result, message) = answer(&env, &["--chart", "./cilium-1.18.12.tgz"]);
    assert_eq!((result.as_str(), message.as_str()), ("blocker", "version 1.18.12, expected 1.19.6"));
    env.sim.clear_log();
    let install = env.run(&["install", "--chart", "./nowhere", "--yes=sim"]);
    assert_eq!(install.code, Some(1), "{install}");
    assert!(install.stderr.contains("CHART-001 ./nowhere: "), "{install}");
    assert_eq!(env.writes(), Vec::<String>::new());
    env.set("HELM_BIN", "/no/such/helm");
    let (_, result, message) = answer(&env, &[]);
    assert_eq!(result, "unknown", "{message}");
}
