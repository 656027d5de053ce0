//! The eviction subresource, step by step as `kubernetes/pkg/registry/core/pod/storage/eviction.go` (1.36).

use crate::sim::json::{condition, int, is_deleting, is_finished, is_ready, set, set_condition, text};
use crate::sim::lifecycle::Deletion;
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::status::{Answer, Refusal};
use crate::sim::store::Key;
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::owner::Owner;
use super::write::{current, key_of};
use super::{Call, Reply, Target, delete};

/// `MaxDisruptedPodSize`.
const MAX_DISRUPTED: usize = 2000;
const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// Answers an eviction.
///
/// # Errors
/// 429 where the budget is spent, 409 where a precondition fails, 404 without the pod.
pub(crate) fn answer(world: &mut World, call: &Call, target: &Target) -> Answer<Reply> {
    let key = key_of(target)?;
    let eviction: Value = call.json()?;
    if text(&eviction, "/metadata/name") != &*key.name {
        return Err(Refusal::bad_request("name in URL does not match name in Eviction object"));
    }
    let mut options = delete::from_body(eviction.get("deleteOptions").unwrap_or(&Value::Null));
    options.dry_run |= call.is_dry_run();
    let pod = current(world, world.registry.get(target.resource), &key)?;
    if ignores_budgets(&pod) {
        return evict(world, &key, &options);
    }
    let budgets = budgets_of(world, &pod);
    let [budget] = budgets.as_slice() else {
        if budgets.is_empty() {
            return evict(world, &key, &options);
        }
        let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        return Err(Refusal::plain(message));
    };
    if !may_go_unready(&pod, world.store.get(budget).unwrap_or(&Value::Null)) {
        check_and_decrement(world, budget, &key.name, options.dry_run)?;
        return evict(world, &key, &options);
    }
    // The server puts the version that it has just read in the place of the caller's, and takes any conflict for one
    // about that version, unless the caller gave one.
    let given = options.resource_version.take();
    evict(world, &key, &options).map_err(|refusal| {
        if refusal.code == 409 && given.is_none() { in_process(&budget.name) } else { refusal }
    })
}

/// `canIgnorePDB`.
fn ignores_budgets(pod: &Value) -> bool {
    is_finished(pod) || text(pod, "/status/phase") == "Pending" || is_deleting(pod)
}

/// The budgets whose selector matches; an empty selector matches all, an invalid or absent one none.
fn budgets_of(world: &World, pod: &Value) -> Vec<Key> {
    let namespace = text(pod, "/metadata/namespace");
    let matches = |b: &Value| {
        b.pointer("/spec/selector")
            .and_then(Labels::from_object)
            .is_some_and(|selector| selector.matches(pod))
    };
    let budgets = world.store.list(id::BUDGETS, Some(namespace)).filter(|b| matches(b));
    budgets.map(|b| Key::of(id::BUDGETS, b)).collect()
}

/// An unready pod goes without spending the budget where the application has what it needs.
fn may_go_unready(pod: &Value, budget: &Value) -> bool {
    let desired = int(budget, "/status/desiredHealthy");
    !is_ready(pod)
        && (text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow"
            || (int(budget, "/status/currentHealthy") >= desired && desired > 0))
}

fn check_and_decrement(world: &mut World, key: &Key, pod: &str, dry_run: bool) -> Answer<()> {
    let info = world.registry.get(id::BUDGETS).clone();
    let budget = current(world, &info, key)?;
    if int(&budget, "/status/observedGeneration") < int(&budget, "/metadata/generation") {
        return Err(in_process(&key.name));
    }
    let allowed = int(&budget, "/status/disruptionsAllowed");
    if allowed < 0 {
        return Err(Refusal::forbidden(&info, &key.name, "pdb disruptions allowed is negative"));
    }
    let disrupted = budget.pointer("/status/disruptedPods").and_then(Value::as_object);
    if disrupted.is_some_and(|d| d.len() > MAX_DISRUPTED) {
        let why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
        return Err(Refusal::forbidden(&info, &key.name, why));
    }
    if allowed == 0 {
        return Err(too_many(0).cause("DisruptionBudget", &why_refused(&budget, &key.name), ""));
    }
    if !dry_run {
        let now = world.clock.now();
        let server = Owner::server(world, id::BUDGETS, "status");
        world.modify(key, |budget| {
            let old = budget.clone();
            set(budget, "/status/disruptionsAllowed", allowed - 1);
            set(budget, &format!("/status/disruptedPods/{pod}"), now.as_str());
            if allowed == 1 {
                none_left(budget, &now);
            }
            server.record(&old, budget);
        });
    }
    Ok(())
}

