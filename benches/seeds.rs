//! How many seeds of the sample `busy` are played in a second, and that none of 1,000 breaks a safety rule.
//!
//! `cargo bench --bench seeds`; `cargo bench --bench seeds -- 100` for fewer. Ends with 1 where a play does not end well,
//! a rule is broken, or memory grows with the number of seeds.
#![allow(clippy::disallowed_methods, reason = "starts the tool")]
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod large;

use std::process::ExitCode;

use large::{Answer, Cost, tool};
use serde_json::Value;

/// Seeds where no number is asked for.
const SEEDS: u64 = 1_000;
/// By how many MiB the peak may grow from a tenth of the seeds to all: what a play leaves is a few figures.
const MORE: u64 = 64;

fn main() -> Answer<ExitCode> {
    let seeds = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(SEEDS);
    let (few, many) = (play((seeds / 10).max(1))?, play(seeds)?);
    let is_flat = many.peak <= few.peak + MORE;
    println!("memory: {} MiB for a tenth of the seeds, {} MiB for all", few.peak, many.peak);
    Ok(if is_flat { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn play(seeds: u64) -> Answer<Cost> {
    let count = seeds.to_string();
    let (output, cost) = tool(&["rehearse", "--sample", "busy", "--seeds", &count, "-o", "json"])?;
    let forecast: Value = serde_json::from_str(&output)?;
    let went_well = forecast.pointer("/forecast/wentWell").and_then(Value::as_u64);
    println!(
        "busy: {seeds} seeds in {:.1} s, {:.1} a second, {} went well; peak {} MiB",
        cost.seconds,
        f64::from(u32::try_from(seeds)?) / cost.seconds,
        went_well.unwrap_or_default(),
        cost.peak
    );
    if went_well != Some(seeds) {
        return Err(format!("not all went well: {}", forecast["forecast"]["failures"]).into());
    }
    Ok(cost)
}
