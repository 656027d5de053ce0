//! SOURCE-001: the CNI that the cluster comes from is one that can be migrated from.

use super::{Check, Facts, Finding, Level, Severity};
use crate::source::{Claim, Detection, some, support};

pub(super) struct Source;

impl Check for Source {
    fn id(&self) -> &'static str {
        "SOURCE-001"
    }

    fn title(&self) -> &'static str {
        "the source CNI is identified"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        match facts.detection {
            Detection::One { source, parameters, .. } => {
                let version = parameters.version.as_deref().map_or_else(String::new, |v| format!(" {v}"));
                let message = format!("{}{version} · {parameters}, {}", source.id(), parameters.layout);
                let owner = source.inventory(facts.snapshot).owner_advice.map(|advice| {
                    Finding::new(self, Level::Warning, source.id(), "something else owns its objects")
                        .hint(advice)
                });
                std::iter::once(Finding::ok(self, source.id(), message)).chain(owner).collect()
            }
            Detection::Unreadable { source, problems, .. } => problems
                .iter()
                .map(|problem| {
                    Finding::failed(self, source.id(), problem.to_string())
                        .hint(format!("correct {}, then run preflight again", problem.object))
                })
                .collect(),
            Detection::None { seen } => vec![self.none(facts, seen)],
            Detection::Contradiction { claims } => {
                claims.iter().map(|claim| self.contradiction(claim)).collect()
            }
        }
    }
}

impl Source {
    /// Nothing found is no proof where something could not be read.
    fn none(&self, facts: &Facts, seen: &[Claim]) -> Finding {
        let unread =
            facts.snapshot.unknown.iter().find(|(what, _)| what == "DaemonSets" || what == "ConfigMaps");
        if let Some((what, why)) = unread {
            return Finding::unknown(self, "cluster", format!("{what} could not be read: {why}"))
                .hint("let the caller list DaemonSets and ConfigMaps in all namespaces");
        }
        if seen.is_empty() {
            return Finding::failed(self, "cluster", "no CNI was recognised, expected flannel")
                .hint("only clusters that run Flannel can be migrated");
        }
        let names: Vec<_> = seen.iter().map(evidence).collect();
        Finding::failed(self, "cluster", format!("seen, not supported as a source yet: {}", names.join("; ")))
            .hint(advice(seen))
    }

    fn contradiction(&self, claim: &Claim) -> Finding {
        Finding::failed(self, &claim.by, format!("contradicts the others: {}", evidence(claim)))
            .hint("remove what is left of the CNI that is not in use, then run preflight again")
    }
}

fn evidence(claim: &Claim) -> String {
    format!("{} ({})", claim.by, some(&claim.evidence))
}

/// What is and is not supported of each CNI that was seen; a source with too little evidence is no CNI of the table.
fn advice(seen: &[Claim]) -> String {
    let mut advice: Vec<String> =
        seen.iter().filter_map(|claim| Some(format!("{}: {}", claim.by, support(&claim.by)?))).collect();
    advice.dedup();
    if advice.is_empty() {
        return "at least two kinds of evidence for Flannel are needed".to_owned();
    }
    advice.join("; ")
}
