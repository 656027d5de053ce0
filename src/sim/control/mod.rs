//! The controllers: each says which keys a change concerns, and brings one key to order. One more controller is one
//! file and one line in [`ALL`].

mod budgets;
mod daemonset;
mod definitions;
mod deployment;
pub(crate) mod endpoints;
mod evict;
mod garbage;
mod index;
mod job;
mod namespaces;
pub(crate) mod nodes;
pub(crate) mod pods;
mod replicaset;
mod scheduler;
mod statefulset;
mod taints;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use hashbrown::{HashMap, HashSet};
use tokio::time::Instant;

use super::cni;
use super::node::kubelet;
use super::store::{Change, Key};
use super::world::{Shared, World};

pub(crate) use daemonset::Rosters;
pub(crate) use endpoints::Slices;
pub(crate) use index::Index;
pub(crate) use scheduler::Load;

/// A controller.
struct Controller {
    /// The keys that a change concerns.
    keys: fn(&World, &Change) -> Vec<Key>,
    /// Brings one key to order; gives the time after which it wants to look again.
    reconcile: fn(&mut World, &Key) -> Option<Duration>,
}

/// Place of the kubelet in [`ALL`].
pub(crate) const KUBELET: usize = 0;
/// Place of the node controller in [`ALL`].
const NODES: usize = 1;

/// All controllers; the order only breaks ties.
const ALL: &[Controller] = &[
    Controller { keys: kubelet::keys, reconcile: kubelet::reconcile },
    Controller { keys: nodes::keys, reconcile: nodes::reconcile },
    Controller { keys: evict::keys, reconcile: evict::reconcile },
    Controller { keys: garbage::keys, reconcile: garbage::reconcile },
    Controller { keys: namespaces::keys, reconcile: namespaces::reconcile },
    Controller { keys: definitions::keys, reconcile: definitions::reconcile },
    Controller { keys: deployment::keys, reconcile: deployment::reconcile },
    Controller { keys: replicaset::keys, reconcile: replicaset::reconcile },
    Controller { keys: statefulset::keys, reconcile: statefulset::reconcile },
    Controller { keys: daemonset::keys, reconcile: daemonset::reconcile },
    Controller { keys: job::keys, reconcile: job::reconcile },
    Controller { keys: scheduler::keys, reconcile: scheduler::reconcile },
    Controller { keys: budgets::keys, reconcile: budgets::reconcile },
    Controller { keys: endpoints::keys, reconcile: endpoints::reconcile },
    Controller { keys: cni::operator::keys, reconcile: cni::operator::reconcile },
];

/// A key for a controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Work {
    pub(crate) controller: usize,
    pub(crate) key: Key,
}

/// Work that waits, now or for its time.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: VecDeque<Work>,
    queued: HashSet<Work>,
    timers: BinaryHeap<Reverse<(Instant, u64, Work)>>,
    /// The one timer of a work that counts: the earliest that was asked for.
    due: HashMap<Work, Instant>,
    count: u64,
}

impl Queue {
    /// Adds work, once.
    pub(crate) fn push(&mut self, work: Work) {
        if self.queued.insert(work.clone()) {
            self.ready.push_back(work);
        }
    }

    fn later(&mut self, wait: Duration, work: Work) {
        let at = Instant::now() + wait;
        if self.due.get(&work).is_some_and(|due| *due <= at) {
            return;
        }
        self.count += 1;
        self.due.insert(work.clone(), at);
        self.timers.push(Reverse((at, self.count, work)));
    }

    fn pop(&mut self) -> Option<Work> {
        let now = Instant::now();
        while self.timers.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            if let Some(Reverse((at, _, work))) = self.timers.pop()
                && self.due.get(&work) == Some(&at)
            {
                self.due.remove(&work);
                self.push(work);
            }
        }
        let Some(work) = self.ready.pop_front() else {
            self.ready.shrink_to(USUAL);
            self.queued.shrink_to(USUAL);
            return None;
        };
        self.queued.remove(&work);
        Some(work)
    }

    fn next_time(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, ..))| *at)
    }
}

/// Work that waits at once, but for the start, when every object is new.
const USUAL: usize = 4_096;

/// Steps done before callers of the API get a turn.
const BATCH: usize = 256;

/// Brings everything to order for as long as the task lives.
pub(crate) async fn run(shared: Shared) {
    let mut signal = shared.lock().store.subscribe();
    loop {
        signal.borrow_and_update();
        let (is_idle, next) = {
            let mut world = shared.lock();
            (step(&mut world), world.queue.next_time())
        };
        if !is_idle {
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            changed = signal.changed() => if changed.is_err() { return },
            () = until(next) => {}
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Does all work that is due, without waiting for anything.
pub(crate) fn settle(world: &mut World) {
    while !step(world) {}
}

/// Takes new changes over and does a batch of work; `true` where none is left.
fn step(world: &mut World) -> bool {
    for _ in 0..BATCH {
        while let Some(change) = world.store.next_change() {
            world.load.note(&change);
            world.index.note(&change);
            world.rosters.note(&change);
            for (controller, c) in ALL.iter().enumerate() {
                for key in (c.keys)(world, &change) {
                    world.queue.push(Work { controller, key });
                }
            }
        }
        let Some(work) = world.queue.pop() else { return true };
        if let Some(wait) = (ALL[work.controller].reconcile)(world, &work.key) {
            world.queue.later(wait, work);
        }
    }
    false
}
