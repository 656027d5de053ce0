//! What tests of values share: a Flannel cluster, an intent, the charts, and helm where there is one.

// Every test file is a crate of its own and uses a part of this.
#![allow(dead_code, unreachable_pub, reason = "shared by test crates that each use a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start programs")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cni_migrate::model::{Features, Intent, OverlayPort, RebootMode};
use cni_migrate::target::Distribution;
use cni_migrate::values::Detected;
use serde_json::Value;

/// A release of every minor that the tool installs.
pub const VERSIONS: [&str; 5] = ["1.16.19", "1.17.18", "1.18.12", "1.19.6", "1.20.0"];

/// A cluster on Flannel with VXLAN.
pub fn flannel() -> Detected {
    Detected {
        source: "flannel".to_owned(),
        backend: "vxlan".to_owned(),
        overlay_port: Some(8472),
        links: vec!["flannel+".to_owned()],
        networks: vec!["10.244.0.0/16".parse().unwrap()],
        mtu: None,
        host_ports: false,
        kube_proxy: true,
        cluster_name: "prod-eu".to_owned(),
        schedulable_nodes: 3,
        distribution: Distribution::Generic,
        other_cnis: Vec::new(),
    }
}

/// The guide's range and port, and no features.
pub fn intent(version: &str) -> Intent {
    Intent {
        cilium_version: version.to_owned(),
        namespace: "kube-system".to_owned(),
        release: "cilium".to_owned(),
        pod_cidr: "10.245.0.0/16".parse().unwrap(),
        mask_size: 24,
        overlay: OverlayPort { protocol: "vxlan".to_owned(), port: 8473 },
        reboot: RebootMode::Never,
        features: Features::default(),
    }
}

/// helm by `CNI_MIGRATE_TEST_HELM`, else in `PATH`; without one a word about it.
pub fn helm() -> Option<PathBuf> {
    let given = std::env::var_os("CNI_MIGRATE_TEST_HELM").map(PathBuf::from);
    let found = given.or_else(|| which::which("helm").ok());
    if found.is_none() {
        skipped("no helm in PATH; CNI_MIGRATE_TEST_HELM names one");
    }
    found
}

/// The folder with `cilium-VERSION.tgz`: `CILIUM_CHARTS`, else `shared/charts` beside the repository.
pub fn charts() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/charts");
    let folder = std::env::var_os("CILIUM_CHARTS").map_or(beside, PathBuf::from);
    let there = folder.is_dir();
    if !there {
        skipped("no charts of Cilium; CILIUM_CHARTS names a folder of them");
    }
    there.then_some(folder)
}

/// Not by a print macro: the test harness would hide it, and a skipped test must not look like a passed one.
fn skipped(why: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

/// The archive of a version.
pub fn archive(charts: &Path, version: &str) -> PathBuf {
    charts.join(format!("cilium-{version}.tgz"))
}

/// `helm template` with a values file of that text.
pub fn template(helm: &Path, chart: &Path, values: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values).unwrap();
    let mut command = Command::new(helm);
    command.args(["template", "cilium"]).arg(chart);
    command.args(["--namespace", "kube-system", "--kube-version", "1.33.0", "--values"]).arg(file.path());
    command.output().unwrap()
}

/// What helm renders of a chart that takes the values.
pub fn rendered(helm: &Path, chart: &Path, values: &Value) -> String {
    let output = template(helm, chart, &values.to_string());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}\n{values:#}", chart.display());
    String::from_utf8(output.stdout).unwrap()
}
