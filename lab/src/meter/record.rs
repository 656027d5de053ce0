//! What the meter writes down: one JSON line per loss, per change of state and, every second, one line of counts.
//!
//! The agent writes these lines and the judge reads them, so the two halves of the meter agree through this file only.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Time between two attempts on one pair, and therefore the resolution of every gap that the meter reports.
pub(crate) const PERIOD: std::time::Duration = std::time::Duration::from_millis(100);

/// How long an attempt may take before it counts as lost.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// Time between two lines of counts.
pub(crate) const COUNTS_PERIOD: std::time::Duration = std::time::Duration::from_secs(1);

/// From how late on an agent notes that it was held up.
pub(crate) const HELD_UP: std::time::Duration = std::time::Duration::from_millis(300);

/// Namespace in which the meter runs.
pub(crate) const NAMESPACE: &str = "lab-meter";

/// TCP port on which every meter pod and every server of the workloads answers.
pub(crate) const PORT: u16 = 8080;

/// Folder of the records, on the node and in the pod: private to each node, and it outlives a reboot.
pub(crate) const RECORDS: &str = "/var/log/lab-meter";

/// What kind of path an attempt went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// A new TCP connection to the pod address of a meter pod on another node, with one request and its answer.
    Pod,
    /// A ping over the one TCP connection held to a meter pod on another node.
    Held,
    /// A new TCP connection to the cluster address of a Service, with one request and its answer.
    Service,
    /// A UDP query to the cluster's DNS Service.
    Dns,
    /// A new TCP connection to the Service of the API server.
    Api,
}

/// The far end of a pair; the near end is the pod that wrote the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Target {
    /// The kind of path.
    pub(crate) kind: Kind,
    /// Name of the meter pod at the far end; empty for a Service, DNS and the API.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) pod: String,
    /// Where the attempt goes.
    pub(crate) address: SocketAddr,
}

/// Attempts on one pair since the last line of counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// The far end.
    #[serde(flatten)]
    pub(crate) target: Target,
    /// Attempts that came to an end.
    pub(crate) attempts: u64,
    /// Those of them that were lost.
    pub(crate) lost: u64,
}

/// One thing that the meter saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The agent began; every line after it, up to the next of its kind, was measured from this address.
    Started {
        /// UID of the pod.
        uid: String,
        /// Name of the pod.
        pod: String,
        /// Name of its node.
        node: String,
        /// Its pod address.
        address: IpAddr,
    },
    /// The agent was told to end and makes no further attempts.
    Stopped,
    /// What was tried since the last line of counts.
    Counts {
        /// One entry per pair that was tried.
        pairs: Vec<Count>,
    },
    /// An attempt was lost; the line's time is the beginning of the attempt.
    Loss {
        /// The far end.
        #[serde(flatten)]
        target: Target,
        /// What went wrong.
        error: String,
    },
    /// The first success after one or more losses on a pair; the line's time is the beginning of that attempt.
    Back {
        /// The far end.
        #[serde(flatten)]
        target: Target,
    },
    /// The agent came to run later than it was due, because the machine is busy.
    HeldUp {
        /// How much later, in milliseconds.
        millis: i64,
    },
    /// The list of peers could not be read; the agent goes on with the peers it knows.
    PeersUnknown {
        /// What went wrong.
        error: String,
    },
}

/// One line of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// When it happened.
    pub(crate) at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub(crate) event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_one_readable_line() {
        let line = Line {
            at: "2026-01-02T03:04:05.6Z".parse().unwrap(),
            event: Event::Loss {
                target: Target {
                    kind: Kind::Pod,
                    pod: "meter-abc".into(),
                    address: "10.244.1.5:8080".parse().unwrap(),
                },
                error: "no answer within 1 s".into(),
            },
        };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            r#"{"at":"2026-01-02T03:04:05.6Z","event":"loss","kind":"pod","pod":"meter-abc","address":"10.244.1.5:8080","error":"no answer within 1 s"}"#
        );
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}
