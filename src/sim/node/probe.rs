//! This tool's probe client as the simulator plays it: one attempt on every target each interval.

use crate::agent::{PathResult, Results, Spec};
use crate::sim::json::{flag, text};
use crate::sim::value::Value;
use crate::sim::world::World;

use super::reach::{Origin, attempt};

/// How far a client has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    spec: Spec,
    done: u32,
    failing: Vec<u32>,
    results: Vec<PathResult>,
}

impl Progress {
    /// At the start.
    pub(crate) fn new(spec: Spec) -> Self {
        let result = |id: &String| PathResult { id: id.clone(), ..PathResult::default() };
        let results = spec.targets.iter().map(|t| result(&t.id)).collect();
        Self { failing: vec![0; spec.targets.len()], done: 0, results, spec }
    }

    /// Tries every target once.
    pub(crate) fn step(&mut self, world: &World, pod: &Value) {
        let is_host = flag(pod, "/spec/hostNetwork");
        let origin = Origin {
            node: text(pod, "/spec/nodeName").to_owned(),
            pod_ip: (!is_host).then(|| text(pod, "/status/podIP").to_owned()),
        };
        self.done += 1;
        for (at, target) in self.spec.targets.iter().enumerate() {
            let result = &mut self.results[at];
            result.sent += 1;
            match attempt(world, &origin, target) {
                Ok(()) => {
                    result.ok += 1;
                    self.failing[at] = 0;
                }
                Err(why) => {
                    self.failing[at] += 1;
                    let gap = u64::from(self.failing[at]) * self.spec.interval_ms.max(1);
                    result.longest_gap_ms = result.longest_gap_ms.max(gap);
                    result.error = why;
                }
            }
        }
    }

    /// Whether all attempts were made.
    pub(crate) fn is_done(&self) -> bool {
        self.done >= self.spec.attempts
    }

    /// Time to the next attempt.
    pub(crate) fn pause(&self) -> std::time::Duration {
        std::time::Duration::from_millis(self.spec.interval_ms.max(1))
    }

    /// The termination message.
    pub(crate) fn message(&self) -> String {
        let results = Results { results: self.results.clone() };
        serde_json::to_string(&results).unwrap_or_default()
    }
}
