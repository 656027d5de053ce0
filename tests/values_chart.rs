//! The real charts take the generated values, and make of them the `cilium-config` that the tool expects.
//!
//! Wants a folder with `cilium-VERSION.tgz` in `CILIUM_CHARTS` and helm (`HELM_BIN`, else in `PATH`).
#![allow(clippy::disallowed_methods, reason = "tests start programs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use cni_migrate::model::{Intent, OverlayPort, RebootMode};
use cni_migrate::target::{Distribution, expected_agent_config, expected_operator_config};
use cni_migrate::values::{Detected, Overlay, Phase, generate};
use cni_migrate::yaml;
use serde_json::Value;

const VERSIONS: [&str; 2] = ["1.19.6", "1.20.0"];

#[test]
fn the_charts_make_the_expected_configuration() {
    let Some((helm, charts)) = tools() else { return };
    for version in VERSIONS {
        for phase in [Phase::Migration, Phase::Final] {
            for (host_ports, distribution) in
                [(false, Distribution::Generic), (true, Distribution::K3s), (true, Distribution::Talos)]
            {
                let values =
                    generate(phase, &detected(host_ports, distribution), &intent(version), &[]).unwrap();
                let config = render(&helm, &charts, version, &values.tree);
                check(phase, &values.tree, &config);
                let shown = config.get("cni-chaining-mode").and_then(Value::as_str);
                assert_eq!(shown, host_ports.then_some("portmap"));
            }
        }
    }
}

#[test]
fn helm_merges_the_users_values_as_the_tool_does() {
    let Some((helm, charts)) = tools() else { return };
    let user = [
        Overlay::file("site.yaml", "hubble: {relay: {enabled: true}}\nMTU: 0400\n").unwrap(),
        Overlay::set(
            "devices={eth0,eth1},operator.unmanagedPodWatcher.intervalSeconds=30,bpf.hostLegacyRouting=null",
        ),
        Overlay::set_string("cluster.name=007"),
    ];
    let values =
        generate(Phase::Final, &detected(false, Distribution::Generic), &intent("1.20.0"), &user).unwrap();
    let config = render(&helm, &charts, "1.20.0", &values.tree);
    check(Phase::Final, &values.tree, &config);
    assert_eq!(config["devices"], "eth0 eth1");
    assert_eq!(config["mtu"], "256");
    assert_eq!(config["cluster-name"], "007");
    assert_eq!(config["unmanaged-pod-watcher-interval"], "30s");
    assert!(config.get("enable-host-legacy-routing").is_none(), "null removes the chart's default");
}

fn check(phase: Phase, values: &Value, config: &Value) {
    let expected = expected_agent_config(values).into_iter().chain(expected_operator_config(values));
    for (key, value) in expected {
        assert_eq!(config.get(key).and_then(Value::as_str), Some(value.as_str()), "{phase:?}: {key}");
    }
    let writes = config.get("write-cni-conf-when-ready").is_some();
    assert_eq!(writes, phase == Phase::Final, "only the final phase writes CNI files without a label");
    let taints = config.get("set-cilium-node-taints").is_some();
    assert_eq!(taints, phase == Phase::Final);
}

/// helm and the charts, or `None` with a word about what is missing.
fn tools() -> Option<(PathBuf, PathBuf)> {
    let helm = std::env::var_os("HELM_BIN").map_or_else(|| which::which("helm").ok(), |bin| Some(bin.into()));
    let charts = std::env::var_os("CILIUM_CHARTS").map(PathBuf::from);
    if helm.is_none() || charts.is_none() {
        // Not a print macro: the test harness would hide it, and a skipped test must not look like a passed one.
        let text = format!("SKIPPED: helm is {helm:?}, CILIUM_CHARTS is {charts:?}; give both\n");
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    helm.zip(charts)
}

/// `data` of the `cilium-config` that helm renders.
fn render(helm: &Path, charts: &Path, version: &str, values: &Value) -> Value {
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), values.to_string()).unwrap();
    let output = Command::new(helm)
        .args(["template", "cilium"])
        .arg(charts.join(format!("cilium-{version}.tgz")))
        .args(["--namespace", "kube-system", "--kube-version", "1.33.0", "--values"])
        .arg(file.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{version}: {stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split("\n---\n")
        .filter(|document| document.contains("kind: ConfigMap") && document.contains("name: cilium-config\n"))
        .map(|document| yaml::read(document).unwrap()["data"].clone())
        .next()
        .unwrap()
}

fn detected(host_ports: bool, distribution: Distribution) -> Detected {
    Detected {
        source: "flannel".to_owned(),
        backend: "vxlan".to_owned(),
        overlay_port: Some(8472),
        links: vec!["flannel+".to_owned()],
        networks: vec!["10.244.0.0/16".parse().unwrap()],
        mtu: Some(1400),
        host_ports,
        kube_proxy: true,
        cluster_name: "prod-eu".to_owned(),
        schedulable_nodes: 3,
        distribution,
    }
}

fn intent(version: &str) -> Intent {
    Intent {
        cilium_version: version.to_owned(),
        namespace: "kube-system".to_owned(),
        release: "cilium".to_owned(),
        pod_cidr: "10.245.0.0/16".parse().unwrap(),
        mask_size: 24,
        overlay: OverlayPort { protocol: "vxlan".to_owned(), port: 8473 },
        reboot: RebootMode::Never,
    }
}
