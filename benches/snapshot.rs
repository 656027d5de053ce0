//! How long a snapshot of a large cluster takes, and how much memory and how many bytes: 5,000 nodes and 150,000 pods are
//! read page by page through the real client, pruned and packed; then the file is read again.
//!
//! `cargo bench --bench snapshot`. The cluster is a process of its own that invents each page; its time is not counted.
//! Ends with 1 where packing or reading takes longer, or packing more memory, than promised.
#![allow(clippy::disallowed_methods, reason = "starts itself once more as the cluster, and tells figures")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod large;

use std::process::ExitCode;
use std::time::Instant;

use cni_migrate::snapshot::read;

use large::{Answer, Server, memory, processor};

/// The promise for writing, and for reading, in seconds.
const SECONDS: f64 = 10.0;
/// The promise for the peak while writing, in MiB.
const PEAK: u64 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Answer<ExitCode> {
    if let Some(code) = large::serve_if_asked() {
        return Ok(code);
    }
    let server = Server::start(5_000)?;
    let (start, before) = (Instant::now(), processor("self")?);
    let mut bytes = Vec::new();
    let taken = server.snapshot(&mut bytes).await?;
    let (whole, own) = (start.elapsed().as_secs_f64(), processor("self")? - before);
    let peak = memory("self", "VmHWM:")? / 1024;
    println!(
        "write  {own:>6.1} s of this process, {whole:.1} s with the cluster's; {} MiB of JSON",
        taken.sent >> 20
    );
    println!(
        "       {} objects, {} bytes, {} a pod; peak {peak} MiB",
        taken.objects,
        bytes.len(),
        bytes.len() as u64 / taken.pods.max(1)
    );
    let start = Instant::now();
    let (_, objects) = read("large", bytes.as_slice())?;
    let again = start.elapsed().as_secs_f64();
    println!(
        "read   {again:>6.1} s, {} objects; {} MiB resident",
        objects.len(),
        memory("self", "VmRSS:")? / 1024
    );
    let kept = own <= SECONDS && again <= SECONDS && peak <= PEAK;
    println!(
        "promised: {SECONDS} s each, {PEAK} MiB while writing: {}",
        if kept { "kept" } else { "broken" }
    );
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
