//! The real charts take the generated values, and make of them the `cilium-config` that the tool expects; real helm gives
//! back what it is given. Where helm or the charts are, says `values_support`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start programs")]

mod values_support;

use std::path::Path;
use std::process::Command;

use cni_migrate::model::{Encryption, Features, Intent};
use cni_migrate::target::{Distribution, Target, expected_agent_config, expected_operator_config};
use cni_migrate::values::{Detected, Overlay, Phase, check_keys, generate, manifests};
use cni_migrate::yaml;
use proptest::prelude::*;
use serde_json::{Value, json};
use values_support::{VERSIONS, archive, charts, flannel, helm, intent, rendered, template};

/// Clusters and wishes that between them set every value that the tool knows.
fn shapes() -> Vec<(Detected, Features)> {
    let plain = Features::default();
    let on = |distribution| Detected { host_ports: true, mtu: Some(1400), distribution, ..flannel() };
    let multus = Detected { other_cnis: vec!["Multus".to_owned()], ..flannel() };
    vec![
        (flannel(), plain.clone()),
        (on(Distribution::K3s), Features { kube_proxy_replacement: true, ..plain.clone() }),
        (on(Distribution::Talos), Features { hubble: true, kube_proxy_replacement: true, ..plain.clone() }),
        (on(Distribution::MicroK8s), Features { encryption: Some(Encryption::Wireguard), ..plain.clone() }),
        (multus, Features { encryption: Some(Encryption::Ipsec), hubble: true, ..plain }),
    ]
}

#[test]
fn the_charts_make_the_expected_configuration() {
    let (Some(helm), Some(charts)) = (helm(), charts()) else { return };
    for version in VERSIONS {
        for phase in [Phase::Migration, Phase::Final] {
            for (detected, features) in shapes() {
                let wanted = Intent { features, ..intent(version) };
                let values = generate(phase, &detected, &wanted, &[]).unwrap();
                let config = config(&helm, &archive(&charts, version), &values.tree);
                check(version, phase, &values.tree, &config);
                let chaining = config.get("cni-chaining-mode").and_then(Value::as_str);
                assert_eq!(chaining, detected.host_ports.then_some("portmap"), "{version}");
            }
        }
    }
}

#[test]
fn helm_merges_the_users_values_as_the_tool_does() {
    let (Some(helm), Some(charts)) = (helm(), charts()) else { return };
    let user = [
        Overlay::file("site.yaml", "hubble: {relay: {enabled: true}}\nMTU: 0400\n").unwrap(),
        Overlay::set(
            "devices={eth0,eth1},operator.unmanagedPodWatcher.intervalSeconds=30,bpf.hostLegacyRouting=null",
        ),
        Overlay::set_string("cluster.name=007"),
    ];
    let values = generate(Phase::Final, &flannel(), &intent("1.20.0"), &user).unwrap();
    let config = config(&helm, &archive(&charts, "1.20.0"), &values.tree);
    check("1.20.0", Phase::Final, &values.tree, &config);
    assert_eq!(config["devices"], "eth0 eth1");
    assert_eq!(config["mtu"], "256");
    assert_eq!(config["cluster-name"], "007");
    assert_eq!(config["unmanaged-pod-watcher-interval"], "30s");
    assert!(config.get("enable-host-legacy-routing").is_none(), "null removes the chart's default");
}

#[test]
fn every_generated_key_is_a_key_of_the_chart() {
    let (Some(helm), Some(charts)) = (helm(), charts()) else { return };
    for version in VERSIONS {
        let known = shown(&helm, &archive(&charts, version));
        for phase in [Phase::Migration, Phase::Final] {
            for (detected, features) in shapes() {
                let wanted = Intent { features, ..intent(version) };
                let generated = generate(phase, &detected, &wanted, &[]).unwrap().tree;
                let overlay = Overlay::file("generated", &generated.to_string()).unwrap();
                check_keys(version, &known, &[overlay]).unwrap();
            }
        }
        let wrong = Overlay::set("hubble.rely.enabled=true,operator.unmanagedPodWatchers.restart=true");
        let message = check_keys(version, &known, &[wrong]).unwrap_err().message;
        for nearest in ["hubble.relay.enabled", "operator.unmanagedPodWatcher.restart"] {
            assert!(message.contains(&format!("the nearest is {nearest}")), "{version}: {message}");
        }
    }
}

