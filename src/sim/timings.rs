//! How long things take, drawn from a seed: by the seed, what is waited for and the object's name, so that the order of
//! questions does not change an answer.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::store::Key;
use super::world::World;

/// A time between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The shortest.
    pub from: Duration,
    /// The longest.
    pub to: Duration,
}

impl From<Duration> for Span {
    fn from(time: Duration) -> Self {
        Self { from: time, to: time }
    }
}

/// How long things take; on a paused clock these are virtual times.
#[derive(Clone, Debug)]
pub struct Timings {
    /// From a pod's binding to running containers, its images being there.
    pub start: Span,
    /// The pull of one image that the node does not have.
    pub pull: Span,
    /// From running containers to Ready.
    pub ready: Span,
    /// From a running Cilium agent to a Ready one.
    pub agent: Span,
    /// A container's own stop after SIGTERM; the grace period bounds it.
    pub stop: Span,
    /// How long a Job's pod runs.
    pub job: Span,
    /// From the reboot command to a Ready kubelet.
    pub reboot: Span,
    /// From a node's last word to its condition `Unknown` (`--node-monitor-grace-period`).
    pub silence: Duration,
    /// Between two tries of something that failed: a sandbox, an image, an agent's start.
    pub retry: Duration,
}

impl Default for Timings {
    /// Milliseconds: for tests on the real clock.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            start: ms(4).into(),
            pull: Duration::ZERO.into(),
            ready: ms(4).into(),
            agent: ms(4).into(),
            stop: ms(4).into(),
            job: ms(4).into(),
            reboot: ms(20).into(),
            silence: Duration::ZERO,
            retry: ms(8),
        }
    }
}

impl Timings {
    /// Nothing takes any time, and Jobs do not end: for a cluster that is only to be recorded.
    pub(super) fn none() -> Self {
        let zero = Span::from(Duration::ZERO);
        Self {
            start: zero,
            ready: zero,
            agent: zero,
            stop: zero,
            reboot: zero,
            retry: Duration::ZERO,
            job: Duration::from_secs(365 * 86_400).into(),
            ..Self::default()
        }
    }

    /// As on machines of today. The agent's figure is the lab's (about 11 s from its restart until it is Ready), the
    /// grace period of the node controller is that of Kubernetes 1.32 and later; the others are what operators report.
    pub fn real() -> Self {
        let span =
            |from: u64, to: u64| Span { from: Duration::from_millis(from), to: Duration::from_millis(to) };
        Self {
            start: span(600, 2_500),
            pull: span(2_000, 25_000),
            ready: span(1_000, 15_000),
            agent: span(8_000, 13_000),
            stop: span(300, 12_000),
            job: Duration::from_secs(365 * 86_400).into(),
            reboot: span(60_000, 180_000),
            silence: Duration::from_secs(50),
            retry: Duration::from_secs(10),
        }
    }
}

impl World {
    /// A time within a span, for what happens to an object.
    pub(crate) fn draw(&self, span: Span, what: &str, key: &Key) -> Duration {
        let width = span.to.saturating_sub(span.from);
        if width.is_zero() {
            return span.from;
        }
        let width = u64::try_from(width.as_micros()).unwrap_or(u64::MAX);
        let mut dice = self.dice(&[what, &key.namespace, &key.name]);
        span.from + Duration::from_micros(dice.u64(0..=width))
    }

    /// Which of so many equally good nodes a pod is given: the first without a seed, any with one.
    pub(crate) fn tie(&self, pod: &str, nodes: usize) -> usize {
        match self.seed {
            Some(_) if nodes > 1 => self.dice(&["node", pod]).usize(..nodes),
            _ => 0,
        }
    }

    fn dice(&self, words: &[&str]) -> fastrand::Rng {
        let digest = Sha256::digest(format!("{}/{}", self.seed.unwrap_or_default(), words.join("/")));
        let seed = digest.iter().take(8).fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
        fastrand::Rng::with_seed(seed)
    }
}
