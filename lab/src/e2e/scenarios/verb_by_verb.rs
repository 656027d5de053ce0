//! The whole migration, one verb after the other, with a look at the cluster after each.

use super::Scenario;
use crate::{
    e2e::{
        proof::all_classes,
        snapshot::Snapshot,
        tool::{Reboot, Verb},
        world::World,
    },
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "verb-by-verb",
    about: "preflight, install, node by node, verify, finalize, cleanup-flannel: the same end as with `run`",
    run,
};

/// Workers first: the control-plane node is not a good one to learn on (Cilium's migration guide, step 7).
const ORDER: [&str; 3] = ["n2", "n3", "n1"];

fn run(world: &mut World) -> Result<(), Error> {
    let before = world.snapshot()?;
    world.must(Verb::Preflight)?;
    world.checks.equal("preflight changes nothing", &world.snapshot()?, &before);
    world.must(Verb::Install)?;
    prove_nothing_moved(world, &before)?;
    for (index, node) in ORDER.iter().enumerate() {
        world.must(Verb::Node(node, Reboot::Never))?;
        world.settle()?;
        let now = world.snapshot()?;
        let migrated = &ORDER[..=index];
        world.prove_pods_on_cilium(&now, |node| migrated.contains(&node))?;
        world.checks.none(&format!("after {node} every cordon is as before"), &now.cordons_changed(&before));
    }
    world.must(Verb::Verify)?;
    world.must(Verb::Status)?;
    world.must(Verb::Finalize)?;
    world.must(Verb::CleanupFlannel)?;
    world.prove_migrated(&before)?;
    world.prove_no_loss(&all_classes())
}

/// Installing Cilium beside Flannel leaves every pod that there was with its address.
fn prove_nothing_moved(world: &mut World, before: &Snapshot) -> Result<(), Error> {
    let now = world.snapshot()?;
    let moved: Vec<&str> = before
        .pods
        .iter()
        .filter(|(uid, pod)| now.pods.get(*uid) != Some(pod))
        .map(|(_, pod)| &*pod.name)
        .collect();
    world.checks.none("install moves no pod and restarts none", &moved);
    world.checks.none("install leaves cordons and taints alone", &now.cordons_changed(before));
    Ok(())
}
