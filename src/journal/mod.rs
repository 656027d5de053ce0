//! The memory of a migration: a versioned record in a ConfigMap and a Lease that keeps a second writer out.
//!
//! The cluster is the truth and the journal is memory: it holds what cannot be observed again.

mod format;
mod lease;
mod store;

pub use format::{FORMAT_VERSION, NodeRecord, Progress, Record, StepRecord};
pub use lease::{Lease, holder};
pub use store::Journal;
