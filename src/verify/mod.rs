//! Proof: which network every pod is on, and whether all paths between old and new answer.

mod classify;
mod inspect;
mod matrix;
mod paths;
mod pods;
mod probe;

pub use classify::{Census, Network, census, classify};
pub use inspect::{NodeFinding, inspect};
pub(crate) use matrix::participants;
pub use matrix::{Client, Member, Side, expected};
pub use paths::{Path, Verdict, judge};
pub use probe::{NAMESPACE, Prober};
