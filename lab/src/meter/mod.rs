//! The lab's own traffic meter, which shares no code with the tool: pods that measure, and a judge of what they saw.
//!
//! The agent half (`agent`, `peers`, `pair`, `wire`, `dns`, `recorder`) runs in the cluster and writes down every loss.
//! The judge half (`watch`, `life`, `read`, `judge`, `coverage`) runs beside it and tells a loss that the restart of
//! one of the two pods explains from a real one.

mod agent;
mod coverage;
mod dns;
pub(crate) mod judge;
pub(crate) mod life;
mod pair;
mod peers;
pub(crate) mod read;
pub(crate) mod record;
mod recorder;
pub(crate) mod verdict;
pub(crate) mod watch;
mod wire;

use std::{path::Path, process::ExitCode};

use agent::AgentArgs;

use crate::error::{Context as _, Error};

/// Arguments of `lab meter`, which runs inside the pods of the meter and of the workloads.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, clap::Subcommand)]
enum Part {
    /// Measure and answer, as the meter's pods do.
    Agent(AgentArgs),
    /// Only answer, as the servers of the workloads do.
    Serve {
        /// What is answered: the name of the pod.
        #[arg(long, env = "POD_NAME")]
        name: String,
    },
}

/// Runs one part of the meter until it is told to end.
///
/// # Errors
/// When it cannot go on measuring or answering.
pub(crate) fn run(args: Args) -> Result<ExitCode, Error> {
    let here = Path::new(".");
    // One thread is enough, and the lab's machine has few.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().at("start a runtime in", here)?;
    runtime.block_on(async {
        match args.part {
            Part::Agent(args) => agent::run(args).await,
            Part::Serve { name } => agent::serve(name).await.at("answer in", here),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
