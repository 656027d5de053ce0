//! What became of each pod, so that the judge can tell a loss that the pod's own restart explains from one that
//! nothing explains.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use serde::Serialize;

use crate::workload::pod_is_ready;

/// How long a pod that was told to end must still answer: the time that kube-proxy and the meter's agents get to
/// hear of it. Its preStop sleep is longer than that.
const ENDPOINT_GRACE: SignedDuration = SignedDuration::from_secs(2);

/// How a pod stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It exists and is not Ready.
    NotReady,
    /// It is Ready.
    Ready,
    /// It was told to end.
    Terminating,
    /// It is gone.
    Gone,
}

/// A stretch of time; without an end it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its beginning.
    pub(crate) from: Timestamp,
    /// Its end.
    pub(crate) until: Timestamp,
}

impl Span {
    /// What both spans have in common.
    pub(crate) fn overlap(self, other: Self) -> Option<Self> {
        let (from, until) = (self.from.max(other.from), self.until.min(other.until));
        (from < until).then_some(Self { from, until })
    }

    /// Whether the whole of `other` lies in this span.
    pub(crate) fn holds(self, other: Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }

    /// Its length in seconds.
    pub(crate) fn seconds(self) -> f64 {
        self.until.duration_since(self.from).as_secs_f64()
    }
}

/// The life of one pod.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// The node that it runs on; empty until it is scheduled.
    pub(crate) node: String,
    /// Its controller as `Kind/name`; empty where it has none.
    pub(crate) owner: String,
    changes: Vec<(Timestamp, State)>,
}

impl Life {
    /// All changes of its state, in the order of time.
    pub(crate) fn changes(&self) -> &[(Timestamp, State)] {
        &self.changes
    }

    fn state(&self) -> Option<State> {
        self.changes.last().map(|(_, state)| *state)
    }

    fn change(&mut self, at: Timestamp, state: State) {
        if self.state() != Some(state) {
            self.changes.push((at, state));
        }
    }

    /// The stretches in which everything that the pod was asked had to be answered: Ready, and the first moments
    /// after it was told to end.
    pub(crate) fn steady(&self) -> Vec<Span> {
        let ends = self.changes.iter().skip(1).map(|(at, _)| *at).chain([Timestamp::MAX]);
        let mut spans: Vec<Span> = Vec::new();
        for ((from, state), until) in self.changes.iter().zip(ends) {
            match (state, spans.last_mut()) {
                (State::Ready, _) => spans.push(Span { from: *from, until }),
                (State::Terminating, Some(ready)) if ready.until == *from => {
                    ready.until = until.min(from.saturating_add(ENDPOINT_GRACE).unwrap_or(until));
                }
                _ => {}
            }
        }
        spans
    }

    /// Whether the pod was steady for the whole of `span`.
    pub(crate) fn is_steady(&self, span: Span) -> bool {
        self.steady().iter().any(|steady| steady.holds(span))
    }
}

/// The lives of all pods, by UID.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lives {
    pods: BTreeMap<String, Life>,
    node_went_down: BTreeMap<String, Timestamp>,
}

impl Lives {
    /// Takes note of a pod as the API shows it at `at`.
    pub(crate) fn see(&mut self, at: Timestamp, pod: &Pod) {
        let Some(uid) = pod.metadata.uid.clone() else { return };
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
        let state = self.state(pod, &node);
        let life = self.pods.entry(uid).or_insert_with(|| Life {
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            node: String::new(),
            owner: owner(pod).unwrap_or_default(),
            changes: Vec::new(),
        });
        life.node = node;
        life.change(at, state);
    }

    fn state(&self, pod: &Pod, node: &str) -> State {
        if pod.metadata.deletion_timestamp.is_some() {
            return State::Terminating;
        }
        let down = self.node_went_down.get(node);
        if pod_is_ready(pod) && down.is_none_or(|down| started_after(pod, *down)) {
            State::Ready
        } else {
            State::NotReady
        }
    }

    /// Takes note that the pod of this UID is gone.
    pub(crate) fn lose(&mut self, at: Timestamp, uid: &str) {
        if let Some(life) = self.pods.get_mut(uid) {
            life.change(at, State::Gone);
        }
    }

    /// Takes note that a node went down. The API goes on calling its pods Ready until its kubelet speaks again, so
    /// what it says of them counts only once their containers have been started anew.
    pub(crate) fn node_down(&mut self, at: Timestamp, node: &str) {
        for life in
            self.pods.values_mut().filter(|life| life.node == node && life.state() == Some(State::Ready))
        {
            life.change(at, State::NotReady);
        }
        self.node_went_down.insert(node.to_owned(), at);
    }

    /// UIDs of the pods that are not gone.
    pub(crate) fn present(&self) -> impl Iterator<Item = &str> {
        self.pods.iter().filter(|(_, life)| life.state() != Some(State::Gone)).map(|(uid, _)| uid.as_str())
    }

