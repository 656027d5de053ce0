//! Why a pod stays Pending, in the scheduler's words (`framework/types.go`, `FitError.Error`).

use std::collections::BTreeMap;

/// Why one node does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    text: String,
    /// Whether the end of other pods could help.
    passing: bool,
}

impl Reason {
    /// A reason that no other pod's end changes.
    pub(super) fn fixed(text: &str) -> Self {
        Self { text: text.to_owned(), passing: false }
    }

    /// A reason that goes when other pods go.
    pub(super) fn passing(text: &str) -> Self {
        Self { text: text.to_owned(), passing: true }
    }
}

/// The reasons of all nodes.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    counts: BTreeMap<String, usize>,
    fixed: usize,
    passing: usize,
}

impl Reasons {
    /// Adds those of one node.
    pub(super) fn add(&mut self, reasons: Vec<Reason>) {
        if reasons.iter().all(|r| r.passing) {
            self.passing += 1;
        } else {
            self.fixed += 1;
        }
        for reason in reasons {
            *self.counts.entry(reason.text).or_default() += 1;
        }
    }

    /// Of how many nodes.
    pub(super) fn nodes(&self) -> usize {
        self.fixed + self.passing
    }

    /// `0/3 nodes are available: ...`, each reason with its number, in the order of the text.
    pub(super) fn message(&self) -> String {
        let nodes = self.fixed + self.passing;
        if nodes == 0 {
            return "no nodes available to schedule pods".to_owned();
        }
        let reasons = self.counts.iter().map(|(text, count)| format!("{count} {text}"));
        let preemption = [
            (self.fixed, "Preemption is not helpful for scheduling"),
            (self.passing, "No preemption victims found for incoming pod"),
        ];
        let preemption =
            preemption.iter().filter(|(count, _)| *count > 0).map(|(count, text)| format!("{count} {text}"));
        format!(
            "0/{nodes} nodes are available: {}. preemption: 0/{nodes} nodes are available: {}.",
            joined(reasons),
            joined(preemption)
        )
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = parts.collect();
    all.sort();
    all.join(", ")
}
