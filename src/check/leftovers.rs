//! LEFT-001: no Helm release of Cilium is in the way.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::model::{Read, Release};

pub(super) struct Leftovers;

impl Check for Leftovers {
    fn id(&self) -> &'static str {
        "LEFT-001"
    }

    fn title(&self) -> &'static str {
        "no Helm release of Cilium is in the way"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        or_ok(self.release(facts).into_iter().collect(), || {
            let message = if facts.ours { "what is there is this migration's" } else { "there is none" };
            Finding::ok(self, "cilium", message)
        })
    }
}

impl Leftovers {
    fn release(&self, facts: &Facts) -> Option<Finding> {
        match &facts.snapshot.release {
            Read::Unknown(why) => {
                Some(Finding::unknown(self, "cilium", format!("the Helm release could not be read: {why}")))
            }
            Read::Known(None) => None,
            Read::Known(Some(release)) if release.status != "deployed" => Some(self.stuck(release)),
            Read::Known(Some(_)) if facts.ours => None,
            Read::Known(Some(release)) => {
                let message = format!("{} is installed, and not by this tool", release.chart);
                let hint =
                    format!("helm uninstall {} -n {}, if no pod uses it", release.name, release.namespace);
                Some(Finding::failed(self, name(release), message).hint(hint))
            }
        }
    }

    /// A release that an interrupted helm left: every later helm command refuses.
    fn stuck(&self, release: &Release) -> Finding {
        let Release { name: release_name, namespace, status, revision, .. } = release;
        let hint = if status.starts_with("pending") {
            format!(
                "helm rollback {release_name} -n {namespace}, or uninstall it if revision {revision} is the first"
            )
        } else {
            format!(
                "see why with `helm status {release_name} -n {namespace}`, then roll back or uninstall it"
            )
        };
        let message = format!("revision {revision} is {status}, expected deployed");
        Finding::failed(self, name(release), message).hint(hint)
    }
}

fn name(release: &Release) -> String {
    format!("release {}/{}", release.namespace, release.name)
}
