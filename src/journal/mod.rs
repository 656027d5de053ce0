//! The memory of a migration: a versioned record in ConfigMaps and a Lease that keeps a second writer out.
//!
//! The engine sees one [`Record`]; it is stored as a head and parts, of which a save writes those that changed.
//!
//! The cluster is the truth and the journal is memory: it holds what cannot be observed again.

mod documents;
mod format;
mod layout;
mod lease;
mod store;
#[cfg(test)]
mod tests;

pub use format::{NodeRecord, Progress, Record, StepRecord};
pub use lease::{Lease, holder};
pub use store::Journal;
