//! `run`: the whole migration, with the code of the single verbs.

use clap::Args as ClapArgs;

use super::flags::{ChartArgs, NodeArgs, SafetyArgs, WishArgs};
use super::install::refuse_blockers;
use super::write::scene;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::plan::{Step, nodes_in_order};
use crate::report::count;
use crate::values::Phase;

/// Do the whole migration, from where it stands to its end
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # All of it
  kubectl cni-migrate run --yes=prod-eu

  # After an interruption
  kubectl cni-migrate run --resume --yes=prod-eu

  # The steps, in order
  kubectl cni-migrate run --dry-run")]
pub struct Args {
    /// Go on with a migration that was begun; an error where none was
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene(ctx, &args.wish, args.nodes.reboot).await?;
    if args.resume && scene.record.is_none() {
        return Err(Error::usage("--resume: no migration was begun in this cluster")
            .hint("begin one: kubectl cni-migrate run"));
    }
    scene.check_keys(ctx, &args.wish, &args.chart).await?;
    refuse_blockers(&scene).await?;
    let mut options = args.nodes.options(&args.safety)?;
    options.reboot = scene.intent.reboot;
    let about = format!(
        "moves {} to cilium {}, one after the other; then the source CNI is removed",
        count(scene.snapshot.nodes.len(), "node"),
        scene.intent.cilium_version
    );
    let done = |step: &Step| scene.record.as_ref().is_some_and(|r| r.is_done(&step.id()));
    let to_install = !done(&Step::Install);
    let to_finalize = !done(&Step::Finalize);
    let installation =
        if to_install { Some(scene.installation(Phase::Migration, &args.wish, &args.chart)?) } else { None };
    let to_clean = !done(&Step::Cleanup);
    scene
        .write(ctx, &args.safety, options, &about, async |engine| {
            if let Some(installation) = &installation {
                engine.install(installation).await?;
            }
            for name in nodes_in_order(&scene.snapshot) {
                engine.migrate_node(&name).await?;
            }
            if engine.is_dry() {
                // What the end would do is known once every node is migrated.
                for step in [Step::Finalize, Step::Cleanup].iter().filter(|step| !done(step)) {
                    engine.would(step.id());
                }
                return Ok(());
            }
            if to_finalize {
                let now = super::write::scene(ctx, &args.wish, args.nodes.reboot).await?;
                engine.finalize(&now.installation(Phase::Final, &args.wish, &args.chart)?).await?;
            }
            if to_clean {
                engine.cleanup().await?;
            }
            Ok(())
        })
        .await
}
