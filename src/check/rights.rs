//! RIGHTS-001: the caller may do what the later verbs do, so that no run stops half-way for a missing right.

use std::fmt;

use super::{Check, Facts, Finding, Level, Severity, Task, needed_rights, only_checks_ask};
use crate::model::Read;
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
    /// Only the object of this name; `None` is any.
    pub name: Option<String>,
}

impl Right {
    pub(super) fn new(verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> Self {
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: None,
        }
    }

    /// Whether having this right is having that one.
    pub fn covers(&self, wanted: &Self) -> bool {
        let any = |have: &str, want: &str| have == "*" || have == want;
        any(&self.verb, &wanted.verb)
            && any(&self.group, &wanted.group)
            && any(&self.resource, &wanted.resource)
            && (self.namespace.is_none() || self.namespace == wanted.namespace)
            && (self.name.is_none() || self.name == wanted.name)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.group)?;
        self.name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))?;
        self.namespace.as_ref().map_or(Ok(()), |namespace| write!(f, " in {namespace}"))
    }
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
        let needed =
            needed_rights(&Task::of_a_migration(), &facts.intent.namespace, &inventory.unwrap_or_default());
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
        let finding = if missing.iter().all(|right| only_checks_ask(right)) {
            Finding::new(self, Level::Warning, "caller", format!("{message}; only checks need them"))
        } else {
            Finding::failed(self, "caller", message)
        };
        vec![finding.hint(format!("grant: {hint}; or a role with all of them: kubectl cni-migrate rbac"))]
    }
}
