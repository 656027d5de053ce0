//! `completion`: a script for the shell.

use clap::Args as ClapArgs;
use clap_complete::Shell;

use crate::ctx::Ctx;
use crate::exit::Outcome;
use crate::ui::PROGRAM;

/// Print a shell completion script
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # For this shell
  source <(kubectl cni-migrate completion bash)")]
pub struct Args {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(ctx: &Ctx, args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(PROGRAM), "kubectl-cni_migrate", &mut script);
    ctx.ui.data(&String::from_utf8_lossy(&script));
    Outcome::Done
}
