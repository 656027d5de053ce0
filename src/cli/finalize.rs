//! `finalize`: the final values.

use clap::Args as ClapArgs;

use super::flags::{ChartArgs, SafetyArgs, WishArgs};
use super::node::refuse_before_install;
use super::write::scene;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::exit::Outcome;
use crate::model::Read;
use crate::report;
use crate::values::{Phase, diff};

/// Give Cilium its final values once every node is migrated
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # What would change?
  kubectl cni-migrate finalize --dry-run

  # helm upgrade, agents one by one, operator, CiliumNodeConfig
  kubectl cni-migrate finalize --yes=prod-eu")]
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
    refuse_before_install(&scene)?;
    let installation = scene.installation(Phase::Final, &args.wish, &args.chart)?;
    if args.safety.dry_run {
        let none = serde_json::json!({});
        let running = match &scene.snapshot.release {
            Read::Known(Some(release)) => &release.values,
            _ => &none,
        };
        let show = |v: &Option<serde_json::Value>| v.as_ref().map_or("-".into(), ToString::to_string);
        let rows: Vec<_> = diff(running, &installation.job.values)
            .iter()
            .map(|c| vec![c.key.clone(), show(&c.from), show(&c.to), c.effect.to_owned()])
            .collect();
        ctx.ui.data(&report::table(&["KEY", "RUNNING", "FINAL", "EFFECT"], &rows));
        return Ok(Outcome::Done);
    }
    let about = "cilium gets its final values; agents restart one by one";
    let done = scene
        .write(ctx, &args.safety, args.safety.options(), about, async |engine| {
            engine.finalize(&installation).await
        })
        .await?;
    ctx.ui.hint("next: kubectl cni-migrate cleanup-flannel");
    Ok(done)
}