    /// The life of one pod.
    pub(crate) fn get(&self, uid: &str) -> Option<&Life> {
        self.pods.get(uid)
    }

    /// All lives with their UIDs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Life)> {
        self.pods.iter().map(|(uid, life)| (uid.as_str(), life))
    }

    /// The life of the pod of this name in this namespace that lived at `at`, or else the last one that had begun.
    pub(crate) fn named(&self, namespace: &str, name: &str, at: Timestamp) -> Option<&Life> {
        self.pods
            .values()
            .filter(|life| life.namespace == namespace && life.name == name)
            .filter(|life| life.changes.first().is_some_and(|(begun, _)| *begun <= at))
            .max_by_key(|life| life.changes.first().map(|(begun, _)| *begun))
    }
}

/// The pod's controller as `Kind/name`.
fn owner(pod: &Pod) -> Option<String> {
    let owners = pod.metadata.owner_references.as_deref()?;
    let owner = owners.iter().find(|owner| owner.controller == Some(true))?;
    Some(format!("{}/{}", owner.kind, owner.name))
}

/// Whether every container runs since after `moment`; the API's times are whole seconds, rounded down.
fn started_after(pod: &Pod, moment: Timestamp) -> bool {
    let containers =
        pod.status.as_ref().and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    containers.iter().all(|container| {
        let running = container.state.as_ref().and_then(|state| state.running.as_ref());
        running.and_then(|running| running.started_at.as_ref()).is_some_and(|started| started.0 > moment)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    pub(crate) fn span(from: i64, until: i64) -> Span {
        Span { from: at(from), until: at(until) }
    }

    /// A meter pod as the API shows it; `started` is when its container started, if it is Ready.
    pub(crate) fn pod(name: &str, node: &str, started: Option<i64>, deleted: bool) -> Pod {
        let status = match started {
            None => json!({}),
            Some(second) => json!({
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "meter", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                    "state": {"running": {"startedAt": at(second).to_string()}}}],
            }),
        };
        let mut pod: Pod = serde_json::from_value(json!({
            "metadata": {"namespace": "lab-meter", "name": name, "uid": format!("uid-{name}")},
            "spec": {"nodeName": node, "containers": []}, "status": status,
        }))
        .unwrap();
        pod.metadata.deletion_timestamp =
            deleted.then(|| k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(0)));
        pod
    }

    #[test]
    fn a_pod_is_steady_from_ready_until_its_endpoint_grace_is_past() {
        let mut lives = Lives::default();
        lives.see(at(0), &pod("meter-a", "n1", None, false));
        lives.see(at(2), &pod("meter-a", "n1", Some(1), false));
        lives.see(at(3), &pod("meter-a", "n1", Some(1), false));
        lives.see(at(10), &pod("meter-a", "n1", Some(1), true));
        lives.lose(at(15), "uid-meter-a");
        assert_eq!(lives.get("uid-meter-a").unwrap().steady(), [span(2, 12)]);
        assert_eq!(lives.present().count(), 0);
    }

    #[test]
    fn a_pod_that_was_never_ready_is_never_steady() {
        let mut lives = Lives::default();
        lives.see(at(0), &pod("meter-a", "n1", None, false));
        lives.see(at(1), &pod("meter-a", "n1", None, true));
        assert!(lives.get("uid-meter-a").unwrap().steady().is_empty());
    }

    #[test]
    fn a_reboot_ends_steadiness_until_the_containers_run_anew() {
        let mut lives = Lives::default();
        lives.see(at(0), &pod("meter-a", "n1", Some(0), false));
        lives.see(at(0), &pod("meter-b", "n2", Some(0), false));
        lives.node_down(at(20), "n1");
        lives.see(at(25), &pod("meter-a", "n1", Some(0), false));
        lives.see(at(30), &pod("meter-a", "n1", Some(29), false));
        let steady = |uid| lives.get(uid).unwrap().steady();
        assert_eq!(steady("uid-meter-a"), [span(0, 20), Span { from: at(30), until: Timestamp::MAX }]);
        assert_eq!(steady("uid-meter-b"), [Span { from: at(0), until: Timestamp::MAX }]);
    }

    #[test]
    fn a_name_used_again_means_the_pod_that_had_begun() {
        let mut lives = Lives::default();
        lives.see(at(0), &pod("meter-a", "n1", Some(0), false));
        lives.lose(at(5), "uid-meter-a");
        let mut second = pod("meter-a", "n2", Some(6), false);
        second.metadata.uid = Some("later".into());
        lives.see(at(6), &second);
        let node = |second| lives.named("lab-meter", "meter-a", at(second)).map(|life| life.node.as_str());
        assert_eq!((node(3), node(7)), (Some("n1"), Some("n2")));
    }
}
