//! ReplicaSet: as many pods as asked for.

use std::time::Duration;

use crate::sim::json::{int, is_deleting, is_ready, label, name, text, uid};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::Value;
use crate::sim::world::World;

use super::index::Tally;
use super::pods;

/// A pod matters by whether it counts, where it is, and whether it is Ready.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let seen = |p: &Value| (pods::is_active(p), is_ready(p), text(p, "/spec/nodeName").is_empty());
    if change.key.resource == id::PODS
        && let (Some(before), Some(after)) = (&change.before, &change.after)
        && seen(before) == seen(after)
    {
        return Vec::new();
    }
    pods::keys_of(world, change, id::REPLICASETS)
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let set = world.store.get(key).cloned().filter(|s| !is_deleting(s))?;
    let Tally { active, ready } = world.index.tally(uid(&set));
    let wanted = pods::replicas(&set);
    let before = world.store.revision();
    if active != wanted {
        fill(world, &set, active, wanted);
    }
    // What was created or deleted brings the set here again, and counts then.
    if world.store.revision() == before {
        let numbers = [("replicas", active), ("readyReplicas", ready), ("availableReplicas", ready)];
        pods::write_status(world, key, int(&set, "/metadata/generation"), &numbers);
    }
    None
}

/// Creates pods that are missing, or deletes those that are too many.
fn fill(world: &mut World, set: &Value, total: usize, wanted: usize) {
    let hash = label(set, "pod-template-hash").unwrap_or_default();
    for _ in total..wanted {
        let pod = pods::from_template(set, &format!("{}-", name(set)), ("pod-template-hash", hash));
        pods::create(world, pod);
    }
    let active = pods::owned(world, set).into_iter().filter(|(_, pod)| pods::is_active(pod));
    let mut active: Vec<_> = if total > wanted { active.collect() } else { Vec::new() };
    // Those that serve least go first: unbound, then unready, then the newest.
    active.sort_by_key(|(_, p)| {
        (!text(p, "/spec/nodeName").is_empty(), is_ready(p), p["metadata"]["uid"].to_string())
    });
    for (pod, _) in active.iter().take(total.saturating_sub(wanted)) {
        pods::delete(world, pod);
    }
}
