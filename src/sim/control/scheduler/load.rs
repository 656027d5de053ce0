//! What the nodes can give, what the pods of each take, and which pods wait: kept up with every write, so that a decision
//! need not look at every pod, nor at a node's whole object.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::sim::json::{flag, int, is_deleting, is_finished, list, text};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};
use crate::sim::value::Value;

use super::resources::Resources;

/// A port on the host: protocol and number; the address is taken for all.
pub(super) type Port = (String, i64);

/// What the pods of one node take together.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub(super) pods: usize,
    pub(super) requests: Resources,
    /// The same with defaults for what is not requested.
    pub(super) counted: Resources,
    ports: BTreeMap<Port, usize>,
}

impl Taken {
    /// Whether a pod has a port of the host.
    pub(super) fn has_port(&self, port: &Port) -> bool {
        self.ports.get(port).is_some_and(|n| *n > 0)
    }
}

/// What the scheduler knows of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    pub(super) taken: Taken,
    pub(super) allocatable: Resources,
    /// Neither cordoned nor tainted: any pod may go there that asks for nothing but resources.
    pub(super) is_open: bool,
}

/// What the scheduler knows of all nodes and pods.
#[derive(Debug, Default)]
pub(crate) struct Load {
    sites: Vec<Site>,
    /// The place in `sites` of each node that was ever named, by a node or by a pod.
    places: HashMap<String, usize>,
    /// The nodes that there are by name, in order, with the same place.
    nodes: Vec<(String, usize)>,
    /// With which node the next search begins: where there are too many to look at all, each has its turn.
    pub(super) next: usize,
    waiting: BTreeSet<Key>,
    /// Bound pods that keep others away.
    repelling: BTreeSet<Key>,
}

impl Load {
    /// Takes a write over.
    pub(crate) fn note(&mut self, change: &Change) {
        match (change.key.resource, &change.before, &change.after) {
            (id::NODES, _, node) => self.note_node(&change.key.name, node.as_ref()),
            // The spec of a pod does not change but for its node.
            (id::PODS, Some(before), Some(after)) if seen(before) == seen(after) => {}
            (id::PODS, before, after) => {
                if let Some(pod) = before {
                    self.forget(&change.key, pod);
                }
                if let Some(pod) = after {
                    self.learn(&change.key, pod);
                }
            }
            _ => {}
        }
    }

    fn note_node(&mut self, name: &str, node: Option<&Value>) {
        let place = self.place_of(name);
        match (node, self.nodes.binary_search_by(|(known, _)| known.as_str().cmp(name))) {
            (Some(_), Err(at)) => self.nodes.insert(at, (name.to_owned(), place)),
            (None, Ok(at)) => drop(self.nodes.remove(at)),
            _ => {}
        }
        let site = &mut self.sites[place];
        site.allocatable = node.map(Resources::allocatable).unwrap_or_default();
        site.is_open =
            node.is_some_and(|n| !flag(n, "/spec/unschedulable") && list(n, "/spec/taints").is_empty());
    }

    fn place_of(&mut self, node: &str) -> usize {
        if let Some(place) = self.places.get(node) {
            return *place;
        }
        self.sites.push(Site::default());
        self.places.insert(node.to_owned(), self.sites.len() - 1);
        self.sites.len() - 1
    }

    /// How many nodes there are.
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Each node once, with its place, from that on whose turn it is.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = (&str, usize, &Site)> {
        let (last, first) = self.nodes.split_at(self.next.min(self.nodes.len()));
        first.iter().chain(last).map(|(name, place)| (name.as_str(), *place, &self.sites[*place]))
    }

    /// The place of a node that was ever named.
    pub(super) fn place_named(&self, node: &str) -> Option<usize> {
        self.places.get(node).copied()
    }

    fn learn(&mut self, key: &Key, pod: &Value) {
        if super::waits(pod) {
            self.waiting.insert(key.clone());
        }
        let Some(taken) = self.place(pod) else { return };
        let requests = Resources::requested(pod);
        taken.pods += 1;
        taken.counted.add(&requests.for_score());
        taken.requests.add(&requests);
        for port in ports(pod) {
            *taken.ports.entry(port).or_default() += 1;
        }
        if super::affinity::repels(pod) {
            self.repelling.insert(key.clone());
        }
    }

    fn forget(&mut self, key: &Key, pod: &Value) {
        self.waiting.remove(key);
        self.repelling.remove(key);
        let Some(taken) = self.place(pod) else { return };
        let requests = Resources::requested(pod);
        taken.pods = taken.pods.saturating_sub(1);
        taken.counted.subtract(&requests.for_score());
        taken.requests.subtract(&requests);
        for port in ports(pod) {
            *taken.ports.entry(port).or_default() -= 1;
        }
    }

    /// The node that a pod takes room on: finished pods take none.
    fn place(&mut self, pod: &Value) -> Option<&mut Taken> {
        let node = text(pod, "/spec/nodeName");
        if node.is_empty() || is_finished(pod) {
            return None;
        }
        let place = self.place_of(node);
        Some(&mut self.sites[place].taken)
    }

    /// Pods without a node.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Key> {
        self.waiting.iter()
    }

    /// Bound pods with required anti-affinity.
    pub(super) fn repelling(&self) -> impl Iterator<Item = &Key> {
        self.repelling.iter()
    }
}

/// What of a pod changes what is known here.
fn seen(pod: &Value) -> (&str, bool, bool) {
    (text(pod, "/spec/nodeName"), is_finished(pod), is_deleting(pod))
}

/// The ports of the host that a pod wants.
pub(super) fn ports(pod: &Value) -> Vec<Port> {
    let ports = list(pod, "/spec/containers").iter().flat_map(|c| list(c, "/ports"));
    let wanted = ports.filter(|p| int(p, "/hostPort") != 0);
    wanted
        .map(|p| {
            let protocol = text(p, "/protocol");
            (if protocol.is_empty() { "TCP" } else { protocol }.to_owned(), int(p, "/hostPort"))
        })
        .collect()
}
