//! The helm subprocess, with a script in helm's place that keeps what it was called with.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests start programs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cni_migrate::error::Kind;
use cni_migrate::helm::{Chart, DEFAULT_REPOSITORY, Helm, Installer, Job, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a link to `helm_fake/helm` and the files that it answers out of.
struct Fake(TempDir);

impl Fake {
    fn new(version: &str) -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        fake.write("version", version);
        fake.write("list.json", "[]");
        fake.write("values.json", "null");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/helm_fake/helm");
        std::os::unix::fs::symlink(script, fake.path("helm")).unwrap();
        fake
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn lists(&self, name: &str, status: &str, revision: u32) {
        let entry = json!({
            "name": "cilium", "namespace": "kube-system", "revision": revision.to_string(),
            "status": status, "chart": "cilium-1.19.6",
        });
        self.write(name, &json!([entry]).to_string());
    }

    async fn locate(&self) -> Helm {
        let kubeconfig = Some(PathBuf::from("/kube/config"));
        Helm::locate(&Options { bin: Some(self.path("helm")), kubeconfig }).await.unwrap()
    }
}

fn job() -> Job {
    Job {
        release: "cilium".to_owned(),
        namespace: "kube-system".to_owned(),
        chart: Chart::parse("cilium/cilium", DEFAULT_REPOSITORY),
        version: "1.19.6".to_owned(),
        values: json!({"tunnelPort": 8473, "kubeProxyReplacement": "false"}),
        dry_run: false,
        timeout: Duration::from_secs(60),
    }
}

#[tokio::test]
async fn hands_over_values_in_a_private_file() {
    let fake = Fake::new("v4.1.4");
    let helm = fake.locate().await;
    Installer::new(helm).install(&job()).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&fake.read("given.json")).unwrap(), job().values);
    assert_eq!(fake.read("mode").trim(), "600");
    assert_eq!(fake.read("environment").trim(), "/kube/config::");
    let calls = fake.read("calls");
    let file = calls.split("--values ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(!Path::new(file).exists(), "{file} is left behind");
}

#[tokio::test]
async fn reads_a_release() {
    let fake = Fake::new("v3.17.2");
    let helm = fake.locate().await;
    assert_eq!(helm.release("cilium", "kube-system").await.unwrap(), None);
    fake.lists("list.json", "deployed", 2);
    fake.write("values.json", r#"{"tunnelPort":8473}"#);
    let release = helm.release("cilium", "kube-system").await.unwrap().unwrap();
    assert_eq!((release.revision, release.status.as_str()), (2, "deployed"));
    assert_eq!(release.values, json!({"tunnelPort": 8473}));
}

#[tokio::test]
async fn a_failure_says_helms_last_words_and_the_way_out() {
    let fake = Fake::new("v3.17.2");
    fake.write("fails", "Error: UPGRADE FAILED: timed out\n");
    fake.lists("list.json", "deployed", 2);
    fake.lists("after.json", "failed", 3);
    let error = Installer::new(fake.locate().await).upgrade(&job()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Helm);
    let expected =
        "helm failed at the upgrade of release kube-system/cilium: Error: UPGRADE FAILED: timed out";
    assert_eq!(error.message, expected);
    assert!(error.hints[0].contains("helm rollback cilium --namespace kube-system"), "{:?}", error.hints);
}

#[tokio::test]
async fn an_unfinished_release_is_left_alone() {
    let fake = Fake::new("v3.17.2");
    fake.lists("list.json", "pending-upgrade", 2);
    let error = Installer::new(fake.locate().await).upgrade(&job()).await.unwrap_err();
    assert!(error.message.contains("kube-system/cilium is pending-upgrade"), "{}", error.message);
    assert!(!fake.read("calls").lines().any(|call| call.starts_with("upgrade")));
}

#[tokio::test]
async fn a_change_runs_on_when_nobody_waits_for_it() {
    let fake = Fake::new("v3.17.2");
    let helm = Installer::new(fake.locate().await);
    let pipes = ["gate", "finished"].map(|name| fake.path(name));
    assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
    let [gate, finished] = pipes;
    // A pipe opens for writing once the script reads from it: then helm is at work.
    let at_work = tokio::task::spawn_blocking(move || File::create(gate).unwrap());
    let job = job();
    let mut gate = tokio::select! {
        _ = helm.upgrade(&job) => panic!("helm cannot have ended"),
        gate = at_work => gate.unwrap(),
    };
    gate.write_all(b"went on\n").unwrap();
    drop(gate);
    let last = tokio::task::spawn_blocking(|| std::fs::read_to_string(finished).unwrap()).await.unwrap();
    assert_eq!(last, "went on\n");
}

#[tokio::test]
async fn a_chart_of_another_version_is_refused() {
    let fake = Fake::new("v3.17.2");
    let other =
        Job { chart: Chart::parse("./cilium", DEFAULT_REPOSITORY), version: "1.20.0".to_owned(), ..job() };
    let error = Installer::new(fake.locate().await).install(&other).await.unwrap_err();
    assert_eq!(error.message, "chart ./cilium has version 1.19.6, expected 1.20.0");
    assert_eq!(error.kind, Kind::Usage);
}

#[tokio::test]
async fn says_where_it_looked_for_helm() {
    let options = Options { bin: Some("/no/such/helm".into()), kubeconfig: None };
    let error = Helm::locate(&options).await.unwrap_err();
    assert!(
        error.message.starts_with("no helm at /no/such/helm (--helm-bin or HELM_BIN)"),
        "{}",
        error.message
    );
    assert!(error.hints[0].contains("install helm 3.16 or newer"));
    let old = Fake::new("v3.15.4");
    let options = Options { bin: Some(old.path("helm")), kubeconfig: None };
    assert!(Helm::locate(&options).await.unwrap_err().message.contains("helm 3.15.4 is too old"));
}

#[tokio::test]
async fn a_chart_that_does_not_come_is_answered_within_the_deadline() {
    let fake = Fake::new("v3.17.2");
    let helm = fake.locate().await;
    assert_eq!(helm.chart_version(&job(), Duration::from_secs(60)).await.unwrap(), "1.19.6");
    let asked = "show chart cilium --repo https://helm.cilium.io --version 1.19.6";
    assert_eq!(fake.read("calls").lines().last(), Some(asked));
    assert!(Command::new("mkfifo").arg(fake.path("away")).status().unwrap().success());
    let error = helm.chart_version(&job(), Duration::ZERO).await.unwrap_err();
    assert!(error.message.contains("helm show gave no answer"), "{}", error.message);
}
