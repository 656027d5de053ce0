//! The list of scenarios: one file each, and one line here.

mod by_hand;
mod fidelity;
mod flannel_to_cilium;
mod interrupted;
mod kubectl_on_sim;
mod meter;
mod packaging;
mod reboot;
mod refusals;
mod same_story;
mod values;

use super::{stage::Stage, world::World};
use crate::error::Error;

/// One story, most of them on a fresh cluster with Flannel, workloads and a running meter.
pub(crate) struct Scenario {
    /// How it is called on the command line.
    pub(crate) name: &'static str,
    /// What it shows, in one line.
    pub(crate) about: &'static str,
    /// The story: what is asserted goes to the checks, an error means that it could not be told to its end.
    pub(crate) run: Run,
}

/// What a story is told on.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// A fresh cluster.
    OnCluster(fn(&mut World) -> Result<(), Error>),
    /// No cluster: programs alone.
    OnStage(fn(&mut Stage) -> Result<(), Error>),
}

/// All scenarios, in the order in which they are run.
pub(crate) const SCENARIOS: &[Scenario] = &[
    meter::SCENARIO,
    by_hand::SCENARIO,
    flannel_to_cilium::SCENARIO,
    reboot::SCENARIO,
    interrupted::SCENARIO,
    refusals::SCENARIO,
    values::SCENARIO,
    packaging::SCENARIO,
    fidelity::SCENARIO,
    same_story::SCENARIO,
    kubectl_on_sim::SCENARIO,
];