/// The condition that the last granted eviction writes (`UpdateDisruptionAllowedCondition`).
fn none_left(budget: &mut Value, now: &str) {
    set_condition(budget, "DisruptionAllowed", "False", "InsufficientPods", "", now);
    let observed = int(budget, "/status/observedGeneration");
    let conditions = budget.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    let is_it = |c: &&mut Value| text(c, "/type") == "DisruptionAllowed";
    if let Some(condition) = conditions.and_then(|all| all.iter_mut().find(is_it)) {
        set(condition, "/message", "");
        if observed > 0 {
            set(condition, "/observedGeneration", observed);
        }
    }
}

fn too_many(seconds: u32) -> Refusal {
    Refusal::new(429, "TooManyRequests", REFUSED).retry_after(seconds)
}

/// Somebody else writes the budget just now, or its controller has not seen it yet.
fn in_process(budget: &str) -> Refusal {
    let why = format!("The disruption budget {budget} is still being processed by the server.");
    too_many(10).cause("DisruptionBudget", &why, "")
}

fn why_refused(budget: &Value, name: &str) -> String {
    let (needs, has) = (int(budget, "/status/desiredHealthy"), int(budget, "/status/currentHealthy"));
    let failed = condition(budget, "DisruptionAllowed").filter(|c| text(c, "/reason") == "SyncFailed");
    match failed {
        Some(failed) => format!(
            "The disruption budget {name} does not allow evicting pods currently because it failed sync: {}",
            text(failed, "/message")
        ),
        None if has <= needs => {
            format!("The disruption budget {name} needs {needs} healthy pods and has {has} currently")
        }
        None => format!("The disruption budget {name} does not allow evicting pods currently"),
    }
}

fn evict(world: &mut World, key: &Key, options: &Deletion) -> Answer<Reply> {
    world.delete(key, &Deletion { dry_run: true, ..options.clone() })?;
    if !options.dry_run {
        let now = world.clock.now();
        world.modify(key, |pod| {
            let message = "Eviction API: evicting";
            set_condition(pod, "DisruptionTarget", "True", "EvictionByEvictionAPI", message, &now);
        });
        // The preconditions were checked above; the condition has moved the resource version since.
        world.delete(key, &Deletion { resource_version: None, uid: None, ..options.clone() })?;
    }
    Ok(Reply::json(
        201,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Builder, Workload};

    fn refusal(status: Value) -> Refusal {
        let workload = Workload::deployment("shop", "web", 2).max_unavailable(1);
        let mut world = Builder::default().workloads([workload]).world().unwrap();
        let key = Key::new(id::BUDGETS, "shop", "web");
        world.modify(&key, |budget| set(budget, "/status", status));
        check_and_decrement(&mut world, &key, "web-1", false).unwrap_err()
    }

    #[test]
    fn a_budget_that_was_not_yet_looked_at_asks_for_patience() {
        let refused = refusal(json!({"observedGeneration": 0, "disruptionsAllowed": 1}));
        assert_eq!((refused.code, refused.retry_after), (429, Some(10)));
        let cause = &refused.body["details"]["causes"][0];
        assert_eq!(cause["message"], "The disruption budget web is still being processed by the server.");
    }

    #[test]
    fn a_budget_that_makes_no_sense_is_forbidden() {
        assert_eq!(refusal(json!({"observedGeneration": 1, "disruptionsAllowed": -1})).code, 403);
        let disrupted: crate::sim::value::Map =
            (0..=MAX_DISRUPTED).map(|n| (n.to_string(), json!("2026-01-01T00:00:00Z"))).collect();
        let full = json!({"observedGeneration": 1, "disruptionsAllowed": 1, "disruptedPods": disrupted});
        assert_eq!(refusal(full).code, 403);
    }
}
