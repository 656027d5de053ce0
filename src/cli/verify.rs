//! `verify`: proof of the present state.

use clap::Args as ClapArgs;
use serde_json::json;

use super::flags::{Output, OutputArgs, SafetyArgs, WishArgs};
use super::write::{Stage, stage};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::exit::Outcome;
use crate::model::Snapshot;
use crate::report;
use crate::verify::{Census, NodeFinding, Verdict, census, inspect};

/// Prove which network every pod is on, and that all paths answer
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: 0 everything is proven, 1 something is not as it should be, 3 it could not be found out

Examples:
  # State and probes
  kubectl cni-migrate verify --yes=prod-eu

  # Only look, start no probe pods
  kubectl cni-migrate verify --no-probes"
)]
pub struct Args {
    /// Start no probe pods; paths are then not proven
    #[arg(long)]
    no_probes: bool,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    safety: SafetyArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let mut scene = stage(ctx, &args.wish, None).await?;
    scene.read_agents().await;
    let networks = scene.source_networks();
    let census = census(scene.snapshot.pods.iter(), &scene.snapshot, &networks);
    let nodes = inspect(&scene.snapshot);
    let verdict = if args.no_probes || args.safety.is_dry() {
        None
    } else {
        Some(probe(ctx, &scene, &args.safety).await?)
    };
    let proven = census.unknown.is_empty()
        && census.waiting == 0
        && nodes.iter().all(|n| n.problems.is_empty())
        && verdict.as_ref().is_none_or(Verdict::passed);
    match args.safety.output.output {
        Output::Table => {
            ctx.ui.data(&text(&scene.snapshot, &census, &nodes, verdict.as_ref(), ctx.ui.columns()));
        }
        Output::Json => ctx.ui.data(&report::json_text(&machine(&census, &nodes, verdict.as_ref())?)),
        Output::Yaml => ctx.ui.data(&report::yaml_text(&machine(&census, &nodes, verdict.as_ref())?)?),
    }
    Ok(if proven { Outcome::Done } else { Outcome::No })
}

/// Probes every node, and removes the probe pods whatever came of it.
async fn probe(ctx: &Ctx, scene: &Stage, safety: &SafetyArgs) -> Result<Verdict> {
    let mut all = Verdict::default();
    // The report of this verb is the verification's, not the probes'.
    let quiet = SafetyArgs { output: OutputArgs { output: Output::Table }, ..safety.clone() };
    let about = "probe pods are started in namespace cni-migrate-probe and removed again";
    scene
        .write(ctx, &quiet, safety.options(), about, async |engine| {
            let prober = engine.prober();
            let result = async {
                for node in &scene.snapshot.nodes {
                    let verdict = prober.prove(&node.name, &scene.snapshot).await?;
                    all.merge(verdict);
                }
                Ok(())
            }
            .await;
            prober.clean(true).await?;
            result
        })
        .await?;
    Ok(all)
}

fn text(
    snapshot: &Snapshot,
    census: &Census,
    nodes: &[NodeFinding],
    verdict: Option<&Verdict>,
    columns: Option<usize>,
) -> String {
    let rows: Vec<_> = nodes
        .iter()
        .map(|n| {
            let problems = if n.problems.is_empty() { "-".to_owned() } else { n.problems.join("; ") };
            vec![n.node.clone(), n.side.to_owned(), n.first_file.clone(), problems]
        })
        .collect();
    let mut text = report::table_within(columns, &["NODE", "CNI", "FIRST FILE", "PROBLEMS"], &rows);
    text.push('\n');
    for (node, note) in nodes.iter().flat_map(|n| n.notes.iter().map(|note| (&n.node, note))) {
        text.push_str(&format!("note      {node}: {note}\n"));
    }
    for (pod, why) in &census.unknown {
        text.push_str(&format!("unknown   {pod}: {why}\n"));
    }
    for path in verdict.iter().flat_map(|v| v.failures()) {
        text.push_str(&format!(
            "failed    {}: {}/{} answered, {}\n",
            path.id, path.ok, path.sent, path.error
        ));
    }
    text.push_str(&format!(
        "pods      {} on cilium, {} on the source CNI, {} without address, {} unknown, of {} on the pod network\n",
        census.cilium,
        census.source,
        census.waiting,
        census.unknown.len(),
        census.total()
    ));
    let paths = verdict.map_or("not probed".to_owned(), Verdict::summary);
    text.push_str(&format!("paths     {paths} (resolution 100 ms)\nnodes     {}\n", snapshot.nodes.len()));
    text
}

fn machine(census: &Census, nodes: &[NodeFinding], verdict: Option<&Verdict>) -> Result<serde_json::Value> {
    let unknown: Vec<_> =
        census.unknown.iter().map(|(pod, why)| json!({"pod": pod.to_string(), "why": why})).collect();
    let content = json!({
        "pods": {"cilium": census.cilium, "source": census.source, "waiting": census.waiting, "unknown": unknown},
        "nodes": nodes,
        "paths": verdict.map(|v| &v.paths),
    });
    report::object("VerifyReport", &content)
}
