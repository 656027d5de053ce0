//! The command line: one file for each verb, shared groups of flags, and the dispatch. No logic lives here.

mod cleanup;
mod complete;
mod completion;
mod finalize;
mod flags;
mod global;
mod install;
mod look;
mod node;
mod overview;
mod plan;
mod preflight;
mod rbac;
mod rehearse;
mod rollback;
mod run;
mod snapshot;
mod status;
mod values;
mod values_diff;
mod verify;
mod write;

use clap::{CommandFactory, Parser, Subcommand};

use crate::agent;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::exit::Outcome;
use crate::ui::PROGRAM;

pub use global::{Environment, Global};

/// Move a live cluster from Flannel to Cilium, node by node, and prove it
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  # Where do I stand, and what comes next?
  kubectl cni-migrate

  # What stands in the way of a migration?
  kubectl cni-migrate preflight

  # Do all of it, node by node
  kubectl cni-migrate run --yes=prod-eu")]
pub struct Cli {
    #[command(flatten)]
    /// kubectl's global flags
    pub global: Global,
    /// What to do; nothing shows where one stands
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Detect the source CNI and look for everything that would stop a migration
    Preflight(preflight::Args),
    /// Print the Helm values of a phase, each with the reason for it
    Values(values::Args),
    /// Print the steps that run will take, with reasons, as a table, a runbook or data
    Plan(plan::Args),
    /// Show what differs between the running release, the migration's values and the final ones
    ValuesDiff(values_diff::Args),
    /// Install Cilium beside the source CNI and prove that nothing moved
    Install(install::Args),
    /// Migrate nodes: cordon, drain, switch, restart, verify, uncordon
    Node(node::Args),
    /// Prove which network every pod is on, and that all paths answer
    Verify(verify::Args),
    /// Show where the migration stands
    Status(status::Args),
    /// Give Cilium its final values once every node is migrated
    Finalize(finalize::Args),
    /// Remove every trace of Flannel once no pod needs it
    CleanupFlannel(cleanup::Args),
    /// Do the whole migration, from where it stands to its end
    Run(run::Args),
    /// Rehearse the whole migration on a cluster in memory, and forecast what the real one does
    Rehearse(rehearse::Args),
    /// Take nodes back to the source CNI
    Rollback(rollback::Args),
    /// Put everything that a plan depends on into a file, to look at it elsewhere
    Snapshot(snapshot::Args),
    /// Print the roles that verbs need, no wider than they have to be
    Rbac(rbac::Args),
    /// Print a shell completion script
    Completion(completion::Args),
    /// What may stand next on the command line, for kubectl and Helm
    #[command(name = "__complete", hide = true)]
    Complete(complete::Args),
    /// What this binary does inside the cluster
    #[command(subcommand, hide = true)]
    Agent(agent::Command),
}

/// The parser of a program that is called so; its examples are too.
pub fn command(program: &'static str) -> clap::Command {
    let examples = |command: clap::Command| {
        let help = command.get_after_help().map(|help| help.to_string().replace(PROGRAM, program));
        command.after_help(help.unwrap_or_default())
    };
    examples(Cli::command().name(program).bin_name(program)).mut_subcommands(examples)
}

/// Runs a verb.
///
/// # Errors
/// The verb's.
pub async fn run(ctx: &Ctx, verb: Option<Verb>) -> Result<Outcome> {
    let Some(verb) = verb else { return overview::run(ctx).await };
    match verb {
        Verb::Preflight(args) => preflight::run(ctx, args).await,
        Verb::Values(args) => values::run(ctx, args).await,
        Verb::Plan(args) => plan::run(ctx, args).await,
        Verb::ValuesDiff(args) => values_diff::run(ctx, args).await,
        Verb::Install(args) => install::run(ctx, args).await,
        Verb::Node(args) => node::run(ctx, args).await,
        Verb::Verify(args) => verify::run(ctx, args).await,
        Verb::Status(args) => status::run(ctx, args).await,
        Verb::Finalize(args) => finalize::run(ctx, args).await,
        Verb::CleanupFlannel(args) => cleanup::run(ctx, args).await,
        Verb::Run(args) => run::run(ctx, args).await,
        Verb::Rehearse(args) => rehearse::run(ctx, &args),
        Verb::Rollback(args) => rollback::run(ctx, args).await,
        Verb::Snapshot(args) => snapshot::run(ctx, args).await,
        Verb::Rbac(args) => rbac::run(ctx, args).await,
        Verb::Completion(args) => Ok(completion::run(ctx, &args)),
        Verb::Complete(args) => Ok(complete::run(ctx, args).await),
        Verb::Agent(command) => agent::run(command).await,
    }
}
