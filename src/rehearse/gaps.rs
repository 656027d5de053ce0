//! Which workloads have no ready pod for a while, and how often pods are made anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::sim::PodChange;
use crate::sim::json::{controller, flag, is_deleting, is_ready, text};
use crate::sim::value::{Text, Value};

/// A workload without a ready pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// Such as `shop/StatefulSet/db`, or `shop/Pod/lonely`.
    pub(super) workload: String,
    /// For how long, all in all.
    pub(super) lasts: Duration,
    /// Whether it came back before the end.
    pub(super) came_back: bool,
}

/// The pods of a play.
pub(super) struct Pods {
    begun_with: usize,
    created: usize,
    ready: BTreeMap<String, BTreeSet<Text>>,
    since: BTreeMap<String, Duration>,
    lasted: BTreeMap<String, Duration>,
}

impl Pods {
    /// With the pods that are there at the beginning.
    pub(super) fn new<'a>(pods: impl Iterator<Item = &'a Value>) -> Self {
        let mut all = Self {
            begun_with: 0,
            created: 0,
            ready: BTreeMap::new(),
            since: BTreeMap::new(),
            lasted: BTreeMap::new(),
        };
        for pod in pods {
            all.begun_with += usize::from(is_moved(pod));
            if let Some(workload) = workload(pod).filter(|_| is_up(pod)) {
                all.ready.entry(workload).or_default().extend(uid(pod).cloned());
            }
        }
        all
    }

    /// Takes a change at a time from the beginning.
    pub(super) fn see(&mut self, at: Duration, change: &PodChange) {
        let Some(pod) = change.after.as_ref().or(change.before.as_ref()) else { return };
        if change.before.is_none() && is_moved(pod) {
            self.created += 1;
        }
        let Some(workload) = workload(pod) else { return };
        let is_up = change.after.as_ref().is_some_and(is_up);
        let Some(ready) = self.ready.get_mut(&workload) else { return };
        let was_up = !ready.is_empty();
        match uid(pod) {
            Some(uid) if is_up => drop(ready.insert(uid.clone())),
            Some(uid) => drop(ready.remove(uid)),
            None => {}
        }
        match (was_up, !ready.is_empty()) {
            (true, false) => drop(self.since.insert(workload, at)),
            (false, true) => self.back(&workload, at),
            _ => {}
        }
    }

    fn back(&mut self, workload: &str, at: Duration) {
        if let Some(since) = self.since.remove(workload) {
            *self.lasted.entry(workload.to_owned()).or_default() += at.saturating_sub(since);
        }
    }

    /// How many pods move with their workloads: at the beginning, and created since.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.begun_with, self.created)
    }

    /// The gaps by workload; one that lasts ends with the story.
    pub(super) fn gaps(mut self, end: Duration) -> Vec<Gap> {
        let lasting: Vec<String> = self.since.keys().cloned().collect();
        for workload in &lasting {
            self.back(workload, end);
        }
        let gap = |(workload, lasts): (String, Duration)| {
            let came_back = !lasting.contains(&workload);
            Gap { workload, lasts, came_back }
        };
        self.lasted.into_iter().map(gap).collect()
    }
}

/// The words are the pod's own.
fn uid(pod: &Value) -> Option<&Text> {
    pod.pointer("/metadata/uid").and_then(Value::as_text)
}

fn is_up(pod: &Value) -> bool {
    is_ready(pod) && !is_deleting(pod)
}

/// Pods that a drain moves: on the pod network, with a controller that makes them anew elsewhere.
fn is_moved(pod: &Value) -> bool {
    let is_daemon = |kind: &str| matches!(kind, "DaemonSet" | "Node");
    !flag(pod, "/spec/hostNetwork") && controller(pod).is_some_and(|owner| !is_daemon(text(owner, "/kind")))
}

/// The workload that a pod serves; `None` for pods of DaemonSets, Jobs and nodes, which nobody calls by a Service of
/// all, and for those of this tool.
fn workload(pod: &Value) -> Option<String> {
    let namespace = text(pod, "/metadata/namespace");
    let Some(owner) = controller(pod) else {
        let is_tool = pod.pointer("/metadata/labels").is_some_and(|labels| {
            labels.as_object().is_some_and(|l| l.keys().any(|key| key.contains("cni-migrate")))
        });
        return (!is_tool).then(|| format!("{namespace}/Pod/{}", text(pod, "/metadata/name")));
    };
    let name = text(owner, "/name");
    match text(owner, "/kind") {
        "DaemonSet" | "Job" | "Node" => None,
        "ReplicaSet" => {
            let deployment = name.rsplit_once('-').map_or(name, |(deployment, _)| deployment);
            Some(format!("{namespace}/Deployment/{deployment}"))
        }
        kind => Some(format!("{namespace}/{kind}/{name}")),
    }
}

#[cfg(test)]
mod tests {

    use tokio::time::Instant;

    use crate::sim::value::json;

    use super::*;

    fn pod(uid: &str, owner: &str, is_ready: bool) -> Value {
        json!({
            "metadata": {"namespace": "shop", "name": uid, "uid": uid,
                         "ownerReferences": [{"kind": "ReplicaSet", "name": owner, "controller": true}]},
            "status": {"conditions": [{"type": "Ready", "status": if is_ready { "True" } else { "False" }}]},
        })
    }

    fn change(before: Option<Value>, after: Option<Value>) -> PodChange {
        PodChange { at: Instant::now(), before, after }
    }

    #[test]
    fn a_workload_whose_only_pod_moves_has_a_gap_and_one_with_a_replacement_first_has_none() {
        let seconds = Duration::from_secs;
        let old = [pod("a1", "api-7f9", true), pod("w1", "web-7f9", true)];
        let mut pods = Pods::new(old.iter());
        pods.see(seconds(5), &change(Some(old[0].clone()), None));
        pods.see(seconds(5), &change(None, Some(pod("a2", "api-7f9", false))));
        pods.see(seconds(9), &change(Some(pod("a2", "api-7f9", false)), Some(pod("a2", "api-7f9", true))));
        pods.see(seconds(10), &change(None, Some(pod("w2", "web-7f9", true))));
        pods.see(seconds(11), &change(Some(old[1].clone()), None));
        assert_eq!(pods.counts(), (2, 2));
        let gap = Gap { workload: "shop/Deployment/api".into(), lasts: seconds(4), came_back: true };
        assert_eq!(pods.gaps(seconds(60)), [gap]);
    }

    #[test]
    fn a_pod_that_nobody_makes_anew_stays_away() {
        let lonely = json!({
            "metadata": {"namespace": "shop", "name": "lonely", "uid": "l"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        });
        let mut pods = Pods::new([&lonely].into_iter());
        pods.see(Duration::from_secs(20), &change(Some(lonely.clone()), None));
        let gap =
            Gap { workload: "shop/Pod/lonely".into(), lasts: Duration::from_secs(40), came_back: false };
        assert_eq!(pods.gaps(Duration::from_secs(60)), [gap]);
    }
}
