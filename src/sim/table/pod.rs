//! The table of pods: what of all their containers is told in one word (`printPod`).

use jiff::Timestamp;

use super::Printer;
use super::cells::{age, duration, text_or};
use crate::sim::clock::Clock;
use crate::sim::json::{flag, int, is_condition_true, is_deleting, is_finished, list, name, text};
use crate::sim::value::{Value, json};

pub(super) const PRINTERS: &[Printer] = &[("pods", pod)];

/// What a row of a pod that has come to its end says of it.
pub(super) fn condition(pod: &Value) -> Option<Value> {
    let message = match text(pod, "/status/phase") {
        "Succeeded" => "The pod has completed successfully.",
        "Failed" => "The pod failed.",
        _ => return None,
    };
    let reason = text(pod, "/status/phase");
    Some(json!({"type": "Completed", "status": "True", "reason": reason, "message": message}))
}

/// What is counted while containers are looked at.
#[derive(Default)]
struct Seen {
    ready: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl Seen {
    fn restarted(&mut self, container: &Value) {
        self.restarts += int(container, "/restartCount");
        let ended = text(container, "/lastState/terminated/finishedAt").parse().ok();
        self.last_restart = self.last_restart.max(ended);
    }
}

fn pod(o: &Value, clock: &Clock) -> Vec<Value> {
    let mut reason = text_or(o, "/status/reason", text(o, "/status/phase")).to_owned();
    let gated = |c: &Value| text(c, "/type") == "PodScheduled" && text(c, "/reason") == "SchedulingGated";
    if list(o, "/status/conditions").iter().any(gated) {
        "SchedulingGated".clone_into(&mut reason);
    }
    let (mut seen, sidecars, initializing) = initial(o);
    if let Some(why) = &initializing {
        reason.clone_from(why);
    }
    if initializing.is_none() || is_condition_true(o, "Initialized") {
        seen = Seen { ready: seen.ready, ..sidecars };
        reason = main(o, reason, &mut seen);
    }
    if is_deleting(o) && text(o, "/status/reason") == "NodeLost" {
        "Unknown".clone_into(&mut reason);
    } else if is_deleting(o) && !is_finished(o) {
        "Terminating".clone_into(&mut reason);
    }
    let restartable = list(o, "/spec/initContainers").iter().filter(|c| is_sidecar(c)).count();
    let total = list(o, "/spec/containers").len() + restartable;
    vec![
        json!(name(o)),
        json!(format!("{}/{total}", seen.ready)),
        json!(reason),
        json!(restarts(&seen, clock)),
        age(o, clock),
        json!(text_or(o, "/status/podIPs/0/ip", "<none>")),
        json!(text_or(o, "/spec/nodeName", "<none>")),
        json!(text_or(o, "/status/nominatedNodeName", "<none>")),
        json!(gates(o)),
    ]
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "/restartPolicy") == "Always"
}

/// The init containers: all of them, those that run on beside the pod's own, and what the pod waits for.
fn initial(pod: &Value) -> (Seen, Seen, Option<String>) {
    let (mut all, mut sidecars) = (Seen::default(), Seen::default());
    let specs = list(pod, "/spec/initContainers");
    for (at, container) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        all.restarted(container);
        let is_sidecar = specs.iter().any(|s| name_of(s) == name_of(container) && is_sidecar(s));
        if is_sidecar {
            sidecars.restarted(container);
        }
        let ended = container.pointer("/state/terminated");
        if ended.is_some_and(|t| int(t, "/exitCode") == 0) {
            continue;
        }
        if is_sidecar && flag(container, "/started") {
            all.ready += usize::from(flag(container, "/ready"));
            continue;
        }
        let waits = text(container, "/state/waiting/reason");
        let why = match ended {
            Some(ended) => format!("Init:{}", end(ended)),
            None if !waits.is_empty() && waits != "PodInitializing" => format!("Init:{waits}"),
            None => format!("Init:{at}/{}", specs.len()),
        };
        return (all, sidecars, Some(why));
    }
    (all, sidecars, None)
}

fn name_of(container: &Value) -> &str {
    text(container, "/name")
}

/// Why a container has ended.
fn end(ended: &Value) -> String {
    match (text(ended, "/reason"), int(ended, "/signal")) {
        ("", 0) => format!("ExitCode:{}", int(ended, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// The containers: the first of them that waits or has ended tells the state of the pod.
fn main(pod: &Value, mut reason: String, seen: &mut Seen) -> String {
    let (mut runs, mut error) = (false, String::new());
    for container in list(pod, "/status/containerStatuses").iter().rev() {
        seen.restarted(container);
        let waits = text(container, "/state/waiting/reason");
        if !waits.is_empty() {
            waits.clone_into(&mut reason);
        } else if let Some(ended) = container.pointer("/state/terminated") {
            reason = end(ended);
            if int(ended, "/exitCode") != 0 {
                error.clone_from(&reason);
            }
        } else if flag(container, "/ready") && container.pointer("/state/running").is_some() {
            runs = true;
            seen.ready += 1;
        }
    }
    match reason.as_str() {
        "Completed" if runs && is_condition_true(pod, "Ready") => "Running".to_owned(),
        "Completed" if !error.is_empty() => error,
        "Completed" if runs => "NotReady".to_owned(),
        _ => reason,
    }
}

fn restarts(seen: &Seen, clock: &Clock) -> String {
    match seen.last_restart {
        Some(last) if seen.restarts != 0 => {
            let ago = clock.timestamp().duration_since(last).as_secs();
            format!("{} ({} ago)", seen.restarts, duration(ago))
        }
        _ => seen.restarts.to_string(),
    }
}

fn gates(pod: &Value) -> String {
    let gates = list(pod, "/spec/readinessGates");
    let open = gates.iter().filter(|gate| is_condition_true(pod, text(gate, "/conditionType"))).count();
    if gates.is_empty() { "<none>".to_owned() } else { format!("{open}/{}", gates.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_trouble_of_a_pod_is_told() {
        let clock = Clock::new("2026-01-01T01:00:00Z".parse().unwrap());
        let shown = |status: Value, deleted: bool| {
            let mut object = json!({"metadata": {"name": "p"}, "status": status,
                "spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "a"}, {"name": "b"}]}});
            if deleted {
                object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            }
            let cells = pod(&object, &clock);
            [1, 2, 3].map(|at| cells[at].as_str().unwrap().to_owned()).join(" ")
        };
        let waiting = json!({"phase": "Pending", "initContainerStatuses": [
            {"name": "i", "state": {"terminated": {"exitCode": 2}}}]});
        assert_eq!(shown(waiting, false), "0/2 Init:ExitCode:2 0");
        let crashing = json!({"phase": "Running", "containerStatuses": [
            {"name": "a", "ready": true, "restartCount": 0, "state": {"running": {}}},
            {"name": "b", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"finishedAt": "2026-01-01T00:55:00Z"}}}]});
        assert_eq!(shown(crashing.clone(), false), "1/2 CrashLoopBackOff 3 (5m ago)");
        assert_eq!(shown(crashing, true), "1/2 Terminating 3 (5m ago)");
    }
}
