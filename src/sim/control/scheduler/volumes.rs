//! Volumes that are bound to nodes or zones (`volumebinding`, `volumezone`).

use crate::sim::control::taints;
use crate::sim::json::{label, list, namespace, text};
use crate::sim::resource::id;
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::reasons::Reason;

/// Labels of a volume that its node must share (`volumezone`).
const ZONES: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/// The volumes of a pod's bound claims.
#[derive(Debug, Default)]
pub(super) struct Volumes(Vec<Value>);

impl Volumes {
    /// For one pod.
    ///
    /// # Errors
    /// The scheduler's message where a claim is missing or will not be bound by scheduling.
    pub(super) fn of(world: &World, pod: &Value) -> Result<Self, String> {
        let mut all = Vec::new();
        for volume in list(pod, "/spec/volumes") {
            let name = text(volume, "/persistentVolumeClaim/claimName");
            if name.is_empty() {
                continue;
            }
            let none = |why: &str| {
                let nodes = world.store.list(id::NODES, None).count();
                format!(
                    "0/{nodes} nodes are available: {why}. preemption: 0/{nodes} nodes are available: {nodes} Preemption is \
                 not helpful for scheduling."
                )
            };
            let claim = world.object(id::CLAIMS, namespace(pod), name);
            let claim = claim.ok_or_else(|| none(&format!("persistentvolumeclaim {name:?} not found")))?;
            let bound = world.object(id::VOLUMES, "", text(claim, "/spec/volumeName"));
            match bound {
                Some(volume) => all.push(volume.clone()),
                None if is_bound_at_once(world, claim) => {
                    return Err(none("pod has unbound immediate PersistentVolumeClaims"));
                }
                None => {}
            }
        }
        Ok(Self(all))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all volumes can be had on a node.
    pub(super) fn allow(&self, node: &Value) -> Result<(), Reason> {
        for volume in &self.0 {
            let terms = list(volume, "/spec/nodeAffinity/required/nodeSelectorTerms");
            let required = json!({"affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}});
            if !taints::selects(&required, node) {
                return Err(Reason::fixed("node(s) didn't match PersistentVolume's node affinity"));
            }
            if ZONES
                .iter()
                .any(|key| label(volume, key).is_some_and(|zones| !is_among(label(node, key), zones)))
            {
                return Err(Reason::fixed("node(s) had no available volume zone"));
            }
        }
        Ok(())
    }
}

/// Several zones are joined by two underscores.
fn is_among(zone: Option<&str>, zones: &str) -> bool {
    zone.is_some_and(|zone| zones.split("__").any(|z| z == zone))
}

/// Whether a claim waits for a volume and not for a pod; without its class in the record nobody knows.
fn is_bound_at_once(world: &World, claim: &Value) -> bool {
    let class = world.object(id::STORAGE_CLASSES, "", text(claim, "/spec/storageClassName"));
    let is_bound = !text(claim, "/spec/volumeName").is_empty();
    !is_bound && class.is_some_and(|c| text(c, "/volumeBindingMode") != "WaitForFirstConsumer")
}
