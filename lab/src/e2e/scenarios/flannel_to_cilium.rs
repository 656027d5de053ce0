//! The whole migration with one command.

use super::Scenario;
use crate::{
    e2e::{proof::all_classes, tool::Verb, world::World},
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "flannel-to-cilium",
    about: "`run` moves all nodes, nothing is lost, no trace of Flannel is left",
    run,
};

fn run(world: &mut World) -> Result<(), Error> {
    let before = world.snapshot()?;
    world.must(Verb::Run)?;
    world.prove_migrated(&before)?;
    world.prove_no_loss(&all_classes())
}
