//! What the pods of each node take, and which pods wait: kept up with every write, so that a decision need not look at
//! every pod.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::sim::json::{int, is_finished, list, text};
use crate::sim::resource::id;
use crate::sim::store::{Change, Key};

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

/// What the scheduler knows of all pods.
#[derive(Debug, Default)]
pub(crate) struct Load {
    nodes: HashMap<String, Taken>,
    waiting: BTreeSet<Key>,
    /// Bound pods that keep others away.
    repelling: BTreeSet<Key>,
}

impl Load {
    /// Takes a write over.
    pub(crate) fn note(&mut self, change: &Change) {
        if change.key.resource != id::PODS {
            return;
        }
        if let Some(pod) = &change.before {
            self.forget(&change.key, pod);
        }
        if let Some(pod) = &change.after {
            self.learn(&change.key, pod);
        }
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
        (!node.is_empty() && !is_finished(pod)).then(|| self.nodes.entry(node.to_owned()).or_default())
    }

    /// What the pods of a node take.
    pub(super) fn on(&self, node: &str) -> &Taken {
        static NOTHING: std::sync::LazyLock<Taken> = std::sync::LazyLock::new(Taken::default);
        self.nodes.get(node).unwrap_or(&NOTHING)
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
