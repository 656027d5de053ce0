//! A real helm against a real API server: what the tool reads of a release, and what an upgrade leaves.
//!
//! Wants an empty cluster's kubeconfig in `CNI_MIGRATE_TEST_KUBECONFIG`, a folder with `cilium-VERSION.tgz` in
//! `CILIUM_CHARTS`, and helm (`HELM_BIN`, else in `PATH`). No pod has to run.
#![allow(clippy::disallowed_methods, reason = "tests start programs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cni_migrate::error::Kind;
use cni_migrate::helm::{Chart, DEFAULT_REPOSITORY, Helm, Installer, Job, Options};
use serde_json::{Value, json};

const NAMESPACE: &str = "kube-system";
const RELEASE: &str = "cilium";

#[tokio::test]
async fn installs_upgrades_and_reads_back() {
    let variables = ["CNI_MIGRATE_TEST_KUBECONFIG", "CILIUM_CHARTS"].map(std::env::var_os);
    let [Some(kubeconfig), Some(charts)] = variables else {
        // Not a print macro: the test harness would hide it, and a skipped test must not look like a passed one.
        std::io::stderr()
            .write_all(b"SKIPPED: give CNI_MIGRATE_TEST_KUBECONFIG and CILIUM_CHARTS\n")
            .unwrap();
        return;
    };
    let bin = std::env::var_os("HELM_BIN").map(PathBuf::from);
    let options = Options { bin: bin.clone(), kubeconfig: Some(kubeconfig.clone().into()) };
    let helm = Helm::locate(&options).await.unwrap();
    let installer = Installer::new(helm.clone());
    let charts = PathBuf::from(charts);
    let job = |version: &str, values: Value| Job {
        release: RELEASE.to_owned(),
        namespace: NAMESPACE.to_owned(),
        chart: Chart::parse(
            charts.join(format!("cilium-{version}.tgz")).to_str().unwrap(),
            DEFAULT_REPOSITORY,
        ),
        version: version.to_owned(),
        values,
        dry_run: false,
        timeout: Duration::from_secs(120),
    };
    let first = json!({"tunnelPort": 8473, "kubeProxyReplacement": "false", "cluster": {"name": "007"}});
    assert_eq!(helm.release(RELEASE, NAMESPACE).await.unwrap(), None);

    installer.install(&Job { dry_run: true, ..job("1.19.6", first.clone()) }).await.unwrap();
    assert_eq!(helm.release(RELEASE, NAMESPACE).await.unwrap(), None, "a dry run leaves nothing");

    installer.install(&job("1.19.6", first.clone())).await.unwrap();
    let release = helm.release(RELEASE, NAMESPACE).await.unwrap().unwrap();
    assert_eq!(
        (release.revision, release.status.as_str(), release.chart.as_str()),
        (1, "deployed", "cilium-1.19.6")
    );
    assert_eq!(release.values, first);

    let second = json!({"tunnelPort": 8473, "cni": {"customConf": null}});
    installer.upgrade(&job("1.20.0", second.clone())).await.unwrap();
    let release = helm.release(RELEASE, NAMESPACE).await.unwrap().unwrap();
    assert_eq!((release.revision, release.chart.as_str()), (2, "cilium-1.20.0"));
    assert_eq!(release.values, second, "values of the first revision do not count, a null is kept");

    let error =
        installer.upgrade(&job("1.20.0", json!({"kubeProxyReplacement": "maybe"}))).await.unwrap_err();
    assert_eq!(error.kind, Kind::Helm);
    assert!(error.message.contains("kubeProxyReplacement must be explicitly set"), "{}", error.message);
    assert_eq!(helm.release(RELEASE, NAMESPACE).await.unwrap().unwrap().revision, 2);

    let again = installer.install(&job("1.20.0", json!({}))).await.unwrap_err();
    assert!(again.message.contains("a name that is still in use"), "{}", again.message);

    let uninstall = Command::new(bin.unwrap_or_else(|| "helm".into()))
        .args(["uninstall", RELEASE, "--namespace", NAMESPACE])
        .env("KUBECONFIG", kubeconfig)
        .status();
    assert!(uninstall.unwrap().success());
}
