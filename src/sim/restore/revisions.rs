//! Which revision of a workload its recorded pods belong to: the hashes of a real controller are other than ours, and
//! a template that nobody changed must not be rolled out again.

use crate::sim::control::pods;
use crate::sim::json::{annotation, label, set, text, uid, unset};
use crate::sim::resource::id;
use crate::sim::store::Key;
use crate::sim::value::Value;
use crate::sim::world::World;

const HASH: &str = "pod-template-hash";
const REVISION: &str = "controller-revision-hash";
const NUMBER: &str = "deployment.kubernetes.io/revision";

/// Takes the recorded revisions over.
pub(super) fn adopt(world: &mut World) {
    for key in keys(world, id::DEPLOYMENTS) {
        adopt_set(world, &key);
    }
    for key in keys(world, id::DAEMONSETS) {
        // The pod that was created last has the newest template.
        let Some(owner) = world.store.get(&key).cloned() else { continue };
        let newest =
            pods::owned(world, &owner).into_iter().max_by(|(_, a), (_, b)| created(a).cmp(created(b)));
        let hash = newest.and_then(|(_, pod)| label(&pod, REVISION).map(str::to_owned));
        remember(world, &owner, hash);
    }
    for key in keys(world, id::STATEFULSETS) {
        let Some(owner) = world.store.get(&key).cloned() else { continue };
        let revision = text(&owner, "/status/updateRevision").to_owned();
        remember(world, &owner, Some(revision).filter(|r| !r.is_empty()));
    }
}

fn keys(world: &World, resource: crate::sim::resource::ResourceId) -> Vec<Key> {
    world.store.keys(resource, None).cloned().collect()
}

fn created(pod: &Value) -> &str {
    text(pod, "/metadata/creationTimestamp")
}

fn remember(world: &mut World, owner: &Value, recorded: Option<String>) {
    if let Some(recorded) = recorded {
        let ours = pods::template_hash(&owner["spec"]["template"]);
        world.revisions.insert((uid(owner).to_owned(), ours), recorded);
    }
}

/// The ReplicaSet of the Deployment's own revision has its template, whatever a projection made of either.
fn adopt_set(world: &mut World, key: &Key) {
    let Some(deployment) = world.store.get(key).cloned() else { return };
    let owned = world.store.owned_by(uid(&deployment)).into_iter();
    let mut sets = owned.filter(|(k, _)| k.resource == id::REPLICASETS);
    let number = annotation(&deployment, NUMBER);
    let Some((set_key, mut old)) = sets.find(|(_, s)| number.is_some() && annotation(s, NUMBER) == number)
    else {
        return;
    };
    let mut template = deployment["spec"]["template"].clone();
    match label(&old, HASH) {
        Some(hash) => set(&mut template, &format!("/metadata/labels/{HASH}"), hash),
        None => unset(&mut template, "/metadata/labels", HASH),
    }
    if old["spec"]["template"] != template {
        set(&mut old, "/spec/template", template);
        world.store.put(set_key, old);
    }
}
