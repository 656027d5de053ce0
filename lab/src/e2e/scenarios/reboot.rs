//! One node is migrated with a real reboot.

use super::{Run, Scenario};
use crate::{
    e2e::{
        tool::{Reboot, Verb},
        world::World,
    },
    error::Error,
    meter::verdict::{Class, Side},
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "reboot",
    about: "`node --reboot pod` really reboots the node, and only that one; nothing is lost elsewhere",
    run: Run::OnCluster(run),
};

const NODE: &str = "n2";

fn run(world: &mut World) -> Result<(), Error> {
    let before = world.snapshot()?;
    world.must(Verb::Install)?;
    world.must(Verb::Node(NODE, Reboot::Pod))?;
    world.settle()?;
    let after = world.snapshot()?;
    let others = |node: &str| node != NODE;

    let (old_boot, new_boot) = (&before.nodes[NODE].boot_id, &after.nodes[NODE].boot_id);
    world.checks.that(&format!("the boot id of {NODE} changed"), old_boot != new_boot, old_boot);
    world.prove_same_boots(&before, &after, others);
    world.prove_pods_on_cilium(&after, |node| node == NODE)?;
    world.prove_undisturbed(&before, &after, others);
    let strangers: Vec<&str> = after
        .on_pod_network()
        .filter(|pod| others(&pod.node) && !pod.address.starts_with("10.244."))
        .map(|pod| pod.name.as_str())
        .collect();
    world.checks.none("pods of the other nodes are still on Flannel", &strangers);
    world.must(Verb::Verify)?;
    world.prove_no_loss(&[
        Class::Pods(Side::Old, Side::Old),
        Class::Pods(Side::Old, Side::New),
        Class::Pods(Side::New, Side::Old),
        Class::Service,
        Class::Dns,
        Class::Api,
        Class::Held,
    ])
}