#[test]
fn rendered_objects_differ_where_the_phases_do_and_certificates_do_not_count() {
    let (Some(helm), Some(charts)) = (helm(), charts()) else { return };
    for version in VERSIONS {
        let text = |phase| {
            let values = generate(phase, &flannel(), &intent(version), &[]).unwrap().tree;
            rendered(&helm, &archive(&charts, version), &values)
        };
        let found = manifests(("migration", "final"), &text(Phase::Migration), &text(Phase::Final)).unwrap();
        let objects: Vec<_> = found.iter().map(|found| found.object.as_str()).collect();
        assert!(objects.contains(&"ConfigMap kube-system/cilium-config"), "{version}: {objects:?}");
        assert!(!objects.iter().any(|object| object.starts_with("Secret ")), "{version}: {objects:?}");
        let all: String = found.into_iter().map(|found| found.diff).collect();
        assert!(all.contains("-  enable-policy: never\n+  enable-policy: default\n"), "{version}: {all}");
    }
}

/// The `values.yaml` of a chart.
fn shown(helm: &Path, chart: &Path) -> Value {
    let output = Command::new(helm).args(["show", "values"]).arg(chart).output().unwrap();
    assert!(output.status.success());
    yaml::read(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

fn check(version: &str, phase: Phase, values: &Value, config: &Value) {
    let dialect = Target::of(version).unwrap().dialect;
    let expected = expected_agent_config(values).into_iter().chain(expected_operator_config(values, dialect));
    for (key, value) in expected {
        let found = config.get(key).and_then(Value::as_str);
        assert_eq!(found, Some(value.as_str()), "{version} {phase:?}: {key}");
    }
    let writes = config.get("write-cni-conf-when-ready").is_some();
    assert_eq!(writes, phase == Phase::Final, "only the final phase writes CNI files without a label");
    let taints = config.get("set-cilium-node-taints").is_some();
    assert_eq!(taints, phase == Phase::Final, "{version}");
    if phase == Phase::Migration {
        let early = ["enable-ipsec", "enable-wireguard"].map(|key| config.get(key));
        assert_eq!(early, [None, None], "{version}: encryption begins with the final values");
    }
}

/// `data` of the `cilium-config` that helm renders.
fn config(helm: &Path, chart: &Path, values: &Value) -> Value {
    let text = rendered(helm, chart, values);
    let mut documents = text.split("\n---\n");
    let is_config = |text: &&str| text.contains("kind: ConfigMap") && text.contains("name: cilium-config\n");
    yaml::read(documents.find(is_config).unwrap()).unwrap()["data"].clone()
}

/// Texts that YAML 1.1 or Go's templates could take for something else, and any other.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            "no",
            "Yes",
            "on",
            "~",
            "null",
            "012",
            "0x1F",
            "1_000",
            "1e3",
            "12:30:45",
            "2001-12-14",
            ".nan",
            "-",
            "a: b",
            "# c",
            "{{ x }}",
            "%y",
            "&a",
            "*a",
            "!t",
            "|",
            ">",
            "'",
            "\"",
            "\\",
            " a",
            "a ",
            "a\nb",
            "a\n",
            "\ta",
            "é",
            "\u{2028}",
            "=",
            "<<",
            "?",
            "@",
            "`",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,12}",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        texts().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        // The largest integers that every reader of JSON keeps.
        prop::sample::select(vec![json!(9_007_199_254_740_991_i64), json!(0.5), json!(-1.25e-3)]),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(texts(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

#[test]
fn values_come_back_from_helm_unchanged() {
    let Some(helm) = helm() else { return };
    let chart = tempfile::tempdir().unwrap();
    std::fs::create_dir(chart.path().join("templates")).unwrap();
    let description = "apiVersion: v2\nname: echo\nversion: 0.1.0\n";
    std::fs::write(chart.path().join("Chart.yaml"), description).unwrap();
    let echo = "kind: Echo\napiVersion: v1\nmetadata: {name: echo}\nhex: \"{{ .Values | toJson | printf \"%x\" }}\"\n";
    std::fs::write(chart.path().join("templates/echo.yaml"), echo).unwrap();
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    // Forty values in each call of helm.
    proptest!(config, |(list in prop::collection::vec(values(), 40))| {
        let given = json!({"values": list});
        for text in [yaml::json(&given), yaml::write(&given).unwrap()] {
            let output = template(&helm, chart.path(), &text);
            let stderr = String::from_utf8_lossy(&output.stderr);
            prop_assert!(output.status.success(), "{stderr}\n{text}");
            let document = yaml::read(&String::from_utf8(output.stdout).unwrap()).unwrap();
            let back: Value = serde_json::from_slice(&unhex(document["hex"].as_str().unwrap())).unwrap();
            prop_assert_eq!(&back, &given);
        }
    });
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
