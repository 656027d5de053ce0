//! The kubelet: from a bound pod to Ready containers, and to their end.

use std::time::Duration;

use tokio::time::Instant;

use crate::sim::cni;
use crate::sim::control::{self, Work};
use crate::sim::json::{
    annotation, flag, int, is_deleting, is_finished, list, set, set_condition, text, uid,
};
use crate::sim::lifecycle::Deletion;
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::probe::Progress;
use super::program::Program;
use super::sandbox::{Sandbox, Stage, held};

/// Annotation with milliseconds from start to Ready, in place of the cluster's figure.
pub(crate) const READY_AFTER: &str = "sim.cni-migrate.dev/ready-after";
/// Annotation with milliseconds from SIGTERM to the end, in place of the cluster's figure.
pub(crate) const STOPS_AFTER: &str = "sim.cni-migrate.dev/stops-after";

/// What a kubelet acts on.
const WORK: &[&str] = &[
    "/metadata/uid",
    "/metadata/deletionTimestamp",
    "/metadata/deletionGracePeriodSeconds",
    "/spec/nodeName",
    "/status/phase",
];

/// A pod that comes, goes, is bound, is to go or has ended; all else the kubelet writes itself.
pub(crate) fn keys(_: &World, change: &Change) -> Vec<Key> {
    if change.key.resource == id::PODS && change.alters(WORK) { vec![change.key.clone()] } else { Vec::new() }
}

/// Takes a pod one step further; gives the time after which to look again.
pub(crate) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let pod = world.store.get(key).cloned();
    let known = world.sandboxes.get(key).cloned();
    if let Some(sandbox) = &known
        && pod.as_ref().is_none_or(|p| *uid(p) != *sandbox.uid)
    {
        forget(world, key, sandbox);
        return pod.and_then(|_| reconcile(world, key));
    }
    let pod = pod?;
    let node = text(&pod, "/spec/nodeName").to_owned();
    if !world.machines.get(&node)?.up {
        return None;
    }
    if is_deleting(&pod) {
        return stop(world, key, &pod, known);
    }
    if is_finished(&pod) {
        return None;
    }
    let Some(sandbox) = known else { return Some(begin(world, key, &pod, &node)) };
    let left = sandbox.due.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        return Some(left);
    }
    match sandbox.stage {
        Stage::Creating => Some(start(world, key, &pod)),
        Stage::Starting => become_ready(world, key, &pod),
        Stage::Running => work(world, key, &pod),
        Stage::Failing | Stage::Stopping | Stage::Ended => None,
    }
}

fn begin(world: &mut World, key: &Key, pod: &Value, node: &str) -> Duration {
    let wait = world.draw(world.timings.start, "start", key) + pull(world, key, pod, node);
    let sandbox = Sandbox {
        uid: held(pod, "/metadata/uid"),
        node: held(pod, "/spec/nodeName"),
        stage: Stage::Creating,
        due: Instant::now() + wait,
        restarts: 0,
    };
    world.sandboxes.insert(key.clone(), sandbox);
    let (now, host) = (world.clock.now(), world.machines[node].address.clone());
    world.modify(key, |pod| {
        set(pod, "/status/hostIP", host);
        set(pod, "/status/startTime", now.as_str());
        for kind in ["PodScheduled", "Initialized"] {
            set_condition(pod, kind, "True", "", "", &now);
        }
        not_ready(pod, &now);
        waiting(pod, "ContainerCreating", "", 0);
    });
    wait
}

/// The time to pull what the node does not have.
fn pull(world: &World, key: &Key, pod: &Value, node: &str) -> Duration {
    let has = |image: &str| world.machines.get(node).is_some_and(|m| m.images.contains(image));
    let images = list(pod, "/spec/containers").iter().map(|c| text(c, "/image"));
    let missing = images.filter(|image| !has(image));
    missing.map(|image| world.draw(world.timings.pull, image, key)).sum()
}

