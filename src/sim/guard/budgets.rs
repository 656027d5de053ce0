//! Disruption budgets by their words: counted from pods and their owners, never from a budget's status.

use std::collections::BTreeMap;

use crate::sim::json::{controller, int, is_deleting, is_finished, is_ready, name, namespace, text, uid};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::value::Value;
use crate::sim::world::World;

use super::Write;

/// What an eviction or a deletion of `pod` would break.
pub(super) fn broken(world: &World, write: &Write, pod: &Value) -> Option<String> {
    let takes = write.resource == "pods/eviction" || (write.resource == "pods" && write.verb == "delete");
    let serves_nobody = is_deleting(pod) || is_finished(pod) || text(pod, "/status/phase") == "Pending";
    if !takes || serves_nobody {
        return None;
    }
    let mut budgets = world.store.list(id::BUDGETS, Some(namespace(pod)));
    budgets.find_map(|budget| broken_by(world, budget, pod))
}

fn broken_by(world: &World, budget: &Value, pod: &Value) -> Option<String> {
    let selector =
        budget.pointer("/spec/selector").and_then(Labels::from_object).filter(|s| s.matches(pod))?;
    let covered = world.store.selected(namespace(pod), &selector);
    let healthy = covered.iter().filter(|p| is_ready(p) && !is_deleting(p)).count();
    let wanted = wanted(world, budget, &covered);
    let always = text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow";
    let may_go = if is_ready(pod) { healthy > wanted } else { always || (healthy >= wanted && wanted > 0) };
    (!may_go).then(|| {
        format!(
            "pod {}/{} is needed by PodDisruptionBudget {}: {healthy} healthy, {wanted} wanted",
            namespace(pod),
            name(pod),
            name(budget)
        )
    })
}

/// How many pods must stay healthy.
fn wanted(world: &World, budget: &Value, covered: &[&Value]) -> usize {
    let at_least = budget.pointer("/spec/minAvailable").filter(|v| !v.is_null());
    let at_most = budget.pointer("/spec/maxUnavailable").filter(|v| !v.is_null());
    let all = || expected(world, covered);
    match (at_least, at_most) {
        (Some(number), _) => share(number, all),
        (None, Some(number)) => all().saturating_sub(share(number, all)),
        (None, None) => 0,
    }
}

/// A number, or a percentage of all, rounded up.
fn share(number: &Value, all: impl Fn() -> usize) -> usize {
    let percent = number.as_str().and_then(|t| t.strip_suffix('%')).and_then(|t| t.parse::<usize>().ok());
    match percent {
        Some(percent) => (percent * all()).div_ceil(100),
        None => number.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default(),
    }
}

/// How many pods the owners of the covered pods are to have.
fn expected(world: &World, covered: &[&Value]) -> usize {
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for pod in covered {
        let Some(reference) = controller(pod) else { continue };
        let mut owner = world.store.by_uid(text(reference, "/uid")).map(|(_, o)| o);
        if let Some(above) = owner.and_then(|o| controller(o)) {
            owner = world.store.by_uid(text(above, "/uid")).map(|(_, o)| o).or(owner);
        }
        match owner.filter(|o| o.pointer("/spec/replicas").is_some()) {
            Some(o) => {
                let replicas = usize::try_from(int(o, "/spec/replicas")).unwrap_or_default();
                owners.insert(uid(o).to_owned(), replicas);
            }
            None => *owners.entry(text(reference, "/uid").to_owned()).or_default() += 1,
        }
    }
    owners.values().sum()
}
