//! `rollback`: nodes back to the source CNI.

use clap::Args as ClapArgs;

use super::flags::{NodeArgs, SafetyArgs, WishArgs};
use super::write::stage;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::report::count;

/// Take nodes back to the source CNI
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # One node, without a reboot
  kubectl cni-migrate rollback worker-1 --yes=prod-eu")]
pub struct Args {
    /// Nodes
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = stage(ctx, &args.wish, None).await?;
    if scene.record.is_none() {
        return Err(Error::no("no migration was begun in this cluster: there is nothing to undo"));
    }
    let options = args.nodes.options(&args.safety)?;
    let about = format!(
        "takes {} back to the source CNI: {}",
        count(args.names.len(), "node"),
        args.names.join(", ")
    );
    scene
        .write(ctx, &args.safety, options, &about, async |engine| {
            for name in &args.names {
                engine.rollback_node(name).await?;
            }
            if engine.is_dry() { Ok(()) } else { engine.prober().clean(false).await }
        })
        .await
}
