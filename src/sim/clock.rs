//! Time and identity: timestamps follow tokio's clock, names and UIDs come from counters, so the same run gives the
//! same bytes on a paused clock.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The alphabet of `k8s.io/apimachinery/pkg/util/rand`: no vowels, no look-alikes.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Longer than any cluster runs.
const FOREVER: std::time::Duration = std::time::Duration::from_secs(10 * 365 * 86_400);

/// The clock and the counters of one cluster.
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Timestamp,
    start: Instant,
    uids: u64,
    names: u64,
}

impl Clock {
    /// A clock that shows `epoch` now.
    pub(crate) fn new(epoch: Timestamp) -> Self {
        Self { epoch, start: Instant::now(), uids: 0, names: 0 }
    }

    /// Stops the clock at its epoch.
    pub(crate) fn stop(&mut self) {
        self.start = Instant::now() + FOREVER;
    }

    /// The time.
    pub(crate) fn timestamp(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The time, whole seconds, as `metav1.Time` prints it.
    pub(crate) fn now(&self) -> String {
        self.after(0)
    }

    /// The time in so many seconds.
    pub(crate) fn after(&self, seconds: i64) -> String {
        let then = self.at(Instant::now()).saturating_add(SignedDuration::from_secs(seconds));
        then.unwrap_or(self.epoch).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn at(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.start);
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(elapsed).unwrap_or(self.epoch)
    }

    /// Seconds since `timestamp`; `None` where that is no RFC 3339 time.
    pub(crate) fn seconds_since(&self, timestamp: &str) -> Option<i64> {
        let then: Timestamp = timestamp.parse().ok()?;
        Some(self.at(Instant::now()).duration_since(then).as_secs())
    }

    /// Counts on from elsewhere: what comes now must not meet what was recorded from another cluster of this kind.
    pub(crate) fn count_from(&mut self, number: u64) {
        (self.uids, self.names) = (number, number);
    }

    /// The next UID, of version 4's shape; boot IDs have the same.
    pub(crate) fn uid(&mut self) -> String {
        self.uids += 1;
        format!(
            "{:08x}-0000-4000-8000-{:012x}",
            self.uids.wrapping_mul(2_654_435_761) & 0xffff_ffff,
            self.uids
        )
    }

    /// Five characters for `generateName`.
    pub(crate) fn suffix(&mut self) -> String {
        self.names += 1;
        letters(self.names.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20, 5)
    }
}

/// `count` characters of the Kubernetes name alphabet that stand for `number`.
pub(crate) fn letters(mut number: u64, count: usize) -> String {
    let base = ALPHABET.len() as u64;
    let mut out = String::with_capacity(count);
    for _ in 0..count {
        let index = usize::try_from(number % base).unwrap_or_default();
        out.push(char::from(ALPHABET[index]));
        number /= base;
    }
    out
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
