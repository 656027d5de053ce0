//! What a kubelet remembers of a pod.

use tokio::time::Instant;

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
    pub(crate) uid: String,
    pub(crate) node: String,
    pub(crate) stage: Stage,
    /// When the stage can be left.
    pub(crate) due: Instant,
    pub(crate) restarts: u32,
}
