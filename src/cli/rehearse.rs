//! `rehearse`: the whole migration on an embedded cluster, before anything real is touched.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use super::flags::{ChartArgs, ExcludeArgs, FromArgs, NodeArgs, SafetyArgs, WishArgs};
use super::plan;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::journal::Journal;
use crate::kube::pause;
use crate::model::Release;
use crate::plan::Plan;
use crate::rehearse::{Forecast, Script, Write, forecast, markdown, play_all, text};
use crate::report;
use crate::sim::{
    Builder, FaultKind, NAMED_FAULTS, NamedFault, Objects, SAMPLES, Sample, Sim, SimError, Timings,
};
use crate::snapshot::Answer;
use crate::ui::Ui;

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

  # Of your own cluster, from a snapshot of it
  kubectl cni-migrate snapshot -o before.snapshot.gz
  kubectl cni-migrate rehearse --from before.snapshot.gz --seeds 1

  # How far off was it?
  kubectl cni-migrate rehearse --from before.snapshot.gz --seeds 1 --compare

  # For the team's wiki
  kubectl cni-migrate rehearse -o markdown > rehearsal.md")]
pub struct Args {
    #[command(flatten)]
    from: FromArgs,
    /// A cluster that comes with the program; "list" names them
    #[arg(long, value_name = "NAME", default_value = SAMPLES[0].name, conflicts_with = "from", long_help = samples_help())]
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
    /// After the real migration: show beside the forecast how long each node really took
    #[arg(long, requires = "from")]
    compare: bool,
    /// Play nothing; let kubectl and helm look at the cluster at this address, in real time
    #[arg(long, value_name = "ADDRESS:PORT")]
    serve: Option<SocketAddr>,
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

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    if args.sample == LIST || args.fault.iter().any(|fault| fault == LIST) {
        ctx.ui.data(&if args.sample == LIST { samples() } else { known_faults() });
        return Ok(Outcome::Done);
    }
    let cluster = cluster(&args)?;
    if let Some(address) = args.serve {
        return serve(ctx, cluster, args.seed, address).await;
    }
    let turns = if args.compare { turns(ctx, &args).await? } else { BTreeMap::new() };
    let ui = ctx.ui.clone();
    // A thread of its own: signals are heard meanwhile.
    let played = tokio::task::spawn_blocking(move || play(&ui, &args, &cluster, &turns));
    tokio::select! {
        played = played => {
            let broken = |_| Err(Error::failed("a rehearsal broke down: this is a fault of the tool"));
            played.unwrap_or_else(broken)
        }
        () = asked_to_stop(ctx) => Err(Error::interrupted("stopped on request; a rehearsal leaves nothing behind")),
    }
}

/// Ends with the first signal: there is no step whose end would have to be waited for.
async fn asked_to_stop(ctx: &Ctx) {
    while !ctx.cancel.is_set() {
        pause(Duration::from_millis(200)).await;
    }
}

fn play(ui: &Ui, args: &Args, cluster: &Cluster, turns: &BTreeMap<String, f64>) -> Result<Outcome> {
    let faults = faults(&args.fault, &cluster.recorded().objects)?;
    let script = Script {
        name: &cluster.name,
        cluster: &|seed| cluster.build(seed),
        faults: &faults,
        until: args.until.as_deref(),
        ui,
        keeps_writes: args.output == Format::Json,
    };
    let seeds: Vec<u64> = (0..u64::from(args.seeds)).map(|n| args.seed.wrapping_add(n)).collect();
    let planned = Mutex::new(None);
    let story = async |ctx: &Ctx| story(ctx, args, &cluster.name, &planned).await;
    let plays = play_all(&script, &seeds, &story)?;
    let planned = planned.into_inner().unwrap_or_default();
    let writes = plays.first().map(|play| play.writes.as_slice()).unwrap_or_default();
    tell(ui, args, &forecast(&script, &plays).beside(turns), planned.as_ref(), writes)?;
    let Some(bad) = plays.iter().find(|play| !play.went_well()) else { return Ok(Outcome::Done) };
    ui.hint(&format!("play it again: {}", again(args, bad.seed)));
    Ok(Outcome::No)
}

/// How long the nodes of the real cluster took, from its journal.
async fn turns(ctx: &Ctx, args: &Args) -> Result<BTreeMap<String, f64>> {
    let release = &args.wish.release;
    let session = ctx.session(&release.release, &release.cilium_namespace).await?;
    let record = Journal::read(&session.reader, &session.observer.cluster().uid).await?;
    let record = record.ok_or_else(|| {
        Error::no("--compare: no migration was begun in this cluster")
            .hint("begin one: kubectl cni-migrate run")
    })?;
    Ok(record.turns())
}

