//! The list of scenarios: one file each, and one line here.

mod by_hand;
mod failed_verification;
mod flannel_to_cilium;
mod full_node;
mod interrupted;
mod meter;
mod reboot;
mod verb_by_verb;

use super::world::World;
use crate::error::Error;

/// One story that is shown on a fresh cluster with Flannel, workloads and a running meter.
pub(crate) struct Scenario {
    /// How it is called on the command line.
    pub(crate) name: &'static str,
    /// What it shows, in one line.
    pub(crate) about: &'static str,
    /// The story: what is asserted goes to the world's checks, an error means that it could not be told to its end.
    pub(crate) run: fn(&mut World) -> Result<(), Error>,
}

/// All scenarios, in the order in which they are run.
pub(crate) const SCENARIOS: &[Scenario] = &[
    meter::SCENARIO,
    by_hand::SCENARIO,
    flannel_to_cilium::SCENARIO,
    verb_by_verb::SCENARIO,
    reboot::SCENARIO,
    full_node::SCENARIO,
    interrupted::SCENARIO,
    failed_verification::SCENARIO,
];
