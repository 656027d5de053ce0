//! `finalize`: the final values.

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use super::flags::{ChartArgs, Output, SafetyArgs, WishArgs};
use super::node::refuse_before_install;
use super::write::{Stage, stage};
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
    let scene = stage(ctx, &args.wish, None).await?;
    refuse_before_install(&scene)?;
    scene.check_chart(ctx, &args.wish, &args.chart).await?;
    let installation = scene.installation(Phase::Final, &args.wish, &args.chart)?;
    if args.safety.is_dry() && args.safety.output.output == Output::Table {
        ctx.ui.data(&changes(&scene, &installation.job.values, ctx.ui.columns()));
    }
    let about = "cilium gets its final values; agents restart one by one";
    let done = scene
        .write(ctx, &args.safety, args.safety.options(), about, async |engine| {
            engine.finalize(&installation).await
        })
        .await?;
    if !args.safety.is_dry() {
        ctx.ui.hint("next: kubectl cni-migrate cleanup-flannel");
    }
    Ok(done)
}

/// What the running release and the final values differ in.
fn changes(scene: &Stage, wanted: &Value, columns: Option<usize>) -> String {
    let none = json!({});
    let running = match &scene.snapshot.release {
        Read::Known(Some(release)) => &release.values,
        _ => &none,
    };
    let show = |value: &Option<Value>| value.as_ref().map_or("-".into(), ToString::to_string);
    let rows: Vec<_> = diff(running, wanted)
        .iter()
        .map(|c| vec![c.key.clone(), show(&c.from), show(&c.to), c.effect.to_owned()])
        .collect();
    report::table_within(columns, &["KEY", "RUNNING", "FINAL", "EFFECT"], &rows)
}
