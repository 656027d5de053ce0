//! `values` and `values-diff` with the real binary on the embedded cluster: formats, secrets, unknown keys, features.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use cni_migrate::sim::{Sim, Workload};
use serde_json::{Value, json};
use support::{Env, Output};

const WRITE: [&str; 4] = ["--yes=sim", "--timeout=60s", "--probe-image", "probe:test"];

fn shop() -> Env {
    Env::new(Sim::builder().nodes(2).workloads([Workload::deployment("shop", "web", 2)]))
}

/// A chart folder with a part of Cilium's values, as the stand-in for helm shows it.
fn chart(env: &Env) -> String {
    let folder = env.home().join("cilium-1.19.6");
    std::fs::create_dir(&folder).unwrap();
    let values = "tunnelPort: 0\nhubble:\n  enabled: true\n  relay: {enabled: false}\n  tls: {server: {key: ''}}\n\
                  k8sServiceHost: ''\nk8sServicePort: ''\nencryption: {ipsec: {secretName: cilium-ipsec-keys}}\n";
    std::fs::write(folder.join("values.yaml"), values).unwrap();
    folder.display().to_string()
}

fn ok(env: &Env, args: &[&str]) -> Output {
    let output = env.run(args);
    assert_eq!(output.code, Some(0), "{args:?}: {output}");
    output
}

fn write(env: &Env, args: &[&str]) -> Output {
    ok(env, &[args, &WRITE[..]].concat())
}

