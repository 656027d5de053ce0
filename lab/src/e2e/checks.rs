//! Assertions that are counted and shown one by one; a failed one does not end the scenario, so that a single run
//! tells everything that is wrong.

use std::fmt::Debug;

use crate::ui::Ui;

/// Of a list of problems only the first are shown.
const SHOWN: usize = 8;

/// The assertions of one scenario.
#[derive(Debug)]
pub(crate) struct Checks {
    ui: Ui,
    failed: usize,
}

impl Checks {
    /// None yet.
    pub(crate) fn new(ui: Ui) -> Self {
        Self { ui, failed: 0 }
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed
    }

    /// Asserts that what is seen is what is wanted.
    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, assertion: &str, seen: &T, wanted: &T) {
        let verdict = if seen == wanted { Ok(()) } else { Err(format!("seen {seen:?}, wanted {wanted:?}")) };
        self.verdict(assertion, verdict);
    }

    /// Asserts that a condition holds; `seen` says what is so instead.
    pub(crate) fn that(&mut self, assertion: &str, holds: bool, seen: &str) {
        self.verdict(assertion, if holds { Ok(()) } else { Err(format!("seen {seen}")) });
    }

    /// Asserts that a list of problems is empty.
    pub(crate) fn none<T: ToString>(&mut self, assertion: &str, problems: &[T]) {
        let shown: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
        let verdict = match problems.len() {
            0 => Ok(()),
            found => Err(format!("seen {found}, wanted none: {}", shown.join("; "))),
        };
        self.verdict(assertion, verdict);
    }

    /// Notes that the scenario could not go on.
    pub(crate) fn broken(&mut self, error: &dyn std::error::Error) {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
        self.verdict("the scenario runs to its end", Err(text));
    }

    fn verdict(&mut self, assertion: &str, verdict: Result<(), String>) {
        match verdict {
            Ok(()) => self.ui.line(&format!("ok    {assertion}")),
            Err(why) => {
                self.failed += 1;
                self.ui.line(&format!("FAIL  {assertion}: {why}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted() {
        let mut checks = Checks::new(Ui::silent());
        checks.equal("one is one", &1, &1);
        checks.none("nothing is left", &[""; 0]);
        checks.that("the sky is blue", true, "grey");
        assert_eq!(checks.failed(), 0);
        checks.equal("one is two", &1, &2);
        checks.none("nothing is left", &["chain FLANNEL-FWD on n1"]);
        checks.that("the sky is blue", false, "grey");
        assert_eq!(checks.failed(), 3);
    }
}
