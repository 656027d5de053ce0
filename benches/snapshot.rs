//! How long a snapshot of a large cluster takes, and how much memory and how many bytes: 5,000 nodes and 150,000 pods are
//! read page by page through the real client, pruned and packed; then the file is read again.
//!
//! `cargo bench --bench snapshot`; `cargo bench --bench snapshot -- 500` for another size. The cluster is a process of
//! its own that invents each page; its time is told and not counted. Seconds are of processor time, so what else the
//! machine does is not in them. Ends with 1 where packing or reading 5,000 nodes takes longer, or packing more memory,
//! than promised.
#![allow(clippy::disallowed_methods, reason = "starts itself once more as the cluster, and tells figures")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod large;

use std::process::ExitCode;
use std::time::Instant;

use cni_migrate::snapshot::read;

use large::{Answer, Server, memory, processor};

/// Nodes where no other number is asked for; the promises are about so many.
const NODES: usize = 5_000;
/// The promise for writing, and for reading, in seconds.
const SECONDS: f64 = 10.0;
/// The promise for the peak while writing, in MiB.
const PEAK: u64 = 200;

#[tokio::main(worker_threads = 2)]
async fn main() -> Answer<ExitCode> {
    if let Some(code) = large::serve_if_asked() {
        return Ok(code);
    }
    let nodes = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(NODES);
    let mut bytes = Vec::new();
    let (writing, peak) = write(nodes, &mut bytes).await?;
    let reading = read_again(&bytes)?;
    if nodes != NODES {
        return Ok(ExitCode::SUCCESS);
    }
    let is_kept = writing <= SECONDS && reading <= SECONDS && peak <= PEAK;
    println!(
        "promised for {NODES} nodes: {SECONDS} s each, {PEAK} MiB while writing: {}",
        if is_kept { "kept" } else { "broken" }
    );
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes the snapshot; gives seconds and the peak in MiB.
async fn write(nodes: usize, bytes: &mut Vec<u8>) -> Answer<(f64, u64)> {
    let server = Server::start(nodes)?;
    let (start, before) = (Instant::now(), processor("self")?);
    let taken = server.snapshot(bytes).await?;
    let (whole, own) = (start.elapsed().as_secs_f64(), processor("self")? - before);
    let peak = memory("self", "VmHWM:")? / 1024;
    println!(
        "write  {own:>6.1} s of this process, {:.1} s of the cluster's, {whole:.1} s by the clock; {} MiB of JSON",
        server.processor()?,
        taken.sent >> 20
    );
    println!(
        "       {} objects, {} bytes, {} a pod; peak {peak} MiB",
        taken.objects,
        bytes.len(),
        bytes.len() as u64 / taken.pods.max(1)
    );
    Ok((own, peak))
}

/// Reads the file and drops each object at once; gives seconds.
fn read_again(bytes: &[u8]) -> Answer<f64> {
    let (start, before) = (Instant::now(), processor("self")?);
    let resident = memory("self", "VmRSS:")? / 1024;
    let (_, objects) = read("large", bytes)?;
    let mut count = 0;
    for object in objects {
        count += 1;
        drop(object?);
    }
    let more = (memory("self", "VmRSS:")? / 1024).saturating_sub(resident);
    let (whole, own) = (start.elapsed().as_secs_f64(), processor("self")? - before);
    println!("read   {own:>6.1} s, {whole:.1} s by the clock; {count} objects; {more} MiB more than before");
    Ok(own)
}
