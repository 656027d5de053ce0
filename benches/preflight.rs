//! How much memory a preflight of a large cluster takes: 5,000 nodes and 150,000 pods are read page by page through the
//! real client, kept as a snapshot, and every check is run on them.
//!
//! `cargo bench --bench preflight`. The cluster is a process of its own that invents each page, so that the figures are
//! the tool's. Ends with 1 where the peak is above the promise.
#![allow(clippy::disallowed_methods, reason = "starts itself once more as the cluster, and tells figures")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod large;

use std::process::ExitCode;
use std::time::Instant;

use cni_migrate::check::{self, Facts, Level, Phase};
use cni_migrate::model::{Features, Intent, OverlayPort, Read, RebootMode, Snapshot};
use cni_migrate::observe::{Observer, Scope};
use cni_migrate::source::detect;
use serde_json::Value;

use large::{Answer, Server, memory};

/// The promise, in MiB.
const PROMISE: u64 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Answer<ExitCode> {
    if let Some(code) = large::serve_if_asked() {
        return Ok(code);
    }
    let server = Server::start(5_000)?;
    let connection = server.connect().await?;
    let observer = Observer::new(connection.reader.clone(), "large").await?;
    println!("before       {:>6} MiB resident", memory("self", "VmRSS:")? / 1024);
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
        memory("self", "VmRSS:")? / 1024,
    );
    let start = Instant::now();
    let findings = findings(&snapshot)?;
    let blockers = findings.iter().filter(|finding| finding.result == Level::Blocker).count();
    println!(
        "checks       {} findings, {blockers} blockers in {:.1} s",
        findings.len(),
        start.elapsed().as_secs_f64()
    );
    let peak = memory("self", "VmHWM:")? / 1024;
    println!("peak         {peak:>6} MiB resident, promised {PROMISE}");
    Ok(if peak <= PROMISE { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn findings(snapshot: &Snapshot) -> Answer<Vec<check::Finding>> {
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