/// Connects and starts with its images pulled; what fails is tried again.
fn start(world: &mut World, key: &Key, pod: &Value) -> Duration {
    let restarts = world.sandboxes.get(key).map_or(0, |s| s.restarts);
    let node = text(pod, "/spec/nodeName").to_owned();
    if Program::of(pod) == Program::CiliumAgent && cni::agent::kills_node(world, &node) {
        control::nodes::go_down(world, &node);
        return world.timings.retry;
    }
    let address = match missing_image(world, pod, &node) {
        Some(image) => Err(("ImagePullBackOff", format!("Back-off pulling image {image:?}"))),
        None => connect(world, key, pod, &node).map_err(|why| ("ContainerCreating", why)),
    };
    let address = address.and_then(|address| match run_program(world, pod, &node) {
        Ok(()) => Ok(address),
        Err(why) => Err(("CreateContainerError", why)),
    });
    let address = match address {
        Ok(address) => address,
        Err((reason, why)) => {
            world.modify(key, |pod| waiting(pod, reason, &why, restarts));
            return world.timings.retry;
        }
    };
    let now = world.clock.now();
    world.modify(key, |pod| {
        set(pod, "/status/phase", "Running");
        set(pod, "/status/podIP", address.as_str());
        set(pod, "/status/podIPs", json!([{"ip": address}]));
        running(pod, restarts, &now);
    });
    if let Some(machine) = world.machines.get_mut(&node) {
        let images = list(pod, "/spec/containers").iter().filter_map(|c| c.get("image")?.as_text());
        machine.images.extend(images.cloned());
    }
    let is_agent = Program::of(pod) == Program::CiliumAgent;
    let span = if is_agent { world.timings.agent } else { world.timings.ready };
    let wait = own_time(pod, READY_AFTER).unwrap_or_else(|| world.draw(span, "ready", key));
    enter(world, key, Stage::Starting, wait)
}

fn missing_image(world: &World, pod: &Value, node: &str) -> Option<String> {
    let images = list(pod, "/spec/containers").iter().map(|c| text(c, "/image"));
    let has = |image: &str| world.machines.get(node).is_some_and(|m| m.images.contains(image));
    let is_lost = |image: &str| world.faults.missing_images.iter().any(|m| image.contains(m.as_str()));
    let is_missing = |image: &&str| is_lost(image) && !has(image);
    images.into_iter().find(is_missing).map(str::to_owned)
}

fn connect(world: &mut World, key: &Key, pod: &Value, node: &str) -> Result<String, String> {
    if flag(pod, "/spec/hostNetwork") {
        return Ok(world.machines[node].address.clone());
    }
    cni::attach(world, key, pod, node).map_err(|why| format!("Failed to create pod sandbox: {why}"))
}

fn run_program(world: &mut World, pod: &Value, node: &str) -> Result<(), String> {
    match Program::of(pod) {
        Program::Flannel => cni::flannel::start(world, node, text(pod, "/metadata/namespace")),
        Program::CiliumAgent => cni::agent::start(world, node, pod),
        _ => Ok(()),
    }
}

fn become_ready(world: &mut World, key: &Key, pod: &Value) -> Option<Duration> {
    let retry = world.timings.retry;
    if Program::of(pod) == Program::CiliumAgent
        && let Err(why) = cni::agent::become_ready(world, text(pod, "/spec/nodeName"))
    {
        tracing::debug!(pod = %key.name, why, "agent is not ready");
        if cni::agent::crashes(world, text(pod, "/spec/nodeName")) {
            crash(world, key);
        }
        return Some(enter(world, key, Stage::Starting, retry));
    }
    if is_under_spent_budget(world, pod) {
        return Some(enter(world, key, Stage::Starting, retry));
    }
    let now = world.clock.now();
    world.modify(key, |pod| {
        set_condition(pod, "ContainersReady", "True", "", "", &now);
        set_condition(pod, "Ready", "True", "", "", &now);
        each_container(pod, |status| set(status, "/ready", true));
    });
    let wait = match Program::of(pod) {
        Program::Batch => world.draw(world.timings.job, "job", key),
        Program::Server | Program::Flannel | Program::CiliumAgent | Program::ProbeServer(_) => {
            enter(world, key, Stage::Running, Duration::ZERO);
            return None;
        }
        _ => Duration::ZERO,
    };
    Some(enter(world, key, Stage::Running, wait))
}

