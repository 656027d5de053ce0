//! The front of the embedded cluster answers as a real API server does.

use super::{Run, Scenario};
use crate::{
    e2e::{fidelity, world::World},
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fidelity",
    about: "over 500 generated requests get the same answers from the real API server and from the embedded cluster",
    run: Run::OnCluster(run),
};

fn run(world: &mut World) -> Result<(), Error> {
    let failures = fidelity::compare(&world.cluster, world.seed, &|text| world.show(text))?;
    world.checks.none("every case has the same answers on both servers", &failures);
    Ok(())
}
