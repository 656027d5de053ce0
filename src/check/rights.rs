//! RIGHTS-001: the caller may do what the later verbs do, so that no run stops half-way for a missing right.

use std::fmt;

use super::{Check, Facts, Finding, Level, Severity};
use crate::model::{Intent, Inventory, ObjectRef, Read};
use crate::report::count;
use crate::source::some;

/// One thing that a caller may do; `*` stands for every verb, group or resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Verb, such as `patch`.
    pub verb: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Resource, with its subresource: `pods/eviction`.
    pub resource: String,
    /// Namespace; `None` in all namespaces, or for a cluster-scoped resource.
    pub namespace: Option<String>,
}

impl Right {
    fn new(verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> Self {
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
        }
    }

    /// Whether having this right is having that one.
    pub fn covers(&self, wanted: &Self) -> bool {
        let any = |have: &str, want: &str| have == "*" || have == want;
        any(&self.verb, &wanted.verb)
            && any(&self.group, &wanted.group)
            && any(&self.resource, &wanted.resource)
            && (self.namespace.is_none() || self.namespace == wanted.namespace)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.group)?;
        self.namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " in {namespace}"))
    }
}

type Row = (&'static [&'static str], &'static str, &'static str);

/// In all namespaces, or on cluster-scoped resources: verbs, group, resource.
const EVERYWHERE: &[Row] = &[
    (&["get", "list", "patch"], "", "nodes"),
    (&["get", "list", "create", "delete"], "", "pods"),
    (&["create"], "", "pods/eviction"),
    (&["list"], "policy", "poddisruptionbudgets"),
    (&["list"], "apps", "daemonsets"),
    (&["list"], "", "configmaps"),
    (&["list"], "cilium.io", "ciliumnodes"),
    (&["list"], "cilium.io", "ciliumendpoints"),
    // Probes have a namespace of their own.
    (&["get", "create", "delete"], "", "namespaces"),
    (&["get", "create"], "", "services"),
];

/// Read by preflight alone, in all namespaces: without one of them its checks answer unknown, and no later verb minds.
const LOOKS: &[Row] = &[
    (&["list"], "networking.k8s.io", "networkpolicies"),
    (&["list"], "networking.k8s.io", "servicecidrs"),
    (&["list"], "", "services"),
    (&["list"], "", "namespaces"),
    (&["list"], "", "persistentvolumes"),
    (&["list"], "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    (&["list"], "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    (&["list"], "apiregistration.k8s.io", "apiservices"),
    (&["get"], "apiextensions.k8s.io", "customresourcedefinitions"),
];

/// In `kube-system`, where the journal and the lock are.
const IN_SYSTEM: &[Row] = &[
    (&["get", "create", "update"], "", "configmaps"),
    (&["get", "create", "update"], "coordination.k8s.io", "leases"),
];

/// In Cilium's namespace; helm keeps its releases in Secrets there. An exec through a websocket is a GET, and newer
/// API servers ask for `create` besides (KEP-4006).
const IN_CILIUM: &[Row] = &[
    (&["get", "create"], "", "pods/exec"),
    (&["get", "list", "create", "patch", "delete"], "cilium.io", "ciliumnodeconfigs"),
    (&["get", "patch"], "apps", "deployments"),
    (&["get", "list", "create", "update", "delete"], "", "secrets"),
];

/// The rights that preflight and the later verbs need: ask for exactly these, or hand over a wider list.
///
/// What helm creates from the chart is not listed: its own dry run asks the API server for that.
pub fn needed_rights(intent: &Intent, inventory: &Inventory) -> Vec<Right> {
    let mut rights = each(EVERYWHERE, None);
    rights.extend(each(LOOKS, None));
    rights.extend(each(IN_SYSTEM, Some("kube-system")));
    rights.extend(each(IN_CILIUM, Some(&intent.namespace)));
    let objects = inventory.objects.iter().chain(&inventory.namespace);
    rights.extend(objects.flat_map(|object| ["get", "delete"].map(|verb| on(verb, object))));
    rights.sort();
    rights.dedup();
    rights
}

fn each(rows: &[Row], namespace: Option<&str>) -> Vec<Right> {
    let row = |&(verbs, group, resource): &Row| {
        verbs.iter().map(|verb| Right::new(verb, group, resource, namespace)).collect::<Vec<_>>()
    };
    rows.iter().flat_map(row).collect()
}

/// Whether only preflight asks for it.
fn only_looks(right: &Right) -> bool {
    each(LOOKS, None).contains(right)
}

fn on(verb: &str, object: &ObjectRef) -> Right {
    let group = object.api_version.split_once('/').map_or("", |(group, _)| group);
    Right::new(verb, group, &object.resource, object.namespace.as_deref())
}

pub(super) struct Rights;

impl Check for Rights {
    fn id(&self) -> &'static str {
        "RIGHTS-001"
    }

    fn title(&self) -> &'static str {
        "the caller may do everything that the migration does"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let inventory = facts.detection.one().map(|(source, _)| source.inventory(facts.snapshot));
        let needed = needed_rights(facts.intent, &inventory.unwrap_or_default());
        let held = match &facts.rights {
            Read::Known(held) => held,
            Read::Unknown(why) => {
                return vec![
                    Finding::unknown(self, "caller", format!("the caller's rights could not be read: {why}"))
                        .hint("check with `kubectl auth can-i --list`"),
                ];
            }
        };
        let missing: Vec<_> =
            needed.iter().filter(|wanted| !held.iter().any(|have| have.covers(wanted))).collect();
        if missing.is_empty() {
            return vec![Finding::ok(self, "caller", format!("has all {}", count(needed.len(), "right")))];
        }
        let hint = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let message =
            format!("lacks {} of {}: {}", missing.len(), count(needed.len(), "right"), some(&missing));
        let finding = if missing.iter().all(|right| only_looks(right)) {
            Finding::new(self, Level::Warning, "caller", format!("{message}; only checks need them"))
        } else {
            Finding::failed(self, "caller", message)
        };
        vec![finding.hint(format!("grant: {hint}"))]
    }
}
