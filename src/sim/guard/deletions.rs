//! What may be deleted: the journal's inventory, what the tool made, and pods that their controller brings back.

use crate::sim::json::{controller, entry, label, list, name, namespace, text, uid};
use crate::sim::resource::id;
use crate::sim::value::Value;
use crate::sim::world::World;

use super::{Rule, Seen};

/// The journal's head, which has the inventory.
const JOURNAL: (&str, &str) = ("kube-system", "cni-migrate-journal");
/// The configuration by which a node is switched.
const NODE_CONFIG: &str = "cilium-default";
/// By whom an object was made.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

pub(super) fn judge(world: &mut World, seen: &Seen, broken: &mut Vec<(Rule, String)>) {
    let mut tell = |why: &str| broken.push((Rule::Deletions, format!("{}: {why}", seen.summary())));
    match (seen.write.verb.as_str(), seen.before.as_ref()) {
        // An apply may make its object too.
        ("create" | "patch" | "update", None) => {
            let made = world.store.get(&seen.write.key).map(|o| uid(o).to_owned());
            world.guard.made.extend(made);
        }
        ("deletecollection", _) => tell("a whole collection"),
        ("delete", Some(object)) if !may_go(world, seen, object) => {
            tell("is neither in the inventory, nor made by the tool, nor a pod that comes back");
        }
        _ => {}
    }
}

/// Counts what the tool made before the cluster was recorded: a migration that has a journal made its
/// CiliumNodeConfig, which carries no mark of the tool.
pub(in crate::sim) fn remember(world: &mut World) {
    if world.object(id::CONFIGMAPS, JOURNAL.0, JOURNAL.1).is_none() {
        return;
    }
    let Some(configs) = world.registry.find("cilium.io", "ciliumnodeconfigs") else { return };
    let of_the_tool = world.store.list(configs, None).filter(|config| name(config) == NODE_CONFIG);
    let made: Vec<String> = of_the_tool.map(|config| uid(config).to_owned()).collect();
    world.guard.made.extend(made);
}

fn may_go(world: &World, seen: &Seen, object: &Value) -> bool {
    let is_ours =
        world.guard.made.contains(uid(object)) || label(object, MANAGED_BY) == Some("kubectl-cni-migrate");
    let comes_back = seen.write.key.resource == id::PODS && controller(object).is_some();
    is_ours || comes_back || is_listed(world, object)
}

fn is_listed(world: &World, object: &Value) -> bool {
    let journal = world.object(id::CONFIGMAPS, JOURNAL.0, JOURNAL.1);
    let record = journal.and_then(|j| entry(j, "/data", "record")).unwrap_or_default();
    let record: Value = serde_json::from_str(record).unwrap_or_default();
    let is_it = |o: &Value| {
        text(o, "/kind") == text(object, "/kind")
            && text(o, "/namespace") == namespace(object)
            && text(o, "/name") == name(object)
            && [uid(object), ""].contains(&text(o, "/uid"))
    };
    list(&record, "/inventory/objects").iter().any(is_it)
        || record.pointer("/inventory/namespace").is_some_and(is_it)
}
