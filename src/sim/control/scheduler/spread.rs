//! Topology spread constraints that forbid (`podtopologyspread/filtering.go`); those that only prefer weigh nothing.

use std::collections::BTreeMap;

use crate::sim::control::taints;
use crate::sim::json::{int, is_deleting, is_finished, label, list, namespace, set, text};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::reasons::Reason;

/// One constraint with the pods that are in each domain now.
#[derive(Debug)]
struct Constraint {
    key: String,
    most: usize,
    /// One more where the pod itself counts.
    own: usize,
    least: usize,
    counts: BTreeMap<String, usize>,
}

/// All constraints of one pod.
#[derive(Debug, Default)]
pub(super) struct Spread(Vec<Constraint>);

impl Spread {
    /// For one pod.
    pub(super) fn of(world: &World, pod: &Value) -> Self {
        let all = list(pod, "/spec/topologySpreadConstraints").iter();
        let hard = all.filter(|c| text(c, "/whenUnsatisfiable") != "ScheduleAnyway");
        Self(hard.map(|c| constraint(world, pod, c)).collect())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the constraints allow a node.
    pub(super) fn allow(&self, node: &Value) -> Result<(), Reason> {
        for constraint in &self.0 {
            let Some(value) = label(node, &constraint.key) else {
                let why = "node(s) didn't match pod topology spread constraints (missing required label)";
                return Err(Reason::fixed(why));
            };
            let here = constraint.counts.get(value).copied().unwrap_or_default();
            if (here + constraint.own).saturating_sub(constraint.least) > constraint.most {
                return Err(Reason::passing("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }
}

fn constraint(world: &World, pod: &Value, spec: &Value) -> Constraint {
    let key = text(spec, "/topologyKey").to_owned();
    let selector = selector(pod, spec);
    let matches = |p: &Value| selector.as_ref().is_some_and(|s| s.matches(p));
    let counts_node = |node: &Value| {
        let fits = text(spec, "/nodeAffinityPolicy") == "Ignore" || taints::selects(&pod["spec"], node);
        let bears =
            text(spec, "/nodeTaintsPolicy") != "Honor" || taints::untolerated(&pod["spec"], node).is_none();
        fits && bears
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for node in world.store.list(id::NODES, None).filter(|n| counts_node(n)) {
        if let Some(value) = label(node, &key) {
            counts.entry(value.to_owned()).or_default();
        }
    }
    let counted = |p: &Value| !is_finished(p) && !is_deleting(p);
    let others = selector.as_ref().map(|s| world.store.selected(namespace(pod), s)).unwrap_or_default();
    for other in others.into_iter().filter(|p| counted(p)) {
        let node = world.node(text(other, "/spec/nodeName")).filter(|n| counts_node(n));
        if let Some(count) = node.and_then(|n| label(n, &key)).and_then(|value| counts.get_mut(value)) {
            *count += 1;
        }
    }
    let number = |pointer: &str| usize::try_from(int(spec, pointer)).unwrap_or_default();
    let is_few = counts.len() < number("/minDomains");
    let least = if is_few { 0 } else { counts.values().copied().min().unwrap_or_default() };
    Constraint { key, most: number("/maxSkew"), own: usize::from(matches(pod)), least, counts }
}

/// The label selector, with the pod's own values of `matchLabelKeys`.
fn selector(pod: &Value, spec: &Value) -> Option<Labels> {
    let mut selector = spec.get("labelSelector")?.clone();
    for key in list(spec, "/matchLabelKeys").iter().filter_map(Value::as_str) {
        if let Some(value) = label(pod, key) {
            let pointer = format!("/matchLabels/{}", key.replace('~', "~0").replace('/', "~1"));
            set(&mut selector, &pointer, json!(value));
        }
    }
    Labels::from_object(&selector)
}
