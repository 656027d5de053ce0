//! `install`: Cilium beside the source CNI.

use clap::Args as ClapArgs;

use super::flags::{ChartArgs, SafetyArgs, WishArgs};
use super::preflight::findings;
use super::write::{Scene, scene};
use crate::check::Level;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::report::{self, count};
use crate::values::Phase;

/// Install Cilium beside the source CNI and prove that nothing moved
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # Install the default version
  kubectl cni-migrate install --yes=prod-eu

  # From an archive, with values of your own
  kubectl cni-migrate install --chart ./cilium-1.19.6.tgz -f values.yaml --yes=prod-eu

  # Only show what would be installed
  kubectl cni-migrate install --dry-run")]
pub struct Args {
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene(ctx, &args.wish, None).await?;
    refuse_blockers(&scene).await?;
    let installation = scene.installation(Phase::Migration, &args.wish, &args.chart)?;
    if args.safety.dry_run {
        return dry_run(ctx, &scene, &installation).await;
    }
    let about = format!(
        "cilium {} is installed beside the source CNI; no pod is touched",
        scene.intent.cilium_version
    );
    let done = scene
        .write(ctx, &args.safety, args.safety.options(), &about, async |engine| {
            engine.install(&installation).await
        })
        .await?;
    ctx.ui.hint("next: kubectl cni-migrate node NAME, or: kubectl cni-migrate run");
    Ok(done)
}

/// helm's own server-side dry run shows that the API server would take the chart's objects.
async fn dry_run(ctx: &Ctx, scene: &Scene, what: &crate::act::Installation<'_>) -> Result<Outcome> {
    let job = crate::helm::Job { dry_run: true, ..what.job.clone() };
    match scene.snapshot.release.known() {
        Some(Some(_)) => what.helm.upgrade(&job).await?,
        _ => what.helm.install(&job).await?,
    }
    let node_config = what
        .node_config
        .manifest(scene.snapshot.cilium.node_config_version.as_deref().unwrap_or("cilium.io/v2"));
    let name = format!("{}/{}", job.namespace, job.release);
    ctx.ui.status(&format!("would install chart {} as release {name}", job.version));
    ctx.ui.data(&report::yaml_text(&job.values)?);
    ctx.ui.status("would apply (dry run):");
    ctx.ui.data(&format!("---\n{}", report::yaml_text(&node_config)?));
    Ok(Outcome::Done)
}

/// A migration does not begin over a blocker; one that was begun goes on to its end.
pub(super) async fn refuse_blockers(scene: &Scene) -> Result<()> {
    if scene.record.is_some() {
        return Ok(());
    }
    let findings = findings(scene).await;
    let blockers: Vec<_> = findings.iter().filter(|f| f.result == Level::Blocker).collect();
    if blockers.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        blockers.iter().map(|f| format!("{} {}: {}", f.id, f.subject, f.message)).collect();
    let found = count(blockers.len(), "blocker");
    Err(Error::no(format!("preflight found {found}:\n  {}", lines.join("\n  ")))
        .hint("see all: kubectl cni-migrate preflight"))
}
