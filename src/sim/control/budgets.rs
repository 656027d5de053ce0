//! The disruption controller: what a PodDisruptionBudget allows now (`kubernetes/pkg/controller/disruption`).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sim::json::{controller, int, is_deleting, is_ready, name, namespace, set, set_condition, text};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Map, Value};
use crate::sim::world::World;

use super::pods;

/// `DeletionTimeout`: an eviction that was granted counts for two minutes.
const GRANTED: i64 = 120;

/// The budgets that cover a pod, before or after its change; all of a namespace in which a workload is scaled.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let concerns = [id::PODS, id::REPLICASETS, id::STATEFULSETS, id::DEPLOYMENTS];
    if change.key.resource == id::BUDGETS {
        return vec![change.key.clone()];
    }
    if !concerns.contains(&change.key.resource) {
        return Vec::new();
    }
    let is_pod = change.key.resource == id::PODS;
    if !is_pod && !is_rescaled(change) {
        return Vec::new();
    }
    if is_pod && is_as_before(change) {
        return Vec::new();
    }
    let ends = [&change.before, &change.after];
    let covers = |s: &Labels| ends.into_iter().flatten().any(|p| s.matches(p));
    let budgets = world.index.budgets(&change.key.namespace);
    budgets.filter(|(_, selector)| !is_pod || covers(selector)).map(|(key, _)| key.clone()).collect()
}

/// Whether no budget can see what changed about a pod: its labels, its owner, whether it is Ready or about to go.
fn is_as_before(change: &Change) -> bool {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return false };
    let seen = |p: &Value| (is_ready(p), is_deleting(p));
    seen(before) == seen(after) && !change.alters(&["/metadata/labels", "/metadata/ownerReferences"])
}

/// Whether a workload is to have another number of pods than before.
fn is_rescaled(change: &Change) -> bool {
    let replicas = |o: &Option<Value>| o.as_ref().map(|o| int(o, "/spec/replicas"));
    replicas(&change.before) != replicas(&change.after)
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let budget = world.store.get(key).cloned().filter(|b| !is_deleting(b))?;
    let pods = matching(world, &budget);
    let (disrupted, recheck) = still_granted(world, &budget, &pods);
    let healthy =
        pods.iter().filter(|p| !is_deleting(p) && !disrupted.contains_key(name(p)) && is_ready(p)).count();
    let expected = match expected(world, &budget, &pods) {
        Ok(expected) => expected,
        Err(Some(why)) => {
            fail(world, key, &budget, &why);
            return None;
        }
        // Of owners that were not recorded nobody knows the scale: the recorded status stays.
        Err(None) => return None,
    };
    let (count, desired) = expected;
    let allowed = if count == 0 { 0 } else { healthy.saturating_sub(desired) };
    let now = world.clock.now();
    let generation = int(&budget, "/metadata/generation");
    world.modify(key, |budget| {
        for (member, number) in [
            ("currentHealthy", healthy),
            ("desiredHealthy", desired),
            ("expectedPods", count),
            ("disruptionsAllowed", allowed),
        ] {
            set(budget, &format!("/status/{member}"), number);
        }
        if !disrupted.is_empty() || budget.pointer("/status/disruptedPods").is_some() {
            set(budget, "/status/disruptedPods", Value::Object(disrupted));
        }
        set(budget, "/status/observedGeneration", generation);
        let (status, reason) =
            if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
        pods::turn(budget, "DisruptionAllowed", status, reason, "", &now);
    });
    recheck
}

fn matching(world: &World, budget: &Value) -> Vec<Value> {
    let Some(selector) = budget.pointer("/spec/selector").and_then(Labels::from_object) else {
        return Vec::new();
    };
    // Finished pods count as pods here, as they do in the real controller: they are matched and never healthy.
    world.store.selected(namespace(budget), &selector).into_iter().cloned().collect()
}

/// Evictions granted for pods that are still there and not deleting; and when the next one expires.
fn still_granted(world: &World, budget: &Value, pods: &[Value]) -> (Map, Option<Duration>) {
    let mut kept = Map::new();
    let mut recheck: Option<u64> = None;
    let granted = budget.pointer("/status/disruptedPods").and_then(Value::as_object);
    for (pod, time) in granted.into_iter().flatten() {
        let is_there = pods.iter().any(|p| name(p) == pod.as_str() && !is_deleting(p));
        let age = time.as_str().and_then(|t| world.clock.seconds_since(t)).unwrap_or(GRANTED + 1);
        if is_there && age <= GRANTED {
            kept.insert(pod.clone(), time.clone());
            let left = u64::try_from(GRANTED - age).unwrap_or_default() + 1;
            recheck = Some(recheck.map_or(left, |r| r.min(left)));
        }
    }
    (kept, recheck.map(Duration::from_secs))
}

/// `getExpectedPodCount`: pods expected, and how many must be healthy.
fn expected(world: &World, budget: &Value, pods: &[Value]) -> Result<(usize, usize), Option<String>> {
    let spec = &budget["spec"];
    if let Some(limit) = spec.get("maxUnavailable").filter(|v| !v.is_null()) {
        let count = scale(world, pods)?;
        return Ok((count, count.saturating_sub(pods::scaled(limit, count, true))));
    }
    match spec.get("minAvailable").filter(|v| !v.is_null()) {
        Some(limit) if limit.is_string() => {
            let count = scale(world, pods)?;
            Ok((count, pods::scaled(limit, count, true)))
        }
        Some(limit) => Ok((pods.len(), pods::scaled(limit, 0, true))),
        None => Ok((0, 0)),
    }
}

/// `getExpectedScale`: the sum of what the pods' controllers are to have; pods without one are left out.
fn scale(world: &World, pods: &[Value]) -> Result<usize, Option<String>> {
    let mut scales = BTreeMap::new();
    for pod in pods {
        let Some(reference) = controller(pod) else { continue };
        let uid = text(reference, "/uid");
        let Some((_, owner)) = world.store.by_uid(uid) else {
            if world.absent_owners.contains_key(uid) {
                return Err(None);
            }
            return Err(Some(format!("found no controllers for pod {:?}", name(pod))));
        };
        match text(owner, "/kind") {
            "StatefulSet" => drop(scales.insert(uid.to_owned(), pods::replicas(owner))),
            "ReplicaSet" => {
                let deployment = controller(owner).and_then(|d| world.store.by_uid(text(d, "/uid")));
                let (uid, top) = deployment.map_or((uid, owner), |(_, d)| (crate::sim::json::uid(d), d));
                scales.insert(uid.to_owned(), pods::replicas(top));
            }
            kind => return Err(Some(format!("{kind} does not implement the scale subresource"))),
        }
    }
    Ok(scales.values().sum())
}

/// `failSafe`: a budget that cannot be computed allows nothing.
fn fail(world: &mut World, key: &Key, budget: &Value, why: &str) {
    let now = world.clock.now();
    let generation = int(budget, "/metadata/generation");
    world.modify(key, |budget| {
        set(budget, "/status/disruptionsAllowed", 0);
        set(budget, "/status/observedGeneration", generation);
        set_condition(budget, "DisruptionAllowed", "False", "SyncFailed", why, &now);
    });
}
