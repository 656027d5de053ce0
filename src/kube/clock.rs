//! The time that a cluster lives by: the real one, or an embedded cluster's own.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Shows the time; runs with tokio's clock, so that it stands still where that is paused.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Timestamp,
    start: Instant,
}

impl Clock {
    /// Shows the real time.
    pub fn real() -> Self {
        Self::from(Timestamp::now())
    }

    /// Shows `epoch` now.
    pub fn from(epoch: Timestamp) -> Self {
        Self { epoch, start: Instant::now() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(elapsed).unwrap_or(self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_runs_with_tokios_clock() {
        let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock = Clock::from(epoch);
        assert_eq!(clock.now(), epoch);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().to_string(), "2026-01-01T00:01:30Z");
    }
}
