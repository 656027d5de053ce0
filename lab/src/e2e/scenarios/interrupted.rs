//! The tool is killed twice in the middle of its work and stopped by a node that does not work; it finishes in the end.

use jiff::Timestamp;

use super::{Run, Scenario};
use crate::{
    e2e::{
        proof::all_classes,
        tool::{Answer, NO, STOPPED, Verb},
        world::World,
    },
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "interrupted",
    about: "`run` is killed after the second node's drain and after its switch, and stopped by a third node whose \
            verification fails and that stays cordoned; `run` again ends as if nothing had been",
    run: Run::OnCluster(run),
};

/// What the tool must print: how to go on, and how to go back.
const WAYS: [&str; 2] = ["kubectl cni-migrate run --resume", "kubectl cni-migrate rollback"];

/// Drops what other nodes send to this one over Cilium's tunnel: pods of other nodes do not reach its new ones.
const FAULT: [&str; 11] =
    ["-t", "raw", "PREROUTING", "-i", "eth0", "-p", "udp", "--dport", "8473", "-j", "DROP"];

fn run(world: &mut World) -> Result<(), Error> {
    let before = world.snapshot()?;
    let first = kill_at(world, "Drained")?;
    let second = kill_at(world, "Switched")?;
    world.checks.equal("the run after the first kill goes on with the same node", &second, &first);

    let mut phases = world.phases()?;
    let call = world.start(Verb::Run)?;
    let third = phases.wait_for("Draining", 2, world)?;
    let measured = Timestamp::now();
    fault(world, &third, "-I")?;
    let answer = call.finish(world)?;
    prove_stopped(world, &third, &answer)?;
    world.prove_no_loss_until(&all_classes(), measured)?;

    fault(world, &third, "-D")?;
    world.must(Verb::Run)?;
    world.prove_migrated(&before)
}

/// Starts `run` and kills it as soon as the second node is in that phase; returns the node.
fn kill_at(world: &mut World, phase: &str) -> Result<String, Error> {
    let mut phases = world.phases()?;
    let call = world.start(Verb::Run)?;
    let node = phases.wait_for(phase, 1, world)?;
    call.kill()?;
    world.progress(&format!("killed at {phase} of {node}"));
    let cordoned = world.snapshot()?.nodes[&node].cordoned;
    world.checks.that(&format!("{node} is cordoned after the kill at {phase}"), cordoned, "schedulable");
    Ok(node)
}

/// A node whose verification failed stays out of service until a person has decided, and the person is told how.
fn prove_stopped(world: &mut World, node: &str, answer: &Answer) -> Result<(), Error> {
    let refused = matches!(answer.code, Some(NO | STOPPED));
    world.checks.that(
        &format!("the verification of {node} fails with exit code 1 or 6"),
        refused,
        &format!("{:?}", answer.code),
    );
    for way in WAYS {
        world.checks.that(&format!("the output names `{way}`"), answer.output.contains(way), "no such line");
    }
    let now = world.snapshot()?;
    world.checks.that(&format!("{node} stays cordoned"), now.nodes[node].cordoned, "schedulable");
    let others: Vec<String> = now
        .nodes
        .iter()
        .filter(|(name, state)| *name != node && state.cordoned)
        .map(|(name, _)| name.clone())
        .collect();
    world.checks.none("no other node is cordoned", &others);
    Ok(())
}

/// Inserts (`-I`) or deletes (`-D`) the rule on the node.
fn fault(world: &World, node: &str, action: &str) -> Result<(), Error> {
    let [table, raw, rule @ ..] = FAULT;
    let arguments: Vec<&str> = [table, raw, action].into_iter().chain(rule).collect();
    world.on_node(node, "iptables-legacy", &arguments).map(drop)
}
