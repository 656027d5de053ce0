//! `run`: the whole migration, with the code of the single verbs.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::flags::{ChartArgs, ExcludeArgs, NodeArgs, SafetyArgs, WishArgs};
use super::install::refuse_blockers;
use super::write::{Stage, stage};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::plan::{Plan, Step};
use crate::report::count;
use crate::values::Phase;

/// Do the whole migration, from where it stands to its end
#[derive(Clone, Debug, ClapArgs)]
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
    /// Execute this plan, as printed by plan -o yaml; refused if the cluster is not the one it was made for
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    plan: Option<PathBuf>,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    exclude: ExcludeArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

impl Args {
    /// The same flags where a rehearsal has them.
    pub(super) fn rehearsed(
        wish: WishArgs,
        chart: ChartArgs,
        exclude: ExcludeArgs,
        nodes: NodeArgs,
        safety: SafetyArgs,
    ) -> Self {
        Self { resume: false, plan: None, wish, chart, exclude, nodes, safety }
    }
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let made = args.plan.as_deref().map(super::plan::read).transpose()?;
    let reboot = args.nodes.reboot.or(made.as_ref().map(|plan| plan.intent.reboot));
    let mut scene = stage(ctx, &args.wish, reboot).await?;
    if args.resume && scene.record.is_none() {
        return Err(Error::usage("--resume: no migration was begun in this cluster")
            .hint("begin one: kubectl cni-migrate run"));
    }
    scene.check_chart(ctx, &args.wish, &args.chart).await?;
    refuse_blockers(&scene, &args.chart, &args.exclude).await?;
    let steps = steps(&scene, made)?;
    let mut options = args.nodes.options(&args.safety)?;
    options.reboot = scene.intent.reboot;
    let about = format!(
        "moves {} to cilium {}, one after the other; then the source CNI is removed",
        count(scene.snapshot.nodes.len(), "node"),
        scene.intent.cilium_version
    );
    let to_install = steps.contains(&Step::Install.id());
    let prepared =
        if to_install { Some(scene.prepare(Phase::Migration, &args.wish, &args.chart)?) } else { None };
    scene.forget_pods();
    let installation = prepared.map(|prepared| scene.with_helm(prepared)).transpose()?;
    scene
        .write(ctx, &args.safety, options, &about, async |engine| {
            for id in &steps {
                match (id.strip_prefix("node/"), id.as_str(), &installation) {
                    (Some(node), ..) => engine.migrate_node(node).await?,
                    (None, "install", Some(installation)) => engine.install(installation).await?,
                    // What the end does is known once every node is migrated.
                    _ if engine.is_dry() => engine.would(id),
                    (None, "finalize", _) => {
                        let mut now = stage(ctx, &args.wish, reboot).await?;
                        let prepared = now.prepare(Phase::Final, &args.wish, &args.chart)?;
                        now.forget_pods();
                        engine.finalize(&now.with_helm(prepared)?).await?;
                    }
                    _ => engine.cleanup().await?,
                }
            }
            Ok(())
        })
        .await
}

/// Ids of the steps that are left, in the order of the plan that was made, or of the present one.
fn steps(scene: &Stage, made: Option<Plan>) -> Result<Vec<String>> {
    let now = scene.plan()?;
    let ids = |plan: &Plan| plan.steps.iter().map(|step| step.id.clone()).collect::<Vec<_>>();
    let left = ids(&now);
    let Some(made) = made else { return Ok(left) };
    made.fits(&now, &scene.snapshot)?;
    Ok(ids(&made).into_iter().filter(|id| left.contains(id)).collect())
}
