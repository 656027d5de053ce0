//! Eviction by taint: pods leave a node that has `NoExecute` taints which they do not bear, at once or after the
//! shortest time for which they bear them (`kubernetes/pkg/controller/tainteviction`).

use std::time::Duration;

use crate::sim::json::{is_deleting, list, text};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::Value;
use crate::sim::world::World;

use super::{pods, taints};

/// A pod that comes to a tainted node, and all pods of a node whose taints change.
pub(super) fn keys(world: &World, change: &Change) -> Vec<Key> {
    match (change.key.resource, &change.after) {
        (id::PODS, Some(pod)) => {
            let node = world.node(text(pod, "/spec/nodeName"));
            let came = change.before.as_ref().is_none_or(|b| text(b, "/spec/nodeName").is_empty());
            if came && node.is_some_and(drives_away) { vec![change.key.clone()] } else { Vec::new() }
        }
        (id::NODES, Some(node)) => {
            let same = change.before.as_ref().is_some_and(|b| b["spec"]["taints"] == node["spec"]["taints"]);
            if same || !drives_away(node) {
                return Vec::new();
            }
            world.store.pods_on(&change.key.name).into_iter().map(|(key, _)| key).collect()
        }
        _ => Vec::new(),
    }
}

fn drives_away(node: &Value) -> bool {
    list(node, "/spec/taints").iter().any(|t| text(t, "/effect") == "NoExecute")
}

pub(super) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let pod = world.store.get(key).cloned().filter(|p| !is_deleting(p))?;
    let node = world.node(text(&pod, "/spec/nodeName"))?;
    let left = time_left(world, &pod, node)?;
    if left.is_zero() {
        pods::delete(world, key);
        return None;
    }
    Some(left)
}

/// How long a pod may stay; `None` for ever.
fn time_left(world: &World, pod: &Value, node: &Value) -> Option<Duration> {
    let tolerations = list(pod, "/spec/tolerations");
    let mut least: Option<i64> = None;
    for taint in list(node, "/spec/taints").iter().filter(|t| text(t, "/effect") == "NoExecute") {
        let borne: Vec<&Value> = tolerations.iter().filter(|t| taints::tolerates(t, taint)).collect();
        if borne.is_empty() {
            return Some(Duration::ZERO);
        }
        let seconds = borne.iter().filter_map(|t| t.get("tolerationSeconds").and_then(Value::as_i64)).min();
        let since = world.clock.seconds_since(text(taint, "/timeAdded")).unwrap_or_default();
        if let Some(left) = seconds.map(|s| (s - since).max(0)) {
            least = Some(least.map_or(left, |l| l.min(left)));
        }
    }
    Some(Duration::from_secs(u64::try_from(least?).unwrap_or_default()))
}
