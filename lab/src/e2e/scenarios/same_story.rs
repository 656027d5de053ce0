//! The rehearsal of a snapshot foretells what the migration then writes.

use super::{Run, Scenario};
use crate::{
    e2e::{story::Story, tool::Verb, world::World},
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "same-story",
    about: "a real migration and its rehearsal from a snapshot taken before make the same writes in the same order, \
            node by node",
    run: Run::OnCluster(run),
};

fn run(world: &mut World) -> Result<(), Error> {
    let file = world.folder.join("before.snapshot.gz").display().to_string();
    world.ask(Verb::Snapshot(&file))?;
    let mark = world.audit_mark()?;
    world.must(Verb::Run)?;
    let real = Story::of_audit(&world.writes_since(mark)?, &world.lives()?);
    let answer = world.ask(Verb::Rehearse(&file))?;
    let rehearsed = Story::of_rehearsal(&answer)
        .ok_or_else(|| Error::Invalid("`rehearse -o json` tells no writes".to_owned()))?;
    let (differing, shown) = real.beside(&rehearsed);
    world.show(&format!("writes of the migration (-) and of its rehearsal (+)\n{shown}"));
    world.show(&format!("{} writes really, {} in the rehearsal", real.len(), rehearsed.len()));
    world.checks.that(
        "the migration wrote to nodes and to the cluster",
        real.len() > 50,
        &real.len().to_string(),
    );
    world.checks.none("the migration and its rehearsal make the same writes in the same order", &differing);
    Ok(())
}
