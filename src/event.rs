//! What the engine tells while it works. Reporters turn events into lines, tables or JSON.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// A subject (a node, or the cluster) comes next.
    Subject {
        /// Its name.
        name: String,
        /// What will be done to it, and what that affects.
        about: String,
    },
    /// A step began.
    Started {
        /// Its name, such as `drain`.
        step: String,
    },
    /// A step waits for something.
    Waiting {
        /// Its name.
        step: String,
        /// What it waits for.
        reason: String,
    },
    /// A step is done, and was checked.
    Done {
        /// Its name.
        step: String,
        /// What was proven.
        detail: String,
        /// How long it took; `None` where it had been done before.
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Option<Duration>,
    },
    /// A step failed.
    Failed {
        /// Its name.
        step: String,
        /// Why.
        reason: String,
    },
    /// What a dry run would do.
    Would {
        /// The action.
        action: String,
    },
    /// The subject is finished.
    Finished {
        /// Its name.
        name: String,
        /// Summary.
        summary: String,
    },
}

#[expect(clippy::ref_option, reason = "serde hands a serializer function a reference to the field")]
fn seconds<S: Serializer>(took: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    took.map(|t| t.as_secs_f64()).serialize(serializer)
}

/// Receives events.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event);
}
