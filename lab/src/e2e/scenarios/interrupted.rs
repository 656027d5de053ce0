//! The tool is killed twice in the middle of its work, and finishes it in the end.

use super::Scenario;
use crate::{
    e2e::{proof::all_classes, tool::Verb, world::World},
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "interrupted",
    about: "`run` is killed after the second node's drain and after its switch; `run` again ends as if it never was",
    run,
};

fn run(world: &mut World) -> Result<(), Error> {
    let before = world.snapshot()?;
    let first = kill_at(world, "Drained")?;
    let second = kill_at(world, "Switched")?;
    world.checks.equal("the run after the first kill goes on with the same node", &second, &first);
    world.must(Verb::Run)?;
    world.prove_migrated(&before)?;
    world.prove_no_loss(&all_classes())
}

/// Starts `run` and kills it as soon as the second node is in that phase; returns the node.
fn kill_at(world: &mut World, phase: &str) -> Result<String, Error> {
    let mut phases = world.phases()?;
    let call = world.start(Verb::Run)?;
    let node = phases.wait_for_second(phase, world)?;
    call.kill()?;
    world.progress(&format!("killed at {phase} of {node}"));
    let cordoned = world.snapshot()?.nodes[&node].cordoned;
    world.checks.that(&format!("{node} is cordoned after the kill at {phase}"), cordoned, "schedulable");
    Ok(node)
}
