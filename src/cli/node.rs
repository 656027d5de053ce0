//! `node`: some nodes, or all.

use clap::Args as ClapArgs;

use super::flags::{NodeArgs, SafetyArgs, WishArgs};
use super::write::{Stage, stage};
use crate::ctx::Ctx;
use crate::drain::parse_selector;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::plan::{Step, nodes_in_order};
use crate::report::count;

/// Migrate nodes: cordon, drain, switch, restart, verify, uncordon
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # One node
  kubectl cni-migrate node worker-1 --yes=prod-eu

  # A group of nodes, one after the other, each with a reboot
  kubectl cni-migrate node -l pool=blue --reboot pod --yes=prod-eu

  # What would be done?
  kubectl cni-migrate node --all --dry-run

  # Would the API server take it: rights, budgets, admission?
  kubectl cni-migrate node worker-1 --dry-run=server")]
pub struct Args {
    /// Nodes, in the order in which they are migrated
    #[arg(value_name = "NAME", required_unless_present_any = ["selector", "all"])]
    names: Vec<String>,
    /// Nodes with these labels
    #[arg(long, short = 'l', value_name = "SELECTOR", conflicts_with_all = ["names", "all"])]
    selector: Option<String>,
    /// Every node that is not migrated yet
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = stage(ctx, &args.wish, args.nodes.reboot).await?;
    let names = chosen(&scene, &args)?;
    refuse_before_install(&scene)?;
    let mut options = args.nodes.options(&args.safety)?;
    options.reboot = scene.intent.reboot;
    let about = format!("migrates {}, one after the other: {}", count(names.len(), "node"), names.join(", "));
    scene
        .write(ctx, &args.safety, options, &about, async |engine| {
            for name in &names {
                engine.migrate_node(name).await?;
            }
            if engine.is_dry() { Ok(()) } else { engine.prober().clean(false).await }
        })
        .await
}

fn chosen(scene: &Stage, args: &Args) -> Result<Vec<String>> {
    let listed = "nodes are listed by: kubectl get nodes";
    if args.all {
        return Ok(nodes_in_order(&scene.snapshot, scene.access()));
    }
    if let Some(text) = &args.selector {
        let selector = parse_selector(text).map_err(|e| Error::usage(format!("-l \"{text}\": {e}")))?;
        let matches = |name: &String| {
            scene.snapshot.node_named(name).is_some_and(|(_, node)| selector.matches(&node.labels))
        };
        let names: Vec<String> =
            nodes_in_order(&scene.snapshot, scene.access()).into_iter().filter(matches).collect();
        if names.is_empty() {
            return Err(
                Error::usage(format!("no node that is left to migrate matches -l \"{text}\"")).hint(listed)
            );
        }
        return Ok(names);
    }
    for name in &args.names {
        if scene.snapshot.node_named(name).is_none() {
            return Err(Error::usage(format!("node {name} does not exist")).hint(listed));
        }
    }
    Ok(args.names.clone())
}

/// A node can only switch to what is installed.
pub(super) fn refuse_before_install(scene: &Stage) -> Result<()> {
    let installed = scene.record.as_ref().is_some_and(|r| r.is_done(&Step::Install.id()));
    if installed {
        return Ok(());
    }
    Err(Error::no("Cilium is not installed for a migration yet").hint("first: kubectl cni-migrate install"))
}
