//! Faults by name, for the command line: `agent-crash-loop=worker-2`.

use std::fmt;

use crate::sim::Objects;

use super::cluster::Sim;
use super::faults::{Fault, When};
use super::json::{list, name, namespace, text};
use super::world::World;

/// What a fault is set on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Node,
    Image,
    Budget,
    Call,
}

/// A sort of fault.
#[derive(Debug)]
pub struct FaultKind {
    /// Its name.
    pub name: &'static str,
    /// What stands behind the equals sign.
    pub argument: &'static str,
    /// What goes wrong, in one line.
    pub title: &'static str,
    subject: Subject,
    set: fn(&mut World, &str),
}

/// All of them.
pub const NAMED_FAULTS: &[FaultKind] = &[
    FaultKind {
        name: "node-stays-down",
        argument: "NODE",
        title: "the node does not come back from its reboot; without a reboot it dies when it is switched",
        subject: Subject::Node,
        set: |world, node| world.faults.lost_nodes.extend([node.to_owned()]),
    },
    FaultKind {
        name: "agent-crash-loop",
        argument: "NODE",
        title: "the Cilium agent of the node ends again and again once the node is switched",
        subject: Subject::Node,
        set: |world, node| world.faults.crashing_agents.extend([node.to_owned()]),
    },
    FaultKind {
        name: "image-pull-fails",
        argument: "IMAGE",
        title: "no node that lacks an image whose name contains this can pull it",
        subject: Subject::Image,
        set: |world, image| world.faults.missing_images.extend([image.to_owned()]),
    },
    FaultKind {
        name: "budget-never-frees",
        argument: "NAMESPACE/NAME",
        title: "no new pod under the disruption budget becomes Ready",
        subject: Subject::Budget,
        set: |world, budget| {
            if let Some((namespace, name)) = budget.split_once('/') {
                world.faults.spent_budgets.extend([(namespace.to_owned(), name.to_owned())]);
            }
        },
    },
    FaultKind {
        name: "api-stalls",
        argument: "VERB/RESOURCE",
        title: "the second such call is done and never answered",
        subject: Subject::Call,
        set: |world, call| world.faults.add(on(call).after(1).times(1).stall(When::After)),
    },
    FaultKind {
        name: "api-resets",
        argument: "VERB/RESOURCE",
        title: "the connection breaks on three such calls, after the server has done them",
        subject: Subject::Call,
        set: |world, call| world.faults.add(on(call).after(1).times(3).reset(When::After)),
    },
    FaultKind {
        name: "webhook-refuses",
        argument: "VERB/RESOURCE",
        title: "an admission webhook denies such calls",
        subject: Subject::Call,
        set: |world, call| world.faults.add(on(call).deny("policy.example.com")),
    },
];

/// Calls that a migration makes.
const CALLS: [&str; 6] = [
    "create/pods/eviction",
    "patch/nodes",
    "create/pods",
    "delete/pods",
    "update/configmaps",
    "update/leases",
];

/// A fault on one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFault {
    name: &'static str,
    on: String,
}

impl fmt::Display for NamedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.on)
    }
}

impl NamedFault {
    /// Reads `NAME=ARGUMENT`; the argument must be of the cluster that `objects` record.
    ///
    /// # Errors
    /// A sentence that names what does not exist and what is nearest to it.
    pub fn parse(given: &str, objects: &Objects) -> Result<Self, String> {
        let (name, on) = given.split_once('=').unwrap_or((given, ""));
        let names = NAMED_FAULTS.iter().map(|k| k.name.to_owned());
        let kind = NAMED_FAULTS.iter().find(|k| k.name == name);
        let kind = kind.ok_or_else(|| missing(&format!("there is no fault {name:?}"), name, names))?;
        if on.is_empty() {
            return Err(format!("the fault {name} wants an argument: {name}={}", kind.argument));
        }
        let known = subjects(kind.subject, objects);
        let is_known = match kind.subject {
            Subject::Image => known.iter().any(|image| image.contains(on)),
            Subject::Node | Subject::Budget | Subject::Call => known.iter().any(|k| k == on),
        };
        if !is_known {
            let what = format!("the fault {name}: there is no {} {on:?}", noun(kind.subject));
            return Err(missing(&what, on, known.into_iter()));
        }
        Ok(Self { name: kind.name, on: on.to_owned() })
    }

