//! What a probe client is told and what it answers: the words between the verification and its pods. Pure.

use serde::{Deserialize, Serialize};

/// Port on which a probe server listens.
pub const PORT: u16 = 9472;

/// What to probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// New connections to each target.
    pub attempts: u32,
    /// Time between two connections to the same target, milliseconds: the resolution of the measurement.
    pub interval_ms: u64,
    /// Whom to reach.
    pub targets: Vec<Target>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Id of the path, unique in a plan.
    pub id: String,
    /// How to reach it.
    pub kind: TargetKind,
    /// `address:port`; empty for DNS means the pod's own resolver.
    #[serde(default)]
    pub address: String,
    /// For TCP: the greeting that the right server gives, if it gives one. For DNS: the name to ask for.
    #[serde(default)]
    pub name: String,
}

/// Protocol of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A TCP connection.
    Tcp,
    /// A DNS query over UDP.
    Dns,
}

/// What a client found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// One for each target.
    pub results: Vec<PathResult>,
}

/// What came of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PathResult {
    /// Id of the path.
    pub id: String,
    /// Connections opened.
    pub sent: u32,
    /// Connections answered.
    pub ok: u32,
    /// Longest time without an answer, milliseconds.
    pub longest_gap_ms: u64,
    /// The last error.
    #[serde(default)]
    pub error: String,
}
