//! Checks on pods and their budgets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::super::Level;
use super::super::fixtures::{owner, pod};
use super::{check, levels, with};
use crate::model::{LocalVolume, Owner, Phase, Pod};

#[test]
fn a_budget_that_can_never_be_met_is_a_blocker() {
    let full = with(|case| {
        let budget = &mut case.snapshot.budgets[0];
        (budget.disruptions_allowed, budget.desired_healthy) = (0, 3);
    });
    let findings = full.run(check("PDB-001"));
    assert_eq!(findings[0].result, Level::Blocker);
    assert_eq!(findings[0].message, "never lets a pod go (needs 3 healthy of 3, has 3: covers 3 pods)");
    let idle = with(|case| {
        case.snapshot.budgets[0].disruptions_allowed = 0;
        case.snapshot.pods.retain(|pod| &*pod.namespace != "shop");
    });
    assert_eq!(levels(&idle, "PDB-001"), [Level::Ok], "a budget over no pod stops nothing");
}

#[test]
fn only_pods_that_a_drain_moves_count() {
    let still = |change: fn(&mut Pod)| {
        with(|case| {
            let mut still = pod("shop", "still", 0);
            still.owner = None;
            still.empty_dir = true;
            still.tolerates_all = true;
            still.grace_seconds = 7200;
            still.pinned = true;
            still.claims = vec!["data".into()].into();
            let volume = LocalVolume { name: "pv".into(), namespace: "shop".into(), claim: "data".into() };
            case.snapshot.local_volumes.push(volume);
            change(&mut still);
            case.snapshot.pods.push(still);
        })
    };
    let daemon: fn(&mut Pod) = |pod| pod.owner = Some(Owner { ..owner("DaemonSet", "agent") });
    let static_pod: fn(&mut Pod) = |pod| pod.mirror = true;
    let finished: fn(&mut Pod) = |pod| pod.phase = crate::model::Phase::Succeeded;
    for change in [daemon, static_pod, finished] {
        for id in ["POD-001", "POD-002", "POD-004", "POD-005", "POD-006", "POD-007"] {
            assert_eq!(levels(&still(change), id), [Level::Ok], "{id}");
        }
    }
}

#[test]
fn the_baseline_names_what_does_not_run() {
    let one = |change: fn(&mut Pod)| {
        let case = with(|case| change(&mut case.snapshot.pods[0]));
        case.run(check("POD-003")).remove(0)
    };
    let crashing = one(|pod| pod.waiting = Some("CrashLoopBackOff".into()));
    assert_eq!(crashing.message, "not running well now: shop/web-0 (CrashLoopBackOff)");
    let unscheduled = one(|pod| (pod.phase, pod.node) = (Phase::Pending, None));
    assert_eq!(unscheduled.message, "not running well now: shop/web-0 (not scheduled)");
    assert_eq!(one(|pod| pod.phase = Phase::Unknown).result, Level::Warning);
    assert_eq!(
        one(|pod| pod.waiting = Some("ContainerCreating".into())).result,
        Level::Ok,
        "it is only starting"
    );
    assert_eq!(one(|pod| (pod.phase, pod.waiting) = (Phase::Failed, Some("Error".into()))).result, Level::Ok);
}

#[test]
fn budgets_hold_unhealthy_pods_only_while_too_few_are_healthy() {
    let budget = |change: fn(&mut crate::model::Budget)| {
        let case = with(|case| {
            case.snapshot.pods[0].ready = false;
            change(&mut case.snapshot.budgets[0]);
        });
        levels(&case, "PDB-003")
    };
    assert_eq!(budget(|budget| budget.current_healthy = 2), [Level::Ok], "two are wanted, two are there");
    assert_eq!(budget(|budget| budget.current_healthy = 1), [Level::Warning]);
    let always = budget(|budget| (budget.current_healthy, budget.always_evict_unhealthy) = (1, true));
    assert_eq!(always, [Level::Ok]);
}

#[test]
fn claims_of_another_namespace_are_others() {
    let case = with(|case| {
        case.snapshot.pods[0].claims = vec!["data".into()].into();
        let volume = LocalVolume { name: "pv".into(), namespace: "other".into(), claim: "data".into() };
        case.snapshot.local_volumes.push(volume);
    });
    assert_eq!(levels(&case, "POD-007"), [Level::Ok]);
}
