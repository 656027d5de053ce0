//! Draining a node by Eviction: kubectl's filters, never past a disruption budget.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::engine::{Engine, THE_NODE};
use crate::drain::{self, Budgets, Eviction};
use crate::error::{Error, Result};
use crate::kube::{Refusal, Watch, explain, pause, refusal};
use crate::model::{Pod, Snapshot};
use crate::observe::Scope;
use crate::plan::Phase;
use crate::report::count;

const TICK: Duration = Duration::from_secs(1);

/// Evicts what may be evicted and waits until it is gone; `snapshot` is of the drain's scope, and just taken.
///
/// # Errors
/// A refusal, where a pod must not be evicted with the given flags: then nothing is evicted at all.
pub(super) async fn drain(engine: &Engine<'_>, node: &str, mut snapshot: Snapshot) -> Result<String> {
    let end = Instant::now() + engine.options.drain_timeout;
    let mut evictor = Evictor::new(engine);
    let mut watch = engine.observer.watch(&Scope::Pods(node.to_owned()));
    let total = wanted(engine, &snapshot)?.len();
    loop {
        let pods = wanted(engine, &snapshot)?;
        if pods.is_empty() {
            engine.set_phase(node, Phase::Drained).await?;
            return Ok(evictor.summary(total));
        }
        let turn = evictor.turn("drain", &pods).await?;
        let reason = turn.reason();
        if Instant::now() + TICK > end {
            return Err(Error::failed(format!(
                "drain of node {node}: {} left after {} s: {reason}",
                count(pods.len(), "pod"),
                engine.options.drain_timeout.as_secs()
            )));
        }
        turn.pause(&mut watch, TICK, end).await;
        look_again(engine, node, &turn, &mut snapshot).await?;
    }
}

/// Looks at the node's pods anew: where all were asked to go, only at which are left; at the DaemonSets as well only where
/// a pod must not go by those that are known.
async fn look_again(engine: &Engine<'_>, node: &str, turn: &Turn, snapshot: &mut Snapshot) -> Result<()> {
    let (observer, scope) = (&engine.observer, Scope::Pods(node.to_owned()));
    if matches!(turn, Turn::Pods(_)) && observer.drop_gone_pods(snapshot, &scope).await? {
        return Ok(());
    }
    observer.renew_pods(snapshot, &scope).await?;
    if wanted(engine, snapshot).is_err() {
        *snapshot = engine.look(Scope::Drain(node.to_owned()), false).await?;
    }
    Ok(())
}

/// The pods that are to go, those on their way included.
pub(super) fn wanted<'p>(engine: &Engine<'_>, snapshot: &'p Snapshot) -> Result<Vec<&'p Pod>> {
    let options = drain::Options { now: engine.writer.now(), ..engine.options.drain.clone() };
    let pods = snapshot.pods_on(THE_NODE).filter(|p| !p.is_probe());
    drain::select(pods, &snapshot.daemon_sets, &options).map_err(|refusals| {
        let text: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        Error::no(format!("drain of node {}: {}", snapshot.node(THE_NODE).name, text.join("; ")))
            .hint("the flags are kubectl drain's: --force, --delete-emptydir-data, --pod-selector")
    })
}

/// What is waited for after a turn.
pub(super) enum Turn {
    /// Only for the node's own pods.
    Pods(String),
    /// For something else, such as a budget.
    Waits(String),
}

impl Turn {
    /// In words.
    pub(super) fn reason(&self) -> &str {
        let (Self::Pods(reason) | Self::Waits(reason)) = self;
        reason
    }

    /// Pauses until the next look is worth it; `watch` is on the node's pods.
    pub(super) async fn pause(&self, watch: &mut Watch, tick: Duration, end: Instant) {
        match self {
            Self::Pods(_) => watch.pause(tick, end).await,
            Self::Waits(_) => pause(tick).await,
        }
    }
}

/// Evicts pods turn by turn; a pod is asked for once, a budget only when it allows it.
pub(super) struct Evictor<'e> {
    engine: &'e Engine<'e>,
    asked: BTreeSet<Box<str>>,
    waited_for: BTreeSet<String>,
}

impl<'e> Evictor<'e> {
    pub(super) fn new(engine: &'e Engine<'_>) -> Self {
        Self { engine, asked: BTreeSet::new(), waited_for: BTreeSet::new() }
    }

    /// Evicts those of the pods that may go now, and says what the others wait for.
    pub(super) async fn turn(&mut self, step: &str, pods: &[&Pod]) -> Result<Turn> {
        let left: Vec<&Pod> =
            pods.iter().copied().filter(|pod| !pod.deleting && !self.asked.contains(&pod.uid)).collect();
        let now = self.engine.cover.read(&self.engine.observer, &left).await;
        let (known, mut left_over) = (Budgets::new(&now), Budgets::new(&now));
        let mut reason = String::new();
        for pod in left {
            match left_over.eviction(pod) {
                Eviction::Allowed => {}
                never @ Eviction::Never(_) => {
                    return Err(Error::no(format!("pod {} {never}", pod.reference())));
                }
                Eviction::Waits(_) if known.eviction(pod) == Eviction::Allowed => {
                    reason = format!("{} has its turn when an evicted pod is replaced", pod.reference());
                    continue;
                }
                waits @ Eviction::Waits(_) => {
                    self.waits(step, &mut reason, waits.to_string());
                    continue;
                }
            }
            self.engine.may_go_on()?;
            match evict(self.engine, pod).await? {
                None => {
                    self.asked.insert(pod.uid.clone());
                    left_over.spend(pod);
                }
                Some(text) => {
                    self.engine.cover.forget(&pod.namespace);
                    self.waits(step, &mut reason, text);
                }
            }
        }
        if !reason.is_empty() {
            return Ok(Turn::Waits(reason));
        }
        let leaving = pods.iter().map(|p| p.reference().to_string()).next().unwrap_or_default();
        Ok(Turn::Pods(format!("{} terminating, one is {leaving}", count(pods.len(), "pod"))))
    }

    fn waits(&mut self, step: &str, reason: &mut String, text: String) {
        if reason.is_empty() {
            text.clone_into(reason);
        }
        if self.waited_for.insert(text.clone()) {
            self.engine.waits(step, text);
        }
    }

    fn summary(&self, total: usize) -> String {
        let waited = self.waited_for.iter().next().map(|text| format!("; {text}")).unwrap_or_default();
        format!("{total}/{}{}", count(total, "pod"), waited.replace("waits for", "waited for"))
    }
}

/// Evicts one pod; `Some` says why it has to wait.
pub(super) async fn evict(engine: &Engine<'_>, pod: &Pod) -> Result<Option<String>> {
    let result = engine.writer.evict(&pod.namespace, &pod.name, &pod.uid, engine.options.grace).await;
    let Err(e) = result else { return Ok(None) };
    match refusal(&e) {
        // Gone, or another pod of the same name by now.
        Refusal::NotFound | Refusal::Conflict => Ok(None),
        Refusal::NamespaceTerminating => Ok(Some(format!("namespace {} is being deleted", pod.namespace))),
        Refusal::Budget(text) | Refusal::Transient(text) => Ok(Some(format!("{}: {text}", pod.reference()))),
        _ => Err(explain(&format!("evicting {}", pod.reference()), &e)),
    }
}
