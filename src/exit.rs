//! Exit codes, the same for every verb (`docs/exit-codes.md`).

use crate::error::{Error, Kind};

/// Yes, or done.
pub const DONE: u8 = 0;
/// The answer is no: blockers, differences, a failed verification, a refusal.
pub const NO: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// Failed, or could not tell.
pub const FAILED: u8 = 3;
/// helm failed.
pub const HELM: u8 = 4;
/// Locked by another run.
pub const LOCKED: u8 = 5;
/// Stopped part-way and resumable.
pub const PARTIAL: u8 = 6;
/// Interrupted (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;

/// How a verb ended that did not break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Yes, or done.
    Done,
    /// The verb worked and its answer is no.
    No,
}

/// The one map from endings to exit codes.
pub fn code(result: &Result<Outcome, Error>) -> u8 {
    match result {
        Ok(Outcome::Done) => DONE,
        Ok(Outcome::No) => NO,
        Err(error) => match error.kind {
            Kind::No => NO,
            Kind::Usage => USAGE,
            Kind::Failed => FAILED,
            Kind::Helm => HELM,
            Kind::Locked => LOCKED,
            Kind::Partial => PARTIAL,
            Kind::Interrupted => INTERRUPTED,
        },
    }
}
