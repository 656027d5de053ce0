//! What can be made to go wrong.

use std::collections::{BTreeSet, VecDeque};

/// Before or after the server has applied a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing has been written yet.
    Before,
    /// The write is in the store; only the answer is lost.
    After,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// An error of this HTTP code; nothing is applied.
    Answer(u16),
    /// An admission webhook of this name denies the call; nothing is applied.
    Deny(String),
    /// No answer for ever: a client needs its own time limit. A test may kill its process here.
    Stall(When),
    /// The connection breaks without an answer.
    Reset(When),
}

/// A fault on calls of one verb and resource.
#[derive(Clone, Debug)]
pub struct Fault {
    verb: String,
    resource: String,
    name: Option<String>,
    skip: u32,
    times: Option<u32>,
    effect: Effect,
}

impl Fault {
    /// On calls with this verb (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`)
    /// and resource (`nodes`, `pods/eviction`); `*` stands for any. Without more, calls answer 500 for ever.
    pub fn on(verb: &str, resource: &str) -> Self {
        let (verb, resource) = (verb.to_owned(), resource.to_owned());
        Self { verb, resource, name: None, skip: 0, times: None, effect: Effect::Answer(500) }
    }

    /// Only for the object of this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Lets the first `count` matching calls pass.
    #[must_use]
    pub fn after(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Ends after so many calls.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Answers with this HTTP code and applies nothing.
    #[must_use]
    pub fn answer(mut self, code: u16) -> Self {
        self.effect = Effect::Answer(code);
        self
    }

    /// An admission webhook of this name denies the call.
    #[must_use]
    pub fn deny(mut self, webhook: &str) -> Self {
        self.effect = Effect::Deny(webhook.to_owned());
        self
    }

    /// Never answers.
    #[must_use]
    pub fn stall(mut self, when: When) -> Self {
        self.effect = Effect::Stall(when);
        self
    }

    /// Breaks the connection.
    #[must_use]
    pub fn reset(mut self, when: When) -> Self {
        self.effect = Effect::Reset(when);
        self
    }

    fn is_for(&self, verb: &str, resource: &str, name: &str) -> bool {
        (self.verb == "*" || self.verb == verb)
            && (self.resource == "*" || self.resource == resource)
            && self.name.as_deref().is_none_or(|n| n == name)
            && self.times != Some(0)
    }
}

/// What helm does instead of its work.
#[derive(Clone, Debug)]
pub enum HelmFault {
    /// Fails with this text and exit code 1; nothing is applied.
    Refuse(String),
    /// Dies on the way: the release stays `pending-install` or `pending-upgrade`, nothing else is applied.
    Pending,
}

/// All faults that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    calls: Vec<Fault>,
    denied: BTreeSet<(String, String)>,
    pub(crate) helm: VecDeque<HelmFault>,
    /// Nodes whose Cilium agent never becomes Ready.
    pub(crate) stuck_agents: BTreeSet<String>,
    /// Nodes whose Cilium agent ends again and again once they are switched.
    pub(crate) crashing_agents: BTreeSet<String>,
    /// Budgets by namespace and name under which no new pod becomes Ready.
    pub(crate) spent_budgets: BTreeSet<(String, String)>,
    /// Nodes that do not come back once they are down.
    pub(crate) lost_nodes: BTreeSet<String>,
    /// Image names whose pull fails, by substring.
    pub(crate) missing_images: BTreeSet<String>,
    /// Pairs of nodes, in name order, between which packets are lost; a node with itself loses all.
    cuts: BTreeSet<(String, String)>,
}

impl Faults {
    /// Adds a fault on calls; earlier ones win.
    pub(crate) fn add(&mut self, fault: Fault) {
        self.calls.push(fault);
    }

    /// The effect on this call, if any; counts it.
    pub(crate) fn strike(&mut self, verb: &str, resource: &str, name: &str) -> Option<Effect> {
        for fault in self.calls.iter_mut().filter(|f| f.is_for(verb, resource, name)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(left) = &mut fault.times {
                *left -= 1;
            }
            return Some(fault.effect.clone());
        }
        None
    }

    /// Takes all faults on calls away.
    pub(crate) fn clear_calls(&mut self) {
        self.calls.clear();
    }

    /// Denies a verb on a resource (`pods/eviction` for a subresource; `*` for any).
    pub(crate) fn deny(&mut self, verb: &str, resource: &str) {
        self.denied.insert((verb.to_owned(), resource.to_owned()));
    }

    /// Allows it again.
    pub(crate) fn allow(&mut self, verb: &str, resource: &str) {
        self.denied.remove(&(verb.to_owned(), resource.to_owned()));
    }

    /// Whether authorization denies a verb on a resource.
    pub(crate) fn is_denied(&self, verb: &str, resource: &str) -> bool {
        let hit = |v: &str, r: &str| self.denied.contains(&(v.to_owned(), r.to_owned()));
        hit(verb, resource) || hit("*", resource) || hit(verb, "*")
    }

    /// Whether anything is denied at all.
    pub(crate) fn denies_something(&self) -> bool {
        !self.denied.is_empty()
    }

    /// Loses all packets between two nodes; the same node twice cuts it off from all.
    pub(crate) fn cut(&mut self, a: &str, b: &str, is_cut: bool) {
        let pair = pair(a, b);
        if is_cut {
            self.cuts.insert(pair);
        } else {
            self.cuts.remove(&pair);
        }
    }

    /// Whether packets pass between two nodes.
    pub(crate) fn is_cut(&self, a: &str, b: &str) -> bool {
        if self.cuts.is_empty() {
            return false;
        }
        let alone = |n: &str| self.cuts.contains(&pair(n, n));
        alone(a) || alone(b) || self.cuts.contains(&pair(a, b))
    }
}

fn pair(a: &str, b: &str) -> (String, String) {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    (a.to_owned(), b.to_owned())
}
