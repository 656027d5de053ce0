//! Where the time of a node went: what Kubernetes takes for itself, and what this tool adds.

use std::time::Duration;

use tokio::time::Instant;

use crate::plan::NodeStep;

/// Times of one node.
pub(super) struct Stopwatch {
    begun: Instant,
    drain: Duration,
    agent_start: Duration,
    reboot: Duration,
    /// Until restarted daemon pods and probe pods ran.
    pub(super) pod_start: Duration,
}

impl Stopwatch {
    /// Starts now.
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            drain: Duration::ZERO,
            agent_start: Duration::ZERO,
            reboot: Duration::ZERO,
            pod_start: Duration::ZERO,
        }
    }

    /// Books the time of a step.
    pub(super) fn add(&mut self, step: NodeStep, took: Duration) {
        match step {
            NodeStep::Drain => self.drain += took,
            NodeStep::Switch => self.agent_start += took,
            NodeStep::Reboot => self.reboot += took,
            NodeStep::Restart => self.pod_start += took,
            // Its pods' start is booked by the verification itself.
            NodeStep::Verify | NodeStep::Cordon | NodeStep::Uncordon => {}
        }
    }

    /// One line: the total and its parts.
    pub(super) fn summary(&self) -> String {
        let total = self.begun.elapsed();
        let known = self.drain + self.agent_start + self.reboot + self.pod_start;
        let s = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let reboot =
            if self.reboot.is_zero() { String::new() } else { format!(", reboot {}", s(self.reboot)) };
        format!(
            "migrated in {} (drain {}, agent start {}{reboot}, pod start {}, all else {})",
            s(total),
            s(self.drain),
            s(self.agent_start),
            s(self.pod_start),
            s(total.saturating_sub(known)),
        )
    }
}
