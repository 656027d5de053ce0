//! A node whose paths do not work after the switch stays out of service until a person has decided.

use super::Scenario;
use crate::{
    e2e::{
        tool::{NO, Reboot, STOPPED, Verb},
        world::World,
    },
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "failed-verification",
    about: "a node whose verification fails stays cordoned, with the commands to resume and to undo; mended, `run` ends",
    run,
};

const NODE: &str = "n2";

/// What the tool must print: how to go on, and how to go back.
const WAYS: [&str; 2] = ["kubectl cni-migrate run --resume", "kubectl cni-migrate rollback"];

/// Drops what other nodes send to this one over Cilium's tunnel: old pods no longer reach its new ones.
const FAULT: [&str; 11] =
    ["-t", "raw", "PREROUTING", "-i", "eth0", "-p", "udp", "--dport", "8473", "-j", "DROP"];

fn run(world: &mut World) -> Result<(), Error> {
    let before = world.snapshot()?;
    world.must(Verb::Install)?;
    fault(world, "-I")?;
    let answer = world.call(Verb::Node(NODE, Reboot::Never))?;
    let refused = matches!(answer.code, Some(NO | STOPPED));
    world.checks.that(
        "the node's verification fails with exit code 1 or 6",
        refused,
        &format!("{:?}", answer.code),
    );
    for way in WAYS {
        world.checks.that(&format!("the output names `{way}`"), answer.output.contains(way), "no such line");
    }
    let now = world.snapshot()?;
    world.checks.that(&format!("{NODE} stays cordoned"), now.nodes[NODE].cordoned, "schedulable");
    let others: Vec<String> = now
        .nodes
        .iter()
        .filter(|(name, node)| *name != NODE && node.cordoned)
        .map(|(name, _)| name.clone())
        .collect();
    world.checks.none("no other node is cordoned", &others);

    fault(world, "-D")?;
    world.must(Verb::Run)?;
    world.prove_migrated(&before)
}

/// Inserts (`-I`) or deletes (`-D`) the rule on the node.
fn fault(world: &World, action: &str) -> Result<(), Error> {
    let [table, raw, rule @ ..] = FAULT;
    let arguments: Vec<&str> = [table, raw, action].into_iter().chain(rule).collect();
    world.on_node(NODE, "iptables-legacy", &arguments).map(drop)
}
