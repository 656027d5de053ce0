//! `rehearse`: the whole migration on an embedded cluster, before anything real is touched.

use std::sync::Mutex;

use clap::{Args as ClapArgs, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::flags::{ChartArgs, ExcludeArgs, NodeArgs, SafetyArgs, WishArgs};
use super::plan;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::plan::Plan;
use crate::rehearse::{Play, Script, forecast, markdown, play_all, text};
use crate::report;
use crate::sim::{FaultKind, NAMED_FAULTS, NamedFault, SAMPLES, Sample};

/// Shows what there is to choose from.
const LIST: &str = "list";
/// What the clock of a sample shows: nothing of the present may be in the output.
const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

/// Rehearse the whole migration on a cluster in memory, and forecast what the real one does
///
/// Plays the same engine as run in virtual time, once for each seed. Nothing real is asked or written.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # What does a migration look like?
  kubectl cni-migrate rehearse

  # How does the second node fare?
  kubectl cni-migrate rehearse --seeds 1 --until worker-2

  # For the team's wiki
  kubectl cni-migrate rehearse -o markdown > rehearsal.md")]
pub struct Args {
    /// A cluster that comes with the program; \"list\" names them
    #[arg(long, value_name = "NAME", default_value = SAMPLES[0].name)]
    sample: String,
    /// The first seed; it decides all times and choices
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// How many seeds are played
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    seeds: u16,
    /// What goes wrong, such as node-stays-down=worker-2; may be repeated; "list" names all
    #[arg(long, value_name = "FAULT")]
    fault: Vec<String>,
    /// Stop after this step: a node, NODE/STEP such as n2/drain, finalize, or cleanup
    #[arg(long, value_name = "STEP")]
    until: Option<String>,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    exclude: ExcludeArgs,
    #[command(flatten)]
    nodes: NodeArgs,
    /// Output format
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Format,
}

/// Output format
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables for people
    #[default]
    Table,
    /// A page for a wiki
    Markdown,
    /// JSON
    Json,
}

pub(super) fn run(ctx: &Ctx, args: &Args) -> Result<Outcome> {
    if args.sample == LIST || args.fault.iter().any(|fault| fault == LIST) {
        ctx.ui.data(&if args.sample == LIST { samples() } else { known_faults() });
        return Ok(Outcome::Done);
    }
    let sample = sample(&args.sample)?;
    let name = format!("sample-{}", sample.name);
    let objects = (sample.build)().map_err(|e| Error::failed(format!("sample {}: {e}", sample.name)))?;
    let faults = faults(&args.fault, &objects)?;
    let script = Script {
        name: &name,
        objects: &objects,
        epoch: EPOCH,
        faults: &faults,
        until: args.until.as_deref(),
        ui: &ctx.ui,
    };
    let seeds: Vec<u64> = (0..u64::from(args.seeds)).map(|n| args.seed.wrapping_add(n)).collect();
    let planned = Mutex::new(None);
    let plays = play_all(&script, &seeds, &async |ctx: &Ctx| story(ctx, args, &name, &planned).await)?;
    let planned = planned.into_inner().unwrap_or_default();
    tell(ctx, args, &script, &plays, planned.as_ref())?;
    let Some(bad) = plays.iter().find(|play| !play.went_well()) else { return Ok(Outcome::Done) };
    ctx.ui.hint(&format!("play it again: {}", again(args, bad.seed)));
    Ok(Outcome::No)
}

/// What is played: the plan is made, then executed as `run` does.
async fn story(ctx: &Ctx, args: &Args, name: &str, planned: &Mutex<Option<Plan>>) -> Result<Outcome> {
    let plan = plan::of(ctx, &args.wish, args.nodes.reboot).await?;
    if let Ok(mut planned) = planned.lock() {
        planned.get_or_insert(plan);
    }
    let (wish, chart, exclude) = (args.wish.clone(), args.chart.clone(), args.exclude.clone());
    let safety = SafetyArgs::rehearsed(name);
    super::run::run(ctx, super::run::Args::rehearsed(wish, chart, exclude, args.nodes.clone(), safety)).await
}

fn tell(ctx: &Ctx, args: &Args, script: &Script<'_>, plays: &[Play], planned: Option<&Plan>) -> Result<()> {
    let forecast = forecast(script, plays);
    match args.output {
        Format::Table => {
            let planned =
                planned.map(|plan| format!("{}\n", plan::table(plan, ctx.ui.columns()))).unwrap_or_default();
            ctx.ui.data(&format!("{planned}{}", text(&forecast)));
        }
        Format::Markdown => ctx.ui.data(&markdown(&forecast)),
        Format::Json => {
            let content = json!({"plan": planned, "forecast": forecast});
            ctx.ui.data(&report::json_text(&report::object("Rehearsal", &content)?));
        }
    }
    Ok(())
}

fn samples() -> String {
    let rows: Vec<_> = SAMPLES.iter().map(|s| vec![s.name.to_owned(), s.title.to_owned()]).collect();
    report::table(&["SAMPLE", "WHAT IT IS"], &rows)
}

fn known_faults() -> String {
    let row = |fault: &FaultKind| vec![format!("{}={}", fault.name, fault.argument), fault.title.to_owned()];
    report::table(&["FAULT", "WHAT GOES WRONG"], &NAMED_FAULTS.iter().map(row).collect::<Vec<_>>())
}

fn faults(given: &[String], objects: &[Value]) -> Result<Vec<NamedFault>> {
    let parse = |text: &String| {
        NamedFault::parse(text, objects).map_err(|why| {
            Error::usage(format!("--fault: {why}"))
                .hint("what can go wrong: kubectl cni-migrate rehearse --fault list")
        })
    };
    given.iter().map(parse).collect()
}

fn sample(name: &str) -> Result<&'static Sample> {
    SAMPLES.iter().find(|sample| sample.name == name).ok_or_else(|| {
        let names: Vec<_> = SAMPLES.iter().map(|sample| sample.name).collect();
        Error::usage(format!("--sample {name}: there is no such sample; there are: {}", names.join(", ")))
            .hint("what they are: kubectl cni-migrate rehearse --sample list")
    })
}

/// The command that plays one seed alone.
fn again(args: &Args, seed: u64) -> String {
    let until = args.until.as_ref().map(|step| format!(" --until {step}")).unwrap_or_default();
    let faults: String = args.fault.iter().map(|fault| format!(" --fault {fault}")).collect();
    format!("kubectl cni-migrate rehearse --sample {} --seed {seed} --seeds 1{faults}{until}", args.sample)
}
