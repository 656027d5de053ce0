//! What a kubelet remembers of a pod.

use tokio::time::Instant;

use crate::sim::value::{Text, Value};

/// How far a pod has come on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for its sandbox.
    Creating,
    /// Containers run, not Ready yet.
    Starting,
    /// Containers run.
    Running,
    /// Containers run or crash and never become Ready, as they were recorded.
    Failing,
    /// Containers were told to stop.
    Stopping,
    /// Containers have ended for good.
    Ended,
}

/// One pod on its node.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    pub(crate) uid: Text,
    pub(crate) node: Text,
    pub(crate) stage: Stage,
    /// When the stage can be left.
    pub(crate) due: Instant,
    pub(crate) restarts: u32,
}

/// The text at a JSON pointer of a pod, shared with it.
pub(crate) fn held(pod: &Value, pointer: &str) -> Text {
    pod.pointer(pointer).and_then(Value::as_text).cloned().unwrap_or_else(|| "".into())
}
