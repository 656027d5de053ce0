//! `install`: Cilium beside the source CNI.

use clap::Args as ClapArgs;

use super::flags::{ChartArgs, ExcludeArgs, SafetyArgs, WishArgs};
use super::preflight::findings;
use super::write::{Stage, stage};
use crate::check::{Level, judge};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::report::count;
use crate::values::Phase;

/// Install Cilium beside the source CNI and prove that nothing moved
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # Install the default version
  kubectl cni-migrate install --yes=prod-eu

  # From an archive, with values of your own
  kubectl cni-migrate install --chart ./cilium-1.19.6.tgz -f values.yaml --yes=prod-eu

  # Would the API server take it?
  kubectl cni-migrate install --dry-run=server")]
pub struct Args {
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    exclude: ExcludeArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = stage(ctx, &args.wish, None).await?;
    scene.check_chart(ctx, &args.wish, &args.chart).await?;
    refuse_blockers(&scene, &args.chart, &args.exclude).await?;
    let installation = scene.installation(Phase::Migration, &args.wish, &args.chart)?;
    let about = format!(
        "cilium {} is installed beside the source CNI; no pod is touched",
        scene.intent.cilium_version
    );
    let done = scene
        .write(ctx, &args.safety, args.safety.options(), &about, async |engine| {
            engine.install(&installation).await
        })
        .await?;
    if args.safety.is_dry() {
        ctx.ui.hint("see the values: kubectl cni-migrate values migration");
    } else {
        ctx.ui.hint("next: kubectl cni-migrate node NAME, or: kubectl cni-migrate run");
    }
    Ok(done)
}

/// A migration does not begin over a blocker; one that was begun goes on to its end.
pub(super) async fn refuse_blockers(scene: &Stage, chart: &ChartArgs, exclude: &ExcludeArgs) -> Result<()> {
    let exclusions = exclude.read()?;
    if scene.record.is_some() {
        return Ok(());
    }
    let judged = judge(findings(scene, chart).await, &exclusions, ExcludeArgs::today());
    let blockers: Vec<_> =
        judged.iter().filter(|j| j.level() == Some(Level::Blocker)).map(|j| &j.finding).collect();
    if blockers.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        blockers.iter().map(|f| format!("{} {}: {}", f.id, f.subject, f.message)).collect();
    let found = count(blockers.len(), "blocker");
    Err(Error::no(format!("preflight found {found}:\n  {}", lines.join("\n  ")))
        .hint("see all: kubectl cni-migrate preflight"))
}
