//! The plan: steps as data, their order, and for each the pure question whether it is done.

mod done;
mod order;
mod step;

pub(crate) use done::is_migrated;
pub use done::{Standing, standing};
pub use order::nodes_in_order;
pub use step::{NodeStep, Phase, Step};
