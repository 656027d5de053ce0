//! VERSION-001: the wanted Cilium is the newest patch release that this tool knows of its minor.

use super::{Check, Facts, Finding, Severity};
use crate::target::{minor_of, newest_patch, patch_of};

pub(super) struct Version;

impl Check for Version {
    fn id(&self) -> &'static str {
        "VERSION-001"
    }

    fn title(&self) -> &'static str {
        "the wanted Cilium is the newest patch of its minor"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let version = &facts.intent.cilium_version;
        let subject = format!("Cilium {version}");
        let known = minor_of(version).and_then(|minor| Some((minor, newest_patch(minor)?)));
        let Some(((major, minor), newest)) = known else {
            return vec![Finding::unknown(self, subject, "this tool knows no release of that minor")];
        };
        vec![match patch_of(version) {
            Some(patch) if patch >= newest => Finding::ok(
                self,
                subject,
                format!("{major}.{minor}.{newest} is the newest that this tool knows"),
            ),
            found => {
                let what = if found.is_some() { "is older than" } else { "is a test release before" };
                Finding::failed(self, subject, format!("{what} {major}.{minor}.{newest}")).hint(format!(
                    "use --cilium-version {major}.{minor}.{newest} or newer: a migration meets old bugs"
                ))
            }
        }]
    }
}
