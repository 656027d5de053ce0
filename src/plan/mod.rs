//! The plan: steps as data, their order, and for each the pure question whether it is done.

mod build;
mod done;
mod order;
mod runbook;
mod step;

pub use build::{PLAN_KIND, Plan, Planned, plan};
pub(crate) use done::is_migrated;
pub use done::{Standing, standing};
pub use order::nodes_in_order;
pub use runbook::runbook;
pub use step::{NodeStep, Phase, Step};
