//! `status`: where the migration stands.

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::json;

use super::flags::{FromArgs, Output, OutputArgs, WishArgs};
use super::look::{Scene, scene_from};
use crate::ctx::Ctx;
use crate::drain::{Budgets, Eviction};
use crate::error::Result;
use crate::exit::Outcome;
use crate::model::{Node, NodeId};
use crate::plan::Step;
use crate::report;
use crate::verify::census;

/// Show where the migration stands
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  kubectl cni-migrate status

  # For machines
  kubectl cni-migrate status -o json")]
pub struct Args {
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    node: String,
    phase: String,
    cni: String,
    on_cilium: usize,
    pods: usize,
    since: Option<String>,
    next: String,
}

/// A line about the cluster and one about the migration.
pub(super) async fn brief(ctx: &Ctx, args: &Args) -> Result<String> {
    let scene = scene_from(ctx, &args.from, &args.wish, None).await?;
    let (rows, cluster) = (rows(&scene), &scene.snapshot.cluster);
    let migrated = rows.iter().filter(|r| r.phase == "Migrated").count();
    Ok(format!(
        "cluster {} {} · {migrated}/{} migrated · reversible: {}\n{}\n",
        cluster.name,
        cluster.version,
        report::count(rows.len(), "node"),
        reversible(&scene),
        next(&scene, &rows)
    ))
}

fn rows(scene: &Scene) -> Vec<Row> {
    scene.snapshot.nodes.iter().zip(0..).map(|(node, id)| row(scene, node, NodeId(id))).collect()
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene_from(ctx, &args.from, &args.wish, None).await?;
    let rows = rows(&scene);
    let managed: usize = rows.iter().map(|r| r.on_cilium).sum();
    let total: usize = rows.iter().map(|r| r.pods).sum();
    let (reversible, next) = (reversible(&scene), next(&scene, &rows));
    let say = |text: &str| ctx.ui.data(&ctx.ui.named(text));
    if args.output.output == Output::Table {
        let cells: Vec<_> = rows
            .iter()
            .map(|r| {
                let since = r.since.clone().unwrap_or_else(|| "-".into());
                let pods = format!("{}/{}", r.on_cilium, r.pods);
                vec![r.node.clone(), r.phase.clone(), r.cni.clone(), pods, since, r.next.clone()]
            })
            .collect();
        say(&report::table(&["NODE", "PHASE", "CNI", "PODS ON CILIUM", "SINCE", "NEXT"], &cells));
        say(&format!(
            "{managed}/{} managed by cilium · reversible: {reversible} · {next}",
            report::count(total, "pod")
        ));
        return Ok(Outcome::Done);
    }
    let content = json!({
        "nodes": rows, "podsOnCilium": managed, "pods": total, "reversible": reversible, "next": next,
        "steps": scene.record.as_ref().map(|r| &r.steps),
    });
    let object = report::object("Status", &content)?;
    match args.output.output {
        Output::Yaml => say(&report::yaml_text(&object)?),
        _ => say(&report::json_text(&object)),
    }
    Ok(Outcome::Done)
}

fn row(scene: &Scene, node: &Node, id: NodeId) -> Row {
    let census = census(scene.snapshot.pods_on(id), &scene.snapshot, &scene.source_networks());
    let source = scene.record.as_ref().map(|r| r.inventory.source.clone());
    let source = source.or_else(|| scene.detection.one().map(|(s, _)| s.id().to_owned()));
    let phase = node.phase().unwrap_or("Pending").to_owned();
    Row {
        node: node.name.to_string(),
        cni: if node.is_labelled() { "cilium".into() } else { source.unwrap_or_else(|| "unknown".into()) },
        on_cilium: census.cilium,
        pods: census.total(),
        since: since(scene, &node.name),
        next: waits_for(scene, id, &phase),
        phase,
    }
}

/// When the newest step of the node was written down.
fn since(scene: &Scene, node: &str) -> Option<String> {
    let prefix = format!("node/{node}/");
    let steps = scene.record.iter().flat_map(|r| &r.steps);
    let newest = steps.filter(|(id, _)| id.starts_with(&prefix)).map(|(_, step)| step.at.as_str()).max()?;
    let at: jiff::Timestamp = newest.parse().ok()?;
    let seconds = scene.now.duration_since(at).as_secs();
    Some(match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        _ => format!("{}h", seconds / 3600),
    })
}

fn waits_for(scene: &Scene, id: NodeId, phase: &str) -> String {
    match phase {
        "Migrated" | "Pending" => "-".into(),
        "Draining" => {
            let budgets = Budgets::new(&scene.snapshot.budgets);
            let waiting = scene.snapshot.pods_on(id).filter(|p| !p.is_daemon()).find_map(|pod| match budgets
                .eviction(pod)
            {
                Eviction::Allowed => None,
                blocked => Some(blocked.to_string()),
            });
            waiting.unwrap_or_else(|| "pods are terminating".into())
        }
        _ => "kubectl cni-migrate run --resume".into(),
    }
}

fn reversible(scene: &Scene) -> &'static str {
    let begun = |step: Step| scene.record.as_ref().is_some_and(|r| r.progress(&step.id()).is_some());
    if scene.record.is_none() {
        "nothing was begun"
    } else if begun(Step::Cleanup) {
        "no, the source CNI is removed; its objects are kept in ConfigMap kube-system/cni-migrate-journal"
    } else if begun(Step::Finalize) {
        "no, the final values are in place"
    } else {
        "yes, without a reboot: kubectl cni-migrate rollback NODE"
    }
}

fn next(scene: &Scene, rows: &[Row]) -> &'static str {
    let done = |step: Step| scene.record.as_ref().is_some_and(|r| r.is_done(&step.id()));
    if scene.record.is_none() {
        "next: kubectl cni-migrate preflight"
    } else if !done(Step::Install) {
        "next: kubectl cni-migrate install"
    } else if done(Step::Cleanup) {
        "the migration is finished"
    } else if done(Step::Finalize) {
        "next: kubectl cni-migrate cleanup-flannel"
    } else if rows.iter().all(|r| r.phase == "Migrated") {
        "next: kubectl cni-migrate finalize"
    } else {
        "resume: kubectl cni-migrate run --resume"
    }
}
