//! The kinds of cases: one file per subject, one line here.

mod apply;
mod bad;
mod budget;
mod custom;
mod delete;
mod eviction;
mod format;
mod lease;
mod list;
mod node;
mod patch;
mod precondition;
mod rbac;
mod table;
mod watch;

use super::script::{Chance, Script};

/// One subject: how its cases are made, and how many of them a seed has.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) count: u64,
    pub(super) make: fn(&mut Chance, &mut Script),
}

/// All subjects; their cases are numbered in this order.
pub(super) const SUBJECTS: &[Subject] = &[
    Subject { name: "eviction", count: 120, make: eviction::make },
    Subject { name: "budget", count: 30, make: budget::make },
    Subject { name: "node", count: 50, make: node::make },
    Subject { name: "patch", count: 70, make: patch::make },
    Subject { name: "apply", count: 70, make: apply::make },
    Subject { name: "precondition", count: 40, make: precondition::make },
    Subject { name: "list", count: 60, make: list::make },
    Subject { name: "watch", count: 30, make: watch::make },
    Subject { name: "lease", count: 20, make: lease::make },
    Subject { name: "rbac", count: 30, make: rbac::make },
    Subject { name: "custom", count: 30, make: custom::make },
    Subject { name: "format", count: 30, make: format::make },
    Subject { name: "delete", count: 50, make: delete::make },
    Subject { name: "bad", count: 60, make: bad::make },
    Subject { name: "table", count: 40, make: table::make },
];

/// All cases of a seed.
pub(super) fn all(seed: u64) -> Vec<Script> {
    let mut scripts = Vec::new();
    for subject in SUBJECTS {
        for _ in 0..subject.count {
            let number = scripts.len() as u64;
            let mut script = Script::new(format!("fid-{seed}-{number}"));
            script.about(subject.name);
            (subject.make)(&mut Chance::new(seed, number), &mut script);
            scripts.push(script);
        }
    }
    scripts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_has_five_hundred_cases_and_another_seed_others() {
        let texts = |seed| -> Vec<String> {
            let lines = |script: Script| script.steps.iter().map(super::super::request::Step::line).collect();
            all(seed)
                .into_iter()
                .map(lines)
                .map(|text: String| text.replace(&format!("fid-{seed}"), "fid"))
                .collect()
        };
        let (one, two) = (texts(1), texts(2));
        assert!(one.len() >= 500);
        assert_eq!(one, texts(1));
        assert!(one.iter().zip(&two).filter(|(a, b)| a != b).count() > one.len() / 2);
        assert!(one.iter().collect::<BTreeSet<_>>().len() >= 500, "cases repeat themselves");
    }
}
