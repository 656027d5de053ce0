//! What this binary does inside the cluster: probe servers and clients, the reboot helper, the file sweeper.
//!
//! These run in pods that the verbs create; results go into the container's termination message, which reaches
//! the API server even where the pod network is broken.

mod dns;
mod probe;
mod reboot;
mod serve;
mod spec;
mod sweep;

use std::path::PathBuf;

use crate::error::Result;
use crate::exit::Outcome;

pub use spec::{PORT, PathResult, Results, Spec, Target, TargetKind};

/// What to do in a pod.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Answers connections with the node's name until told to stop
    Serve {
        /// What to answer
        #[arg(long)]
        name: String,
    },
    /// Opens connections as the specification says and writes the result as termination message
    Probe {
        /// Specification as JSON
        #[arg(long)]
        spec: String,
        /// Where the result goes
        #[arg(long, default_value = "/dev/termination-log")]
        result: PathBuf,
    },
    /// Reboots the node, from a pod with hostPID
    Reboot {
        /// Boot id of the node at the time of the request; another one means that it was rebooted already
        #[arg(long)]
        boot_id: String,
    },
    /// Removes files under the node folders that are mounted
    Sweep {
        /// Files and folders; a trailing `*` matches the rest of a file name
        #[arg(long = "path", required = true)]
        paths: Vec<PathBuf>,
        /// Only list them
        #[arg(long)]
        list: bool,
        /// Where the list of what was removed (or found) goes
        #[arg(long, default_value = "/dev/termination-log")]
        result: PathBuf,
    },
}

/// Runs a command of the in-pod mode.
pub async fn run(command: Command) -> Result<Outcome> {
    match command {
        Command::Serve { name } => serve::run(&name).await?,
        Command::Probe { spec, result } => probe::run(&spec, &result).await?,
        Command::Reboot { boot_id } => reboot::run(&boot_id)?,
        Command::Sweep { paths, list, result } => sweep::run(&paths, list, &result)?,
    }
    Ok(Outcome::Done)
}
