//! RIGHTS-001: the caller may do what the later verbs do, so that no run stops half-way for a missing right.

use std::fmt;

use super::{Check, Facts, Finding, Level, Severity, Task, can_be_missed, needed_rights};
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

    /// Whether that right is the same to the object with the next number.
    fn is_followed_by(&self, next: &Self) -> bool {
        let numbered = |right: &Self| -> Option<(String, u32)> {
            let (stem, number) = right.name.as_deref()?.rsplit_once('-')?;
            Some((stem.to_owned(), number.parse().ok()?))
        };
        let follows = numbered(self).map(|(stem, number)| (stem, number + 1)) == numbered(next);
        follows && numbered(next).is_some() && Self { name: self.name.clone(), ..next.clone() } == *self
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

/// Rights in words; of those to objects that are numbered one after the other only the first and the last are named.
fn in_words(rights: &[&Right]) -> Vec<String> {
    let run = |run: &[&Right]| match run {
        [first, .., last] => {
            let name = |right: &Right| right.name.clone().unwrap_or_default();
            Right { name: Some(format!("{} to {}", name(first), name(last))), ..(*first).clone() }.to_string()
        }
        _ => run.iter().map(ToString::to_string).collect(),
    };
    rights.chunk_by(|one, next| one.is_followed_by(next)).map(run).collect()
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
        let all = count(in_words(&needed.iter().collect::<Vec<_>>()).len(), "right");
        if missing.is_empty() {
            return vec![Finding::ok(self, "caller", format!("has all {all}"))];
        }
        let lacked = in_words(&missing);
        let message = format!("lacks {} of {all}: {}", lacked.len(), some(&lacked));
        let finding = if missing.iter().all(|right| can_be_missed(right)) {
            Finding::new(self, Level::Warning, "caller", format!("{message}; a migration goes on without"))
        } else {
            Finding::failed(self, "caller", message)
        };
        vec![finding.hint(format!(
            "grant: {}; or a role with all of them: kubectl cni-migrate rbac",
            lacked.join(", ")
        ))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_to_numbered_objects_are_told_as_one() {
        let right = |verb: &str, name: &str| Right {
            name: Some(name.to_owned()),
            ..Right::new(verb, "", "configmaps", Some("s"))
        };
        let names = ["j", "j-001", "j-002", "j-003", "j-005", "k-006"];
        let mut rights: Vec<Right> = names.iter().map(|name| right("get", name)).collect();
        rights.push(right("update", "k-007"));
        let told = in_words(&rights.iter().collect::<Vec<_>>());
        let expected = ["j", "j-001 to j-003", "j-005", "k-006"].map(|n| format!("get configmaps {n} in s"));
        assert_eq!(told[..4], expected);
        assert_eq!(told[4..], ["update configmaps k-007 in s"]);
    }
}
