//! The meter itself is put to the test: it must see what is there, and nothing else.

use std::time::Duration;

use jiff::Timestamp;

use super::{Run, Scenario};
use crate::{
    e2e::world::World,
    error::Error,
    meter::{
        life::Span,
        record,
        verdict::{Class, Side, Verdict},
    },
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "meter",
    about: "the lab's meter sees no loss in peace, a planted one with its length, and tells restarts from losses",
    run: Run::OnCluster(run),
};

const PODS: Class = Class::Pods(Side::Old, Side::Old);

/// The node that all of it happens to.
const NODE: &str = "n2";

/// How long the node may take to boot.
const REBOOT_LIMIT: Duration = Duration::from_secs(120);

/// Half a second in which nothing from outside reaches the node.
const CUT: &str = "iptables-legacy -t raw -I PREROUTING -i eth0 -j DROP; sleep 0.5; \
                   iptables-legacy -t raw -D PREROUTING -i eth0 -j DROP";

/// Time for the last attempts to end and to be written down.
const AFTERMATH: Duration = Duration::from_secs(3);

fn run(world: &mut World) -> Result<(), Error> {
    peace(world)?;
    hole(world)?;
    meter_restart(world)?;
    drain(world)?;
    power_cut(world)
}

fn peace(world: &mut World) -> Result<(), Error> {
    let verdict = observed(world, |_| {
        std::thread::sleep(Duration::from_secs(60));
        Ok(())
    })?;
    world.checks.none("in peace nothing is lost", &verdict.losses);
    world.checks.none("in peace the meter measures without a pause", &verdict.silences);
    let excused: u64 = verdict.tallies.values().map(|tally| tally.excused).sum();
    world.checks.equal("in peace nothing is excused", &excused, &0);
    for class in [PODS, Class::Service, Class::Dns, Class::Api, Class::Held] {
        // Three nodes with one pair each at the least, ten attempts a second; a busy machine may leave some out.
        let attempts = verdict.tallies.get(&class).map_or(0, |tally| tally.attempts);
        world.checks.that(
            &format!("{class} is tried all the time"),
            attempts > 1_500,
            &format!("{attempts} attempts"),
        );
    }
    Ok(())
}

fn hole(world: &mut World) -> Result<(), Error> {
    let verdict = observed(world, |world| world.on_node(NODE, "sh", &["-c", CUT]).map(drop))?;
    let tally = verdict.tallies.get(&PODS).cloned().unwrap_or_default();
    let gap = tally.longest_gap.as_millis();
    world.checks.that("a cut of 500 ms is seen", tally.lost > 0, "no loss between pods");
    world.checks.that("its length is measured", (400..=800).contains(&gap), &format!("{gap} ms"));
    let strangers: Vec<String> = verdict
        .losses
        .iter()
        .filter(|loss| loss.to.kind == record::Kind::Api && !loss.from.ends_with(&format!(" on {NODE}")))
        .map(ToString::to_string)
        .collect();
    world.checks.none("other nodes lose nothing on the way to the API", &strangers);
    Ok(())
}

fn meter_restart(world: &mut World) -> Result<(), Error> {
    let verdict = observed(world, |world| {
        let pods = ["-n", record::NAMESPACE, "-l", "app=meter", "--field-selector", "spec.nodeName=n3"];
        world.kubectl(&[&["delete", "pod"], &pods[..]].concat())?;
        world.settle()
    })?;
    world.checks.none("the restart of a meter pod loses nothing that it does not explain", &verdict.losses);
    world.checks.none("the other meter pods go on measuring", &verdict.silences);
    Ok(())
}

fn drain(world: &mut World) -> Result<(), Error> {
    let verdict = observed(world, |world| {
        let drain = ["drain", NODE, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s"];
        world.kubectl_with(&drain, "", Duration::from_secs(120))?.success()?;
        world.settle()
    })?;
    world.checks.none("a drain loses no connection", &verdict.losses);
    Ok(())
}

/// The node must have been drained: whoever serves a Service from it would be missed by all others, and rightly so.
fn power_cut(world: &mut World) -> Result<(), Error> {
    let boot_id = |world: &World| world.snapshot().map(|now| now.nodes[NODE].boot_id.clone());
    let before = boot_id(world)?;
    let verdict = observed(world, |world| {
        world.cluster.reboot(NODE)?;
        world.wait(REBOOT_LIMIT, || match boot_id(world) {
            Ok(after) if after != before => Ok(()),
            _ => Err(format!("{NODE} has not reported a new boot id")),
        })?;
        world.settle()
    })?;
    let excused = verdict.tallies.get(&PODS).map_or(0, |tally| tally.excused);
    world.checks.that(
        "the pods of a node without power are missed",
        excused > 0,
        "no excused loss between pods",
    );
    world.checks.none("the power cut explains every loss", &verdict.losses);
    world.checks.none("the other nodes go on measuring", &verdict.silences);
    world.kubectl(&["uncordon", NODE]).map(drop)
}

/// What the meter measured while `story` went on, and shortly after.
fn observed(world: &mut World, story: impl FnOnce(&World) -> Result<(), Error>) -> Result<Verdict, Error> {
    let from = Timestamp::now();
    story(world)?;
    std::thread::sleep(AFTERMATH);
    let verdict = world.verdict_over(Span { from, until: Timestamp::now() })?;
    world.show(&verdict.to_string());
    Ok(verdict)
}
