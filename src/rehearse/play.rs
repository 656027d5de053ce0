//! One play: a cluster of its own on a paused clock, the story, and what was seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::gaps::{Gap, Pods};
use super::listener::Listener;
use super::writes::{Write, writes};
use crate::act::Cancel;
use crate::ctx::{Ctx, Place};
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::sim::{NamedFault, Sim, SimError, Violation};
use crate::ui::Ui;

/// How long the cluster may take to come to rest before the story begins; virtual time.
const REST: Duration = Duration::from_hours(1);

/// What is played.
pub struct Script<'a> {
    /// Name of the cluster.
    pub name: &'a str,
    /// Builds the cluster for a seed; called on a runtime with a paused clock.
    pub cluster: &'a (dyn Fn(u64) -> std::result::Result<Sim, SimError> + Sync),
    /// What goes wrong.
    pub faults: &'a [NamedFault],
    /// The step after which the story ends early.
    pub until: Option<&'a str>,
    /// Where progress is shown, of the first play only.
    pub ui: &'a Ui,
    /// Whether the first play keeps its writes.
    pub keeps_writes: bool,
}

/// What was seen of one play.
pub struct Play {
    /// What decided all times and choices.
    pub seed: u64,
    /// How long the story took, virtual time.
    pub took: Duration,
    /// How it ended.
    pub ended: Result<Outcome>,
    /// Whether it came to the step where it was to stop.
    reached: bool,
    /// How long each node's turn was, in their order.
    pub(super) turns: Vec<(String, Duration)>,
    /// How long was waited, by step and cause.
    pub(super) waits: BTreeMap<String, Duration>,
    /// Pods on the pod network that have a controller and are not of a DaemonSet: at the beginning, and created since.
    pub(super) pods: (usize, usize),
    /// Workloads without a ready pod, and for how long.
    pub(super) gaps: Vec<Gap>,
    /// Promises that were broken.
    pub(super) violations: Vec<Violation>,
    /// What the cluster has and the embedded one does not know.
    pub(super) not_modelled: Vec<String>,
    /// What the engine wrote, of a play that keeps it.
    pub writes: Vec<Write>,
}

impl Play {
    /// Whether it ended as it should: at its end, or at the step where it was to stop.
    pub fn went_well(&self) -> bool {
        self.violations.is_empty() && (self.reached || matches!(self.ended, Ok(Outcome::Done)))
    }
}

/// Plays once for each seed, on as many threads as there are processors.
///
/// # Errors
/// Where the cluster cannot be built, or does not come to rest.
pub fn play_all<S>(script: &Script<'_>, seeds: &[u64], story: &S) -> Result<Vec<Play>>
where
    S: AsyncFn(&Ctx) -> Result<Outcome> + Sync,
{
    let threads =
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(seeds.len().max(1));
    let share = |thread: usize| seeds.iter().enumerate().skip(thread).step_by(threads);
    let plays = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    share(thread)
                        .map(|(at, seed)| (at, play(script, *seed, at == 0, story)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut all = Vec::new();
    for worker in plays {
        all.extend(worker.map_err(|_| Error::failed("a rehearsal broke down: this is a fault of the tool"))?);
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, play)| play).collect()
}

fn play<S>(script: &Script<'_>, seed: u64, is_shown: bool, story: &S) -> Result<Play>
where
    S: AsyncFn(&Ctx) -> Result<Outcome> + Sync,
{
    let no_runtime = |e: std::io::Error| Error::failed(format!("no runtime: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(no_runtime)?;
    runtime.block_on(async {
        let sim = (script.cluster)(seed).map_err(|e| refused(&e))?;
        if !(script.keeps_writes && is_shown) {
            sim.stop_log();
        }
        sim.settled(REST).await.map_err(|e| refused(&e))?;
        // What went wrong before is the cluster's own affair; from here on it is the story's.
        script.faults.iter().for_each(|fault| sim.play(fault));
        Ok(tell(script, seed, is_shown, &sim, story).await)
    })
}

async fn tell<S>(script: &Script<'_>, seed: u64, is_shown: bool, sim: &Sim, story: &S) -> Play
where
    S: AsyncFn(&Ctx) -> Result<Outcome>,
{
    let cancel = Cancel::default();
    let ui = is_shown.then(|| script.ui.clone());
    let listener = Arc::new(Listener::new(ui, script.until, cancel.clone()));
    let ctx = Ctx {
        ui: Ui { muted: true, ..script.ui.clone() },
        place: Place::Embedded(sim.embedded(script.name)),
        cancel,
        who: "rehearsal".to_owned(),
        listener: Some(listener.clone()),
    };
    let mut pods = Pods::new(sim.pods().iter());
    let mut changes = sim.changes();
    let begun = Instant::now();
    let ended = {
        let story = story(&ctx);
        tokio::pin!(story);
        loop {
            tokio::select! {
                biased;
                Some(change) = changes.recv() => pods.see(change.at - begun, &change),
                ended = &mut story => break ended,
            }
        }
    };
    let took = begun.elapsed();
    while let Ok(change) = changes.try_recv() {
        pods.see(change.at - begun, &change);
    }
    let reached = listener.reached();
    let (turns, waits) = listener.figures();
    let (violations, not_modelled) = (sim.violations(), sim.not_modelled());
    let (pods, gaps) = (pods.counts(), pods.gaps(took));
    let writes = if script.keeps_writes && is_shown { writes(sim) } else { Vec::new() };
    Play { seed, took, ended, reached, turns, waits, pods, gaps, violations, not_modelled, writes }
}

fn refused(error: &SimError) -> Error {
    Error::failed(format!("this cluster cannot be rehearsed: {error}"))
}
