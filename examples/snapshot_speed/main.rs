//! How long a snapshot of a large cluster takes, and how much memory and how many bytes: 5,000 nodes and 150,000 pods are
//! read page by page through the real client, pruned and packed; then the file is read again.
//!
//! `cargo run --release --example snapshot_speed`. The cluster is a process of its own that invents each page. Ends with
//! 1 where packing or reading takes longer, or packing more memory, than promised.
#![allow(clippy::disallowed_methods, reason = "starts itself once more as the cluster, and tells figures")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

#[path = "../preflight_memory/cluster.rs"]
mod cluster;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use cni_migrate::kube::{Settings, connect};
use cni_migrate::observe::{Observer, Wanted, record};
use cni_migrate::sim::replay;
use cni_migrate::snapshot::{read, write};
use serde_json::{Value, json};

/// The promise for writing, and for reading, in seconds.
const SECONDS: f64 = 10.0;
/// The promise for the peak while writing, in MiB.
const PEAK: u64 = 200;

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
    let reader = connect(&settings(address.trim())?).await?.0.reader;
    let observer = Observer::new(reader.clone(), "large").await?;
    let helm = Err(cni_migrate::error::Error::helm("none"));
    let wanted = Wanted {
        at: jiff::Timestamp::now(),
        tool: env!("CARGO_PKG_VERSION"),
        host: "127.0.0.1",
        helm: &helm,
        release: "cilium",
        namespace: "kube-system",
        nowhere: "cni-migrate-probe",
        anonymise: std::env::args().nth(1).as_deref() == Some("anonymise"),
    };
    let (start, before) = (Instant::now(), processor()?);
    let (header, body) = record(&observer, &wanted).await?;
    let mut bytes = Vec::new();
    write(&header, &body, &mut bytes)?;
    let (whole, own) = (start.elapsed().as_secs_f64(), processor()? - before);
    let sent: Value = reader.must_get("/bytes").await?;
    let peak = memory("VmHWM:")? / 1024;
    println!(
        "read    {} MiB of JSON in {whole:.1} s, {own:.1} s of them this process's own",
        sent["bytes"].as_u64().unwrap_or(0) >> 20
    );
    println!(
        "wrote   {} objects, {} bytes, {} a pod; peak {peak} MiB",
        body.objects(),
        bytes.len(),
        bytes.len() as u64 / body.pods().max(1)
    );
    drop(body);
    let start = Instant::now();
    let (header, objects) = read("large", bytes.as_slice())?;
    let again = start.elapsed().as_secs_f64();
    println!("file    read in {again:.1} s; {} MiB resident", memory("VmRSS:")? / 1024);
    let start = Instant::now();
    let cluster = replay(&header, objects)?;
    println!(
        "replay  made in {:.1} s; {} MiB resident",
        start.elapsed().as_secs_f64(),
        memory("VmRSS:")? / 1024
    );
    drop(cluster);
    let kept = own <= SECONDS && again <= SECONDS && peak <= PEAK;
    println!(
        "promised: {SECONDS} s each, {PEAK} MiB while writing: {}",
        if kept { "kept" } else { "broken" }
    );
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn settings(address: &str) -> Result<Settings, Box<dyn Error>> {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "large",
        "clusters": [{"name": "large", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "large", "user": {}}],
        "contexts": [{"name": "large", "context": {"cluster": "large", "user": "large"}}],
    });
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(kubeconfig.to_string().as_bytes())?;
    Ok(Settings { kubeconfig: Some(file.into_temp_path().keep()?), ..Settings::default() })
}

/// Seconds of processor time of this process (proc(5), `/proc/pid/stat`: utime and stime in hundredths).
fn processor() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
    Ok(f64::from(ticks) / 100.0)
}

/// A figure of this process in KiB (proc(5), `/proc/pid/status`).
fn memory(what: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
