//! Where things are that packets and controllers look for: kept up with every write, so that no question looks at every
//! object.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::sim::json::{controller, flag, is_ready, label, list, text};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::{Change, Key};
use crate::sim::value::{Text, Value};

use super::{endpoints, pods};

/// The places.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Pods of the pod network by address; mostly one.
    pods: HashMap<Text, SmallVec<[Key; 1]>>,
    /// Nodes by their addresses.
    nodes: HashMap<String, String>,
    /// Services by cluster address.
    services: HashMap<String, Key>,
    /// Pods of the Cilium operator.
    operators: BTreeSet<Key>,
    /// Ranges that nodes have from it.
    ranges: HashSet<String>,
    /// Budgets by namespace, with the pods that they cover; one that covers none has no selector.
    budgets: Selectors,
    /// Services by namespace, with the pods that they select.
    selecting: Selectors,
    /// How many pods count for each controller, by its UID.
    tallies: HashMap<Text, Tally>,
}

/// Pods of one controller that count for it, and how many of them are Ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) active: usize,
    pub(crate) ready: usize,
}

/// Objects by namespace, with what selects their pods.
type Selectors = HashMap<Text, BTreeMap<Key, Labels>>;

/// Takes over what an object selects now.
fn move_selector(all: &mut Selectors, key: &Key, selector: Option<Labels>) {
    let here = all.entry(key.namespace.clone()).or_default();
    match selector {
        Some(selector) => drop(here.insert(key.clone(), selector)),
        None => drop(here.remove(key)),
    }
}

impl Index {
    /// Takes a write over.
    pub(crate) fn note(&mut self, change: &Change) {
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        match change.key.resource {
            id::PODS => {
                self.move_pod(&change.key, pod_address(before), pod_address(after));
                self.count_pod(before, after);
                let is_operator = |p: &Value| label(p, "io.cilium/app") == Some("operator");
                if after.is_some_and(is_operator) {
                    self.operators.insert(change.key.clone());
                } else if before.is_some_and(is_operator) {
                    self.operators.remove(&change.key);
                }
            }
            id::BUDGETS => {
                let selector = after.and_then(|b| b.pointer("/spec/selector")).and_then(Labels::from_object);
                move_selector(&mut self.budgets, &change.key, selector);
            }
            id::SERVICES => {
                move_selector(&mut self.selecting, &change.key, after.and_then(endpoints::selector));
                let address = |s: Option<&Value>| s.map(|s| text(s, "/spec/clusterIP").to_owned());
                if let Some(old) = address(before) {
                    self.services.remove(&old);
                }
                self.services.extend(address(after).map(|new| (new, change.key.clone())));
            }
            id::NODES => self.move_node(&change.key.name, before, after),
            _ if text(change.object(), "/kind") == "CiliumNode" => {
                for range in ranges(before) {
                    self.ranges.remove(&range);
                }
                self.ranges.extend(ranges(after));
            }
            _ => {}
        }
    }

    fn count_pod(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let (from, to) = (counted(before), counted(after));
        if from == to {
            return;
        }
        if let Some((owner, is_ready)) = from
            && let Some(tally) = self.tallies.get_mut(owner)
        {
            tally.active -= 1;
            tally.ready -= usize::from(is_ready);
            if tally.active == 0 {
                self.tallies.remove(owner);
            }
        }
        if let Some((owner, is_ready)) = to {
            let tally = self.tallies.entry(owner.clone()).or_default();
            tally.active += 1;
            tally.ready += usize::from(is_ready);
        }
    }

    fn move_node(&mut self, name: &str, before: Option<&Value>, after: Option<&Value>) {
        let addresses =
            |n: Option<&Value>| n.map(|n| list(n, "/status/addresses").to_vec()).unwrap_or_default();
        let (from, to) = (addresses(before), addresses(after));
        if from != to {
            for address in &from {
                self.nodes.remove(text(address, "/address"));
            }
            self.nodes.extend(to.iter().map(|a| (text(a, "/address").to_owned(), name.to_owned())));
        }
    }

    fn move_pod(&mut self, key: &Key, from: Option<&Text>, to: Option<&Text>) {
        if from == to {
            return;
        }
        if let Some(from) = from
            && let Some(pods) = self.pods.get_mut(from)
        {
            pods.retain(|pod| pod != key);
            if pods.is_empty() {
                self.pods.remove(from);
            }
        }
        if let Some(to) = to {
            // In the order of names, as whoever asks takes the first that fits.
            let pods = self.pods.entry(to.clone()).or_default();
            let place = pods.partition_point(|pod| pod < key);
            pods.insert(place, key.clone());
        }
    }

    /// Pods that have, or had until they ended, an address.
    pub(crate) fn pods_at(&self, address: &str) -> impl Iterator<Item = &Key> {
        self.pods.get(address).into_iter().flatten()
    }

    /// How many pods count for a controller, as of the last change that was taken over.
    pub(crate) fn tally(&self, owner: &str) -> Tally {
        self.tallies.get(owner).copied().unwrap_or_default()
    }

    /// The Service with a cluster address.
    pub(crate) fn service_at(&self, address: &str) -> Option<&Key> {
        self.services.get(address)
    }

    /// The budgets of a namespace that have a selector, with it.
    pub(crate) fn budgets(&self, namespace: &str) -> impl Iterator<Item = (&Key, &Labels)> {
        self.budgets.get(namespace).into_iter().flatten()
    }

    /// The Services of a namespace that have a selector, with it.
    pub(crate) fn services(&self, namespace: &str) -> impl Iterator<Item = (&Key, &Labels)> {
        self.selecting.get(namespace).into_iter().flatten()
    }

    /// Ranges that nodes have from the Cilium operator.
    pub(crate) fn ranges(&self) -> &HashSet<String> {
        &self.ranges
    }

    /// The node with an address.
    pub(crate) fn node_at(&self, address: &str) -> Option<&str> {
        self.nodes.get(address).map(String::as_str)
    }

    /// Pods of the Cilium operator.
    pub(crate) fn operators(&self) -> impl Iterator<Item = &Key> {
        self.operators.iter()
    }
}

fn ranges(node: Option<&Value>) -> Vec<String> {
    let all = node.map(|n| list(n, "/spec/ipam/podCIDRs")).unwrap_or_default();
    all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The controller for which a pod counts, and whether the pod is Ready.
fn counted(pod: Option<&Value>) -> Option<(&Text, bool)> {
    let pod = pod.filter(|pod| pods::is_active(pod))?;
    Some((controller(pod)?.get("uid")?.as_text()?, is_ready(pod)))
}

fn pod_address(pod: Option<&Value>) -> Option<&Text> {
    let pod = pod.filter(|p| !flag(p, "/spec/hostNetwork"))?;
    pod.pointer("/status/podIP").and_then(Value::as_text).filter(|a| !a.is_empty())
}