/// The container has ended and is started again later.
fn crash(world: &mut World, key: &Key) {
    let Some(sandbox) = world.sandboxes.get_mut(key) else { return };
    sandbox.restarts += 1;
    let restarts = sandbox.restarts;
    world.modify(key, |pod| {
        waiting(pod, "CrashLoopBackOff", "back-off restarting failed container", restarts);
    });
}

fn is_under_spent_budget(world: &World, pod: &Value) -> bool {
    world.faults.spent_budgets.iter().any(|(namespace, name)| {
        let budget = world.object(id::BUDGETS, namespace, name);
        let selector = budget.and_then(|b| b.pointer("/spec/selector")).and_then(Labels::from_object);
        text(pod, "/metadata/namespace") == namespace && selector.is_some_and(|s| s.matches(pod))
    })
}

/// The work of programs that end by themselves.
fn work(world: &mut World, key: &Key, pod: &Value) -> Option<Duration> {
    if let Some(progress) = world.probes.remove(key) {
        return probe(world, key, pod, progress);
    }
    match Program::of(pod) {
        Program::Batch => finish(world, key, 0, ""),
        Program::Broken(why) => finish(world, key, 2, &why),
        Program::Sweep { patterns, only_list } => {
            let message = cni::sweep(world, text(pod, "/spec/nodeName"), &patterns, only_list);
            finish(world, key, 0, &message);
        }
        Program::Reboot(boot_id) => reboot(world, key, pod, &boot_id),
        Program::ProbeClient(spec) => return probe(world, key, pod, Progress::new(spec)),
        Program::Server | Program::Flannel | Program::CiliumAgent | Program::ProbeServer(_) => {}
    }
    None
}

/// One round of a probe client.
fn probe(world: &mut World, key: &Key, pod: &Value, mut progress: Progress) -> Option<Duration> {
    if progress.is_done() {
        finish(world, key, 0, &progress.message());
        return None;
    }
    progress.step(world, pod);
    let pause = progress.pause();
    world.probes.insert(key.clone(), progress);
    Some(enter(world, key, Stage::Running, pause))
}

fn reboot(world: &mut World, key: &Key, pod: &Value, told: &str) {
    let node = text(pod, "/spec/nodeName").to_owned();
    if !flag(pod, "/spec/hostPID") {
        return finish(world, key, 3, "this pod does not share the node's process namespace (hostPID)");
    }
    let is_old = !told.is_empty() && world.machines.get(&node).is_some_and(|m| m.boot_id != told);
    if is_old {
        return finish(world, key, 0, "");
    }
    control::nodes::go_down(world, &node);
}

/// Ends a pod that does not restart, with the message of its first container.
fn finish(world: &mut World, key: &Key, code: i64, message: &str) {
    let now = world.clock.now();
    enter(world, key, Stage::Ended, Duration::ZERO);
    world.modify(key, |pod| ended(pod, code, message, &now));
}

/// After a boot: containers start anew in the same pods, or have ended where they do not restart.
pub(crate) fn restart_all(world: &mut World, node: &str) {
    let now = world.clock.now();
    for (key, pod) in world.store.pods_on(node) {
        let wait = world.draw(world.timings.start, "start", &key);
        // Also those that came while the node was away.
        world.queue.push(Work { controller: control::KUBELET, key: key.clone() });
        let Some(sandbox) = world.sandboxes.get_mut(&key) else { continue };
        if is_finished(&pod) {
            continue;
        }
        sandbox.restarts += 1;
        let restarts = sandbox.restarts;
        if let Some(machine) = world.machines.get_mut(node) {
            machine.release(&key);
        }
        if text(&pod, "/spec/restartPolicy") == "Never" {
            enter(world, &key, Stage::Ended, Duration::ZERO);
            world.modify(&key, |pod| ended(pod, 255, "", &now));
        } else {
            enter(world, &key, Stage::Creating, wait);
            world.modify(&key, |pod| {
                not_ready(pod, &now);
                waiting(pod, "ContainerCreating", "", restarts);
            });
        }
    }
}

