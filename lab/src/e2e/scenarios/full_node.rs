//! How long a node with many pods takes.

use std::time::Instant;

use super::Scenario;
use crate::{
    e2e::{
        tool::{Reboot, Verb},
        world::World,
    },
    error::Error,
    workload,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "full-node",
    about: "a node with twenty more pods is migrated without a reboot; says how long that took",
    run,
};

const NODE: &str = "n2";

fn run(world: &mut World) -> Result<(), Error> {
    world.apply(&workload::twenty(NODE))?;
    world.settle()?;
    world.must(Verb::Install)?;
    let pods = world.snapshot()?.on_pod_network().filter(|pod| pod.node == NODE).count();
    world.checks.that("the node has at least twenty pods", pods >= 20, &format!("{pods} pods"));
    let begun = Instant::now();
    world.must(Verb::Node(NODE, Reboot::Never))?;
    world.show(&format!("{NODE} with {pods} pods took {:.1} s", begun.elapsed().as_secs_f32()));
    let now = world.snapshot()?;
    world.prove_pods_on_cilium(&now, |node| node == NODE)
}
