//! Required affinity between pods (`interpodaffinity/filtering.go`).

use std::collections::BTreeSet;

use crate::sim::json::{is_finished, list, namespace, text};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::value::Value;
use crate::sim::world::World;

use super::reasons::Reason;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Values of a topology key that a term is about.
#[derive(Debug)]
struct Domains {
    key: String,
    values: BTreeSet<String>,
}

/// What one pod's rules, and those of others against it, make of the nodes.
#[derive(Debug, Default)]
pub(super) struct Affinity {
    /// Domains of which the node must be in one, for each term.
    wanted: Vec<Domains>,
    /// The pod is the first of its group: it may go where the keys are.
    is_first: bool,
    /// Its own rules against others.
    avoided: Vec<Domains>,
    /// Others' rules against it.
    repelled: Vec<Domains>,
}

/// Whether a pod has a rule that keeps others away.
pub(super) fn repels(pod: &Value) -> bool {
    !terms(pod, "podAntiAffinity").is_empty()
}

fn terms<'a>(pod: &'a Value, kind: &str) -> &'a [Value] {
    list(pod, &format!("/spec/affinity/{kind}/{REQUIRED}"))
}

impl Affinity {
    /// For one pod.
    pub(super) fn of(world: &World, pod: &Value) -> Self {
        let domains = |kind: &str| -> Vec<Domains> {
            terms(pod, kind).iter().map(|term| domains(world, pod, term)).collect()
        };
        let wanted = domains("podAffinity");
        let is_first = wanted.iter().all(|d| d.values.is_empty())
            && terms(pod, "podAffinity").iter().all(|term| matches(world, pod, term, pod));
        Self { is_first, wanted, avoided: domains("podAntiAffinity"), repelled: repelled(world, pod) }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.avoided.is_empty() && self.repelled.is_empty()
    }

    /// Whether the rules allow a node.
    pub(super) fn allow(&self, node: &Value) -> Result<(), Reason> {
        let is_in = |d: &Domains| topology(node, &d.key).is_some_and(|v| d.values.contains(v));
        let has_keys = self.wanted.iter().all(|d| topology(node, &d.key).is_some());
        if !has_keys || !(self.is_first || self.wanted.iter().all(is_in)) {
            return Err(Reason::fixed("node(s) didn't match pod affinity rules"));
        }
        if self.avoided.iter().any(is_in) {
            return Err(Reason::passing("node(s) didn't match pod anti-affinity rules"));
        }
        if self.repelled.iter().any(is_in) {
            return Err(Reason::passing("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }
}

fn topology<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    node.pointer("/metadata/labels")?.get(key)?.as_str()
}

/// The domains with a pod that a term of `pod` is about.
fn domains(world: &World, pod: &Value, term: &Value) -> Domains {
    let key = text(term, "/topologyKey").to_owned();
    let has_namespaces = !list(term, "/namespaces").is_empty() || term.get("namespaceSelector").is_some();
    let only = Some(namespace(pod)).filter(|_| !has_namespaces);
    let others = world.store.list(id::PODS, only).filter(|p| !is_finished(p) && matches(world, pod, term, p));
    let values = others.filter_map(|p| domain_of(world, p, &key)).collect();
    Domains { key, values }
}

fn domain_of(world: &World, pod: &Value, key: &str) -> Option<String> {
    let node = world.node(text(pod, "/spec/nodeName"))?;
    topology(node, key).map(str::to_owned)
}

/// Whether a term of `owner` is about `pod`.
fn matches(world: &World, owner: &Value, term: &Value, pod: &Value) -> bool {
    let names = list(term, "/namespaces");
    let by_label = term.get("namespaceSelector").and_then(Labels::from_object);
    let selected =
        |s: &Labels| world.object(id::NAMESPACES, "", namespace(pod)).is_some_and(|n| s.matches(n));
    let is_near = match (&by_label, names.is_empty()) {
        (None, true) => namespace(owner) == namespace(pod),
        _ => names.iter().any(|n| n == namespace(pod)) || by_label.as_ref().is_some_and(selected),
    };
    is_near && term.get("labelSelector").and_then(Labels::from_object).is_some_and(|s| s.matches(pod))
}

/// The domains of bound pods whose rules are against this one.
fn repelled(world: &World, pod: &Value) -> Vec<Domains> {
    let mut all = Vec::new();
    for other in world.load.repelling().filter_map(|key| world.store.get(key)) {
        for term in terms(other, "podAntiAffinity").iter().filter(|t| matches(world, other, t, pod)) {
            let key = text(term, "/topologyKey").to_owned();
            let values = domain_of(world, other, &key).into_iter().collect();
            all.push(Domains { key, values });
        }
    }
    all
}
