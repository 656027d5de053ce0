//! `cleanup-flannel`: nothing of the source CNI left.

use clap::Args as ClapArgs;

use super::flags::{SafetyArgs, WishArgs};
use super::write::stage;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;

/// Remove every trace of Flannel once no pod needs it
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # What would be deleted?
  kubectl cni-migrate cleanup-flannel --dry-run

  # Delete it; the objects are kept in the journal
  kubectl cni-migrate cleanup-flannel --yes=prod-eu")]
pub struct Args {
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = stage(ctx, &args.wish, None).await?;
    if scene.record.is_none() {
        return Err(Error::no(
            "there is no journal of a migration in this cluster: what belongs to Flannel was never noted",
        )
        .hint("see what is there: kubectl cni-migrate preflight"));
    }
    let about = "every trace of the source CNI is removed; this cannot be rolled back";
    scene.write(ctx, &args.safety, args.safety.options(), about, async |engine| engine.cleanup().await).await
}