    /// Any fault on any subject of a recorded cluster; the same seed and objects give the same fault.
    pub fn random(seed: u64, objects: &Objects) -> Option<Self> {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut kinds: Vec<(&FaultKind, Vec<String>)> =
            NAMED_FAULTS.iter().map(|k| (k, subjects(k.subject, objects))).collect();
        kinds.retain(|(_, subjects)| !subjects.is_empty());
        let (kind, subjects) = dice.choice(&kinds)?;
        Some(Self { name: kind.name, on: dice.choice(subjects)?.clone() })
    }
}

impl Sim {
    /// Sets a fault.
    pub fn play(&self, fault: &NamedFault) {
        if let Some(kind) = NAMED_FAULTS.iter().find(|k| k.name == fault.name) {
            (kind.set)(&mut self.shared().lock(), &fault.on);
        }
    }
}

fn on(call: &str) -> Fault {
    let (verb, resource) = call.split_once('/').unwrap_or((call, "*"));
    Fault::on(verb, resource)
}

fn noun(subject: Subject) -> &'static str {
    match subject {
        Subject::Node => "node",
        Subject::Image => "image with",
        Subject::Budget => "PodDisruptionBudget",
        Subject::Call => "call",
    }
}

/// What a fault of this sort may be set on, in a stable order.
fn subjects(subject: Subject, objects: &Objects) -> Vec<String> {
    let of_kind = |kind: &'static str| objects.each().filter(move |o| text(o, "/kind") == kind);
    let mut all: Vec<String> = match subject {
        Subject::Node => of_kind("Node").map(|n| name(n).to_owned()).collect(),
        Subject::Budget => {
            of_kind("PodDisruptionBudget").map(|b| format!("{}/{}", namespace(b), name(b))).collect()
        }
        Subject::Call => CALLS.map(str::to_owned).to_vec(),
        Subject::Image => {
            let containers = of_kind("Pod").flat_map(|p| list(p, "/spec/containers"));
            let own = ["quay.io/cilium/cilium", "quay.io/cilium/operator-generic"].map(str::to_owned);
            containers.map(|c| text(c, "/image").to_owned()).chain(own).collect()
        }
    };
    all.sort();
    all.dedup();
    all
}

/// A sentence about what is missing, with the nearest that is there.
fn missing(what: &str, wanted: &str, known: impl Iterator<Item = String>) -> String {
    let likeness = |k: &String| strsim::jaro_winkler(k, wanted);
    let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest {
        Some(nearest) => format!("{what}; the nearest is {nearest:?}"),
        None => format!("{what}, nor any other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::value::json;

    fn objects() -> Objects {
        let object =
            |kind: &str, name: &str| json!({"kind": kind, "metadata": {"name": name, "namespace": "shop"}});
        vec![object("Node", "worker-1"), object("Node", "worker-2"), object("PodDisruptionBudget", "web")]
            .into()
    }

    #[test]
    fn a_fault_is_read_or_the_nearest_is_named() {
        let read = |text: &str| NamedFault::parse(text, &objects()).map(|f| f.to_string());
        for good in
            ["agent-crash-loop=worker-2", "budget-never-frees=shop/web", "api-stalls=create/pods/eviction"]
        {
            assert_eq!(read(good), Ok(good.to_owned()));
        }
        for (bad, why) in [
            (
                "agent-crash-lop=worker-2",
                "there is no fault \"agent-crash-lop\"; the nearest is \"agent-crash-loop\"",
            ),
            ("node-stays-down", "the fault node-stays-down wants an argument: node-stays-down=NODE"),
            (
                "node-stays-down=worker-3",
                "the fault node-stays-down: there is no node \"worker-3\"; the nearest is \"worker-2\"",
            ),
            (
                "budget-never-frees=shop/wob",
                "the fault budget-never-frees: there is no PodDisruptionBudget \"shop/wob\"; the nearest is \"shop/web\"",
            ),
        ] {
            assert_eq!(read(bad), Err(why.to_owned()), "{bad}");
        }
    }

    #[test]
    fn any_fault_of_a_seed_can_be_asked_for_by_its_name() {
        let seen: std::collections::BTreeSet<String> = (0..200)
            .map(|seed| {
                let fault = NamedFault::random(seed, &objects()).unwrap();
                assert_eq!(NamedFault::random(seed, &objects()).as_ref(), Some(&fault));
                assert_eq!(NamedFault::parse(&fault.to_string(), &objects()).as_ref(), Ok(&fault));
                fault.name.to_owned()
            })
            .collect();
        assert_eq!(seen.len(), NAMED_FAULTS.len());
    }
}