fn stop(world: &mut World, key: &Key, pod: &Value, sandbox: Option<Sandbox>) -> Option<Duration> {
    let has_run = sandbox
        .as_ref()
        .is_some_and(|s| matches!(s.stage, Stage::Starting | Stage::Running | Stage::Failing));
    if has_run {
        let grace = u64::try_from(int(pod, "/metadata/deletionGracePeriodSeconds")).unwrap_or_default();
        let own = own_time(pod, STOPS_AFTER).unwrap_or_else(|| world.draw(world.timings.stop, "stop", key));
        return Some(enter(world, key, Stage::Stopping, own.min(Duration::from_secs(grace))));
    }
    if let Some(sandbox) = sandbox.filter(|s| s.stage == Stage::Stopping) {
        let left = sandbox.due.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return Some(left);
        }
    }
    let now = Deletion { grace: Some(0), uid: Some(uid(pod).to_owned()), ..Deletion::default() };
    // A pod that is gone or was replaced meanwhile is none of this kubelet's business any more.
    drop(world.delete(key, &now));
    None
}

/// Frees what a pod held on its node.
fn forget(world: &mut World, key: &Key, sandbox: &Sandbox) {
    world.sandboxes.remove(key);
    world.probes.remove(key);
    if let Some(machine) = world.machines.get_mut(&*sandbox.node) {
        machine.release(key);
        if machine.agent.as_ref().is_some_and(|a| *a.pod == *sandbox.uid) {
            cni::agent::stopped(machine);
        }
    }
    cni::agent::drop_endpoint(world, key, &sandbox.uid);
}

fn enter(world: &mut World, key: &Key, stage: Stage, wait: Duration) -> Duration {
    if let Some(sandbox) = world.sandboxes.get_mut(key) {
        sandbox.stage = stage;
        sandbox.due = Instant::now() + wait;
    }
    wait
}

fn own_time(pod: &Value, key: &str) -> Option<Duration> {
    annotation(pod, key)?.parse().ok().map(Duration::from_millis)
}

fn container_statuses(pod: &Value, build: impl Fn(&Value) -> Value) -> Vec<Value> {
    list(pod, "/spec/containers").iter().map(build).collect()
}

fn each_container(pod: &mut Value, change: impl Fn(&mut Value)) {
    if let Some(Value::Array(all)) = pod.pointer_mut("/status/containerStatuses") {
        all.iter_mut().for_each(change);
    }
}

fn put_containers(pod: &mut Value, restarts: u32, is_started: bool, state: &Value) {
    let statuses = container_statuses(pod, |c| {
        let (name, image) = (text(c, "/name"), text(c, "/image"));
        json!({"name": name, "image": image, "imageID": format!("sim://{image}"), "ready": false,
            "started": is_started, "restartCount": restarts, "state": state})
    });
    set(pod, "/status/containerStatuses", statuses);
}

fn waiting(pod: &mut Value, reason: &str, message: &str, restarts: u32) {
    let mut state = json!({"waiting": {"reason": reason}});
    if !message.is_empty() {
        set(&mut state, "/waiting/message", message);
    }
    put_containers(pod, restarts, false, &state);
}

fn running(pod: &mut Value, restarts: u32, now: &str) {
    put_containers(pod, restarts, true, &json!({"running": {"startedAt": now}}));
}

fn not_ready(pod: &mut Value, now: &str) {
    for kind in ["ContainersReady", "Ready"] {
        set_condition(pod, kind, "False", "ContainersNotReady", "containers are not ready", now);
    }
}

fn ended(pod: &mut Value, code: i64, message: &str, now: &str) {
    let reason = if code == 0 { "Completed" } else { "Error" };
    let mut state = json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": now}});
    if !message.is_empty() {
        set(&mut state, "/terminated/message", message);
    }
    set(pod, "/status/phase", if code == 0 { "Succeeded" } else { "Failed" });
    let reason = if code == 0 { "PodCompleted" } else { "PodFailed" };
    set_condition(pod, "Ready", "False", reason, "", now);
    put_containers(pod, 0, false, &state);
}
