//! How long rehearsals of large clusters take, and how much memory, and how both grow: the real binary rehearses
//! snapshots of 500 and of 5,000 nodes with 30 pods each.
//!
//! `cargo bench --bench rehearse`; `cargo bench --bench rehearse -- 100 200` for other sizes. Ends with 1 where a
//! promise is broken.
#![allow(clippy::disallowed_methods, reason = "starts itself once more as the cluster, and the tool")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod large;

use std::path::Path;
use std::process::ExitCode;

use large::{Answer, Cost, PODS_PER_NODE, Server, tool};

/// Cilium's pool: its default has room for 256 nodes.
const POOL: &str = "172.24.0.0/13";
/// A block for 62 pods: the pool has 8,192 of them.
const MASK: &str = "26";
/// Sizes where none are asked for.
const SIZES: [usize; 2] = [500, 5_000];
/// The promise for 5,000 nodes, in seconds and MiB.
const PROMISED: (f64, u64) = (60.0, 1024);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Answer<ExitCode> {
    if let Some(code) = large::serve_if_asked() {
        return Ok(code);
    }
    let asked: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if asked.is_empty() { SIZES.to_vec() } else { asked };
    let cores = std::thread::available_parallelism()?;
    println!("on {cores} cores; promised for 5000 nodes: {} s, {} MiB", PROMISED.0, PROMISED.1);
    println!("{:>6} {:>8} {:>8} {:>8} {:>9}  FORECAST", "NODES", "PODS", "SECONDS", "MIB", "MS/NODE");
    let folder = tempfile::tempdir()?;
    let mut costs: Vec<(usize, Cost)> = Vec::new();
    for nodes in sizes {
        let file = folder.path().join(format!("{nodes}.snapshot.gz"));
        let server = Server::start(nodes)?;
        server.snapshot(&mut std::fs::File::create(&file)?).await?;
        drop(server);
        let (cost, ended) = rehearse(&file)?;
        println!(
            "{nodes:>6} {:>8} {:>8.1} {:>8} {:>9.2}  {ended}",
            nodes * PODS_PER_NODE,
            cost.seconds,
            cost.peak,
            cost.seconds * 1e3 / exact(nodes)
        );
        costs.push((nodes, cost));
    }
    Ok(if keeps_promises(&costs) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a rehearsal costs, and how it says that it ended.
fn rehearse(file: &Path) -> Answer<(Cost, String)> {
    let from = file.display().to_string();
    // A table, as JSON also holds every write; a pool with a block for each of 5,000 nodes.
    let (output, cost) = tool(&[
        "rehearse",
        "--from",
        &from,
        "--seeds",
        "1",
        "--target-pod-cidr",
        POOL,
        "--target-mask-size",
        MASK,
    ])?;
    let ended = output.lines().find(|line| line.contains("ended well"));
    let ended = ended.filter(|line| line.starts_with("1 of 1")).ok_or("the rehearsal did not end well")?;
    Ok((cost, ended.to_owned()))
}

/// Says how time and memory grew, and whether the promises hold.
fn keeps_promises(costs: &[(usize, Cost)]) -> bool {
    let mut are_kept = true;
    for pair in costs.windows(2) {
        let [(small, before), (large, after)] = pair else { continue };
        let (from, to) = (exact(*small), exact(*large));
        let (time, limit) = (after.seconds / before.seconds, to * to.ln() / (from * from.ln()));
        println!(
            "growth {small} -> {large}: time x{time:.1} (exponent {:.2}; n log n is x{limit:.1}), memory x{:.1}",
            time.ln() / (to / from).ln(),
            exact(usize::try_from(after.peak).unwrap_or(usize::MAX))
                / exact(usize::try_from(before.peak).unwrap_or(1)),
        );
        are_kept &= time <= limit;
    }
    for (_, cost) in costs.iter().filter(|(nodes, _)| *nodes == 5_000) {
        are_kept &= cost.seconds <= PROMISED.0 && cost.peak <= PROMISED.1;
    }
    println!("promises: {}", if are_kept { "kept" } else { "broken" });
    are_kept
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn exact(number: usize) -> f64 {
    number as f64
}
