//! What kubelets remember of recorded pods.

use std::time::Duration;

use tokio::time::Instant;

use crate::sim::json::{controller, int, is_deleting, is_finished, is_ready, list, set_default, text};
use crate::sim::node::program::Program;
use crate::sim::node::{Sandbox, Stage, held};
use crate::sim::resource::id;
use crate::sim::value::Value;
use crate::sim::world::World;

/// Fills in what a projection may have left out of a pod and the controllers need.
pub(super) fn complete(pod: &mut Value) {
    let is_batch = controller(pod).is_some_and(|o| text(o, "/kind") == "Job");
    set_default(pod, "/spec/restartPolicy", if is_batch { "Never" } else { "Always" });
    set_default(pod, "/spec/terminationGracePeriodSeconds", 30);
}

/// Gives every pod that its node has begun a sandbox in its stage.
pub(super) fn resume(world: &mut World) {
    for key in world.store.keys(id::PODS, None).cloned().collect::<Vec<_>>() {
        let Some(pod) = world.store.get(&key).cloned() else { continue };
        let node = text(&pod, "/spec/nodeName");
        let Some(stage) = stage(&pod).filter(|_| world.machines.contains_key(node)) else { continue };
        let restarts = int(&pod, "/status/containerStatuses/0/restartCount");
        let is_at_work = stage == Stage::Running && Program::of(&pod) == Program::Batch;
        let wait = if is_at_work { world.draw(world.timings.job, "job", &key) } else { Duration::ZERO };
        let sandbox = Sandbox {
            uid: held(&pod, "/metadata/uid"),
            node: held(&pod, "/spec/nodeName"),
            stage,
            due: Instant::now() + wait,
            restarts: u32::try_from(restarts).unwrap_or_default(),
        };
        world.sandboxes.insert(key, sandbox);
    }
}

/// How far a pod is; `None` where its kubelet has not begun, or may begin anew without a difference.
fn stage(pod: &Value) -> Option<Stage> {
    if is_finished(pod) {
        return Some(Stage::Ended);
    }
    let waiting = list(pod, "/status/containerStatuses").iter().map(|c| text(c, "/state/waiting/reason"));
    let fails = waiting.clone().any(|r| !matches!(r, "" | "ContainerCreating" | "PodInitializing"));
    match text(pod, "/status/phase") {
        _ if fails => Some(Stage::Failing),
        "Running" if is_ready(pod) || is_deleting(pod) => Some(Stage::Running),
        "Running" => Some(Stage::Failing),
        _ => None,
    }
}