/// Keeps a cluster at a port, in real time, until the first signal.
async fn serve(ctx: &Ctx, cluster: Cluster, seed: u64, address: SocketAddr) -> Result<Outcome> {
    let refused = |e: SimError| Error::failed(format!("--serve {address}: {e}"));
    // Who looks at it lives in the present.
    let cluster = Cluster { epoch: Timestamp::now(), ..cluster };
    // It ends with its last handle.
    let sim = cluster.build(seed).map_err(refused)?;
    let door = sim.serve_at(&cluster.name, address).await.map_err(refused)?;
    ctx.ui.data(&format!("export KUBECONFIG={}", door.kubeconfig().display()));
    ctx.ui.status(&format!(
        "cluster {} is at {} until Ctrl-C; it is in memory only",
        cluster.name,
        door.url()
    ));
    asked_to_stop(ctx).await;
    Ok(Outcome::Done)
}

/// The cluster that is played on.
struct Cluster {
    name: String,
    recorded: Mutex<Recorded>,
    epoch: Timestamp,
    version: Option<String>,
    release: Option<Release>,
}

/// The objects of a cluster.
struct Recorded {
    objects: Objects,
    /// How many plays are still to be built: the last one takes the objects and copies none.
    plays: u16,
}

impl Cluster {
    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn build(&self, seed: u64) -> std::result::Result<Sim, SimError> {
        let mut all = self.recorded();
        all.plays = all.plays.saturating_sub(1);
        let objects = if all.plays == 0 { std::mem::take(&mut all.objects) } else { all.objects.clone() };
        drop(all);
        let builder = Builder::from_objects(objects).timings(Timings::real()).seed(seed).epoch(self.epoch);
        let builder = builder.release(self.release.clone());
        match &self.version {
            Some(version) => builder.version(version).build(),
            None => builder.build(),
        }
    }
}

fn cluster(args: &Args) -> Result<Cluster> {
    let recorded = |objects| Mutex::new(Recorded { objects, plays: args.seeds });
    let Some((header, objects)) = args.from.read()? else {
        let sample = sample(&args.sample)?;
        let objects = (sample.build)().map_err(|e| Error::failed(format!("sample {}: {e}", sample.name)))?;
        let name = format!("sample-{}", sample.name);
        return Ok(Cluster { name, recorded: recorded(objects), epoch: EPOCH, version: None, release: None });
    };
    let version = Some(header.server_version);
    let release = match header.release {
        Answer::Is(release) => release,
        Answer::Failed(_) => None,
    };
    let (name, recorded) = (header.cluster, recorded(objects));
    Ok(Cluster { name, recorded, epoch: header.taken_at, version, release })
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

fn tell(ui: &Ui, args: &Args, forecast: &Forecast, planned: Option<&Plan>, writes: &[Write]) -> Result<()> {
    match args.output {
        Format::Table => {
            let planned =
                planned.map(|plan| format!("{}\n", plan::table(plan, ui.columns()))).unwrap_or_default();
            ui.data(&format!("{planned}{}", text(forecast)));
        }
        Format::Markdown => ui.data(&markdown(forecast)),
        Format::Json => {
            let content = json!({"plan": planned, "forecast": forecast, "writes": writes});
            ui.data(&report::json_text(&report::object("Rehearsal", &content)?));
        }
    }
    Ok(())
}

/// Names alone, one a line: what scripts loop over.
fn samples() -> String {
    SAMPLES.iter().map(|sample| format!("{}\n", sample.name)).collect()
}

fn samples_help() -> String {
    let line = |sample: &Sample| format!("\n- {}: {}", sample.name, sample.title);
    let lines: String = SAMPLES.iter().map(line).collect();
    format!("A cluster that comes with the program; \"list\" prints the names:{lines}")
}

fn known_faults() -> String {
    let row = |fault: &FaultKind| vec![format!("{}={}", fault.name, fault.argument), fault.title.to_owned()];
    report::table(&["FAULT", "WHAT GOES WRONG"], &NAMED_FAULTS.iter().map(row).collect::<Vec<_>>())
}

fn faults(given: &[String], objects: &Objects) -> Result<Vec<NamedFault>> {
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
    let from = args.from.again();
    let place = if from.is_empty() { format!(" --sample {}", args.sample) } else { from };
    format!("kubectl cni-migrate rehearse{place} --seed {seed} --seeds 1{faults}{until}")
}
