//! The whole migration: with one command from VXLAN, and verb by verb from host-gw, as a kubectl and a Helm plugin.

use super::{Run, Scenario};
use crate::{
    cluster::Backend,
    e2e::{
        proof::all_classes,
        snapshot::Snapshot,
        tool::{Caller, Reboot, Verb},
        world::World,
    },
    error::Error,
    workload,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "flannel-to-cilium",
    about: "`run` moves all nodes, and so do the single verbs: nothing is lost, no trace of Flannel is left",
    run: Run::OnCluster(run),
};

/// Workers first: the control-plane node is not a good one to learn on (Cilium's migration guide, step 7).
const ORDER: [&str; 3] = ["n2", "n3", "n1"];

/// Who has no rights but those that `rbac` prints.
const MIGRATOR: &str = "migrator";

/// The node that has twenty pods more.
const FULL: &str = ORDER[0];

/// What a node of twenty pods may take besides drain, agent start and pod start, in seconds.
const ALL_ELSE: f64 = 15.0;

fn run(world: &mut World) -> Result<(), Error> {
    with_run(world)?;
    world.anew(Backend::HostGw)?;
    verb_by_verb(world)
}

fn with_run(world: &mut World) -> Result<(), Error> {
    // Not the administrator: the roles that the tool prints must be enough.
    let tool = world.tool.display().to_string();
    let roles = world.client(&tool, &["rbac", "--for-user", MIGRATOR])?.success()?;
    world.apply(&roles)?;
    let before = world.snapshot()?;
    world.caller = Caller::As(MIGRATOR);
    world.must(Verb::Run)?;
    world.prove_migrated(&before)?;
    world.prove_no_loss(&all_classes())
}

fn verb_by_verb(world: &mut World) -> Result<(), Error> {
    world.caller = Caller::Kubectl;
    world.apply(&workload::twenty(FULL))?;
    world.settle()?;
    let before = world.snapshot()?;
    world.must(Verb::Preflight)?;
    world.checks.equal("preflight changes nothing", &world.snapshot()?, &before);
    world.must(Verb::Install)?;
    prove_nothing_moved(world, &before)?;
    for (index, node) in ORDER.iter().enumerate() {
        migrate(world, node)?;
        let now = world.snapshot()?;
        let migrated = &ORDER[..=index];
        world.prove_pods_on_cilium(&now, |node| migrated.contains(&node))?;
        world.checks.none(&format!("after {node} every cordon is as before"), &now.cordons_changed(&before));
    }
    world.caller = Caller::Helm(3);
    world.must(Verb::Verify)?;
    world.must(Verb::Finalize)?;
    world.caller = Caller::Helm(4);
    world.must(Verb::Status)?;
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

fn migrate(world: &mut World, node: &str) -> Result<(), Error> {
    let before = world.snapshot()?;
    if node == FULL {
        world.must(Verb::NodeDryRun(node))?;
        world.checks.equal("a server-side dry run changes nothing", &world.snapshot()?, &before);
    }
    let answer = world.must(Verb::Node(node, Reboot::Never))?;
    if node == FULL {
        let pods = before.on_pod_network().filter(|pod| pod.node == node).count();
        world.checks.that("the node has at least twenty pods", pods >= 20, &format!("{pods} pods"));
        let line = answer.output.lines().find(|line| line.contains("migrated in")).unwrap_or_default();
        world.show(&format!("{pods} pods: {line}"));
        let took = all_else(line);
        world.checks.that(
            &format!("under {ALL_ELSE} s go to anything but drain, agent start and pod start"),
            took.is_some_and(|seconds| seconds < ALL_ELSE),
            line,
        );
    }
    world.settle()
}

/// The seconds of `... all else 3.1 s)`.
fn all_else(line: &str) -> Option<f64> {
    line.split("all else ").nth(1)?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_nodes_times_is_read() {
        let line =
            "n2  migrated in 37.8 s (drain 8.7 s, agent start 11.8 s, pod start 14.3 s, all else 3.1 s)";
        assert_eq!(all_else(line), Some(3.1));
        assert_eq!(all_else("n2  is migrated already"), None);
    }
}
