//! How much memory a preflight of a large cluster takes: 5,000 nodes and 150,000 pods are read page by page through the
//! real client, kept as a snapshot, and every check is run on them.
//!
//! `cargo run --release --example preflight_memory`. The cluster is a process of its own that invents each page, so that
//! the figures are the tool's. Ends with 1 where the peak is above the promise.
#![allow(clippy::disallowed_methods, reason = "starts itself once more as the cluster, and tells figures")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod cluster;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use cni_migrate::check::{self, Facts, Level, Phase};
use cni_migrate::kube::{Connection, Settings, connect};
use cni_migrate::model::{Features, Intent, OverlayPort, Read, RebootMode, Snapshot};
use cni_migrate::observe::{Observer, Scope};
use cni_migrate::source::detect;
use serde_json::{Value, json};

/// The promise, in MiB.
const PROMISE: u64 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("cluster") {
        return Ok(cluster::serve()?);
    }
    let mut child = Command::new(std::env::current_exe()?).arg("cluster").stdout(Stdio::piped()).spawn()?;
    let result = measure(&mut child).await;
    child.kill()?;
    child.wait()?;
    result
}

async fn measure(child: &mut Child) -> Result<ExitCode, Box<dyn Error>> {
    let mut address = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    let connection = to(address.trim()).await?;
    let observer = Observer::new(connection.reader.clone(), "large").await?;
    println!("before       {:>6} MiB resident", memory("VmRSS:")? / 1024);
    let start = Instant::now();
    let snapshot = observer.snapshot(&Scope::All).await?;
    let read = start.elapsed();
    let bytes: Value = connection.reader.must_get("/bytes").await?;
    println!(
        "read         {:>6} MiB of JSON in {:.1} s",
        bytes["bytes"].as_u64().unwrap_or(0) >> 20,
        read.as_secs_f64()
    );
    println!(
        "snapshot     {} nodes, {} pods, {} budgets, {} Services, {} NetworkPolicies; {} MiB resident",
        snapshot.nodes.len(),
        snapshot.pods.len(),
        snapshot.budgets.len(),
        snapshot.services.len(),
        snapshot.policies.len(),
        memory("VmRSS:")? / 1024,
    );
    let start = Instant::now();
    let findings = findings(&snapshot)?;
    let blockers = findings.iter().filter(|finding| finding.result == Level::Blocker).count();
    println!(
        "checks       {} findings, {blockers} blockers in {:.1} s",
        findings.len(),
        start.elapsed().as_secs_f64()
    );
    let peak = memory("VmHWM:")? / 1024;
    println!("peak         {peak:>6} MiB resident, promised {PROMISE}");
    Ok(if peak <= PROMISE { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn to(address: &str) -> Result<Connection, Box<dyn Error>> {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "large",
        "clusters": [{"name": "large", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "large", "user": {}}],
        "contexts": [{"name": "large", "context": {"cluster": "large", "user": "large"}}],
    });
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(kubeconfig.to_string().as_bytes())?;
    let settings = Settings { kubeconfig: Some(file.path().to_owned()), ..Settings::default() };
    Ok(connect(&settings).await?.0)
}

fn findings(snapshot: &Snapshot) -> Result<Vec<check::Finding>, Box<dyn Error>> {
    let intent = Intent {
        features: Features::default(),
        cilium_version: "1.19.6".to_owned(),
        namespace: "kube-system".to_owned(),
        release: "cilium".to_owned(),
        pod_cidr: "172.16.0.0/12".parse()?,
        mask_size: 25,
        overlay: OverlayPort { protocol: "vxlan".to_owned(), port: 8473 },
        reboot: RebootMode::Never,
    };
    let detection = detect(snapshot);
    let rights = Read::Unknown("not asked".to_owned());
    let helm = Read::Known(None);
    let chart = Read::Unknown("not asked".to_owned());
    let facts = Facts { snapshot, detection: &detection, intent: &intent, rights, helm, chart, ours: false };
    Ok(check::run(Phase::Preflight, &facts))
}

/// A figure of this process in KiB (proc(5), `/proc/pid/status`).
fn memory(what: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