#[test]
fn before_the_installation_two_phases_are_compared_and_nothing_is_written() {
    let env = shop();
    let output = ok(&env, &["values-diff", "--encryption", "wireguard"]);
    let mut lines = output.stdout.lines();
    let header: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["KEY", "RUNNING", "MIGRATION", "FINAL", "EFFECT"]);
    let row = |key: &str| output.stdout.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    let words = |key: &str| row(key).split_whitespace().take(4).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words("cni.customConf"), ["cni.customConf", "-", "true", "false"]);
    assert_eq!(words("encryption.enabled"), ["encryption.enabled", "-", "false", "true"]);
    assert!(row("policyEnforcementMode").ends_with("network policies take effect at once"), "{output}");

    let text = ok(&env, &["values-diff", "-o", "unified"]).stdout;
    assert!(text.starts_with("--- migration\n+++ final\n"), "{text}");
    assert!(text.contains("-  customConf: true\n+  customConf: false\n"), "{text}");

    let json: Value = serde_json::from_str(&ok(&env, &["values-diff", "-o", "json"]).stdout).unwrap();
    assert_eq!((&json["kind"], &json["isInstalled"]), (&json!("ValuesDiff"), &json!(false)));
    let keys: Vec<_> = json["values"].as_array().unwrap().iter().map(|row| row["key"].clone()).collect();
    assert!(
        keys.contains(&json!("policyEnforcementMode")) && !keys.contains(&json!("tunnelPort")),
        "{keys:?}"
    );
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn the_running_release_is_the_third_side() {
    let env = shop();
    let _ = write(&env, &["install", "--set", "image.pullPolicy=Always"]);
    env.sim.clear_log();
    let json: Value = serde_json::from_str(&ok(&env, &["values-diff", "-o", "json"]).stdout).unwrap();
    assert_eq!(json["isInstalled"], true);
    let row = |key: &str| json["values"].as_array().unwrap().iter().find(|row| row["key"] == key).cloned();
    let conf = row("cni.customConf").unwrap();
    assert_eq!(
        (&conf["running"], &conf["migration"], &conf["final"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(row("image.pullPolicy"), None, "what was given is kept on all three sides");
    let last = ok(&env, &["values", "final"]).stdout;
    assert!(last.contains("# user: -f (running release)\n  pullPolicy: Always\n"), "{last}");
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn rendered_objects_are_compared_too() {
    let env = shop();
    let text = ok(&env, &["values-diff", "--manifests"]).stdout;
    assert!(text.contains("--- migration: ConfigMap kube-system/cilium-config\n"), "{text}");
    assert!(text.contains("-  enable-policy: never\n+  enable-policy: default\n"), "{text}");
    let json = ok(&env, &["values-diff", "--manifests", "-o", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["manifests"][0]["change"], "changed", "{json:#}");
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn secrets_are_shown_to_helm_only() {
    let env = shop();
    let chart = chart(&env);
    let set = "hubble.tls.server.key=S3CRET";
    for args in [
        &["values", "final"][..],
        &["values-diff"],
        &["values-diff", "-o", "unified"],
        &["values-diff", "-o", "json"],
        &["values-diff", "-o", "yaml", "--manifests"],
    ] {
        let output = ok(&env, &[args, &["--chart", &chart, "--set", set]].concat());
        assert!(!output.to_string().contains("S3CRET"), "{args:?}: {output}");
    }
    let yaml = ok(&env, &["values", "final", "-o", "yaml", "--chart", &chart, "--set", set]).stdout;
    assert!(yaml.contains("key: S3CRET"), "{yaml}");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_before_anything_is_written() {
    let env = shop();
    let chart = chart(&env);
    env.sim.clear_log();
    for verb in [&["values", "final"][..], &["values-diff"], &["install", "--yes=sim"], &["run", "--yes=sim"]]
    {
        let output = env.run(&[verb, &["--chart", &chart, "--set", "hubble.rely.enabled=true"]].concat());
        assert_eq!(output.code, Some(2), "{verb:?}: {output}");
        let wanted = "hubble.rely.enabled (--set): the chart of Cilium 1.19.6 has no such value; the nearest is \
                      hubble.relay.enabled";
        assert!(output.stderr.contains(wanted), "{verb:?}: {output}");
    }
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn keys_that_could_not_be_checked_are_never_passed_over_in_silence() {
    let env = shop();
    let output = ok(&env, &["values", "final", "--set", "hubble.rely.enabled=true"]);
    assert!(output.stderr.contains("Warning: the keys of your values were not checked"), "{output}");
    assert!(!ok(&env, &["values", "final"]).stderr.contains("Warning"), "nothing was given");
}

#[test]
fn kube_proxy_has_to_go_before_its_replacement_comes() {
    let env = shop();
    let chart = chart(&env);
    let wish = ["--kube-proxy-replacement", "--set", "k8sServiceHost=10.0.0.1", "--chart", &chart];
    let shown = ok(&env, &[&["values", "final"][..], &wish].concat());
    assert!(
        shown.stderr.contains("finalize will refuse for now: kubeProxyReplacement: kube-proxy"),
        "{shown}"
    );
    let _ = write(&env, &[&["install"][..], &wish].concat());
    let _ = write(&env, &["node", "--all"]);
    env.sim.clear_log();
    // The wish is in the journal, the address in the release.
    let output = env.run(&["finalize", "--yes=sim"]);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(
        output.stderr.contains("kubectl -n kube-system delete daemonset,configmap kube-proxy"),
        "{output}"
    );
    assert_eq!(env.writes(), Vec::<String>::new());
}

#[test]
fn the_key_of_ipsec_is_made_once_and_never_shown() {
    let env = shop();
    let _ = write(&env, &["install", "--encryption", "ipsec"]);
    let _ = write(&env, &["node", "--all"]);
    assert!(
        env.sim.get("v1", "Secret", "kube-system", "cilium-ipsec-keys").is_none(),
        "it belongs to the end"
    );
    let output = write(&env, &["finalize", "-v", "9"]);
    let told = format!(
        "{output}{}",
        env.sim.log().iter().map(|e| format!("{} {}\n", e.summary(), e.query)).collect::<String>()
    );
    let secret = env.sim.get("v1", "Secret", "kube-system", "cilium-ipsec-keys").unwrap();
    let key = secret["stringData"]["keys"].as_str().or(secret["data"]["keys"].as_str()).unwrap().to_owned();
    assert!(key.len() > 60, "{key}");
    let hex = key.split(' ').nth(2).unwrap_or(&key).to_owned();
    assert!(!told.contains(&hex), "{told}");
    let journal = env.sim.get("v1", "ConfigMap", "kube-system", "cni-migrate-journal").unwrap();
    assert!(!journal.to_string().contains(&hex));
    assert!(journal.to_string().contains("ipsec"), "what was asked for is remembered: {journal}");
    // Again: the Secret stays what it is.
    let again = write(&env, &["finalize"]);
    assert!(again.stderr.contains("exists and is kept"), "{again}");
    assert_eq!(env.sim.get("v1", "Secret", "kube-system", "cilium-ipsec-keys").unwrap(), secret);
}

#[test]
fn nobody_gets_a_key_that_was_not_asked_for() {
    let env = shop();
    let _ = write(&env, &["install"]);
    let _ = write(&env, &["node", "--all"]);
    env.sim.clear_log();
    let dry = ok(&env, &["finalize", "--dry-run=server", "--encryption", "ipsec"]);
    assert!(dry.stdout.contains("would create Secret kube-system/cilium-ipsec-keys"), "{dry}");
    assert_eq!(env.writes(), Vec::<String>::new());
    let by_value = [&["finalize", "--set", "encryption.enabled=true"][..], &WRITE[..]].concat();
    let output = env.run(&by_value);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("ask for --encryption ipsec"), "{output}");
    assert!(env.sim.get("v1", "Secret", "kube-system", "cilium-ipsec-keys").is_none());
}

#[test]
fn what_a_flag_decided_is_booked_on_the_flag() {
    let env = shop();
    let origins = |args: &[&str]| {
        let output = ok(&env, &[&["values", "migration", "-o", "json"], args].concat());
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let paths = [
            "ipam.operator.clusterPoolIPv4PodCIDRList",
            "ipam.operator.clusterPoolIPv4MaskSize",
            "tunnelPort",
        ];
        let mut found = paths.map(|path| report["provenance"][path].clone()).to_vec();
        found.push(report["chartVersion"].clone());
        found
    };
    let by = |flag: &str| json!({"origin": "user", "from": flag});
    let flags = ["--target-pod-cidr=10.200.0.0/16", "--target-mask-size=25", "--tunnel-port=8480"];
    let version = json!({"version": "1.18.12", "origin": "user", "from": "--cilium-version"});
    assert_eq!(
        origins(&[&flags[..], &["--cilium-version=1.18.12"]].concat()),
        [by("--target-pod-cidr"), by("--target-mask-size"), by("--tunnel-port"), version]
    );
    let untold = origins(&[]);
    assert!(untold[..3].iter().all(|origin| origin["origin"] == "required"), "{untold:?}");
    assert_eq!(untold[3], json!({"version": "1.19.6"}));
    let shown = ok(&env, &["values", "migration", "--cilium-version=1.18.12", "--tunnel-port=8480"]).stdout;
    assert!(shown.starts_with("# for the chart of version 1.18.12, user: --cilium-version\n"), "{shown}");
    assert!(shown.contains("# user: --tunnel-port\ntunnelPort: 8480\n"), "{shown}");
}
