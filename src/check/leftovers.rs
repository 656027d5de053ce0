//! LEFT-001: nothing of an earlier Cilium is in the way.

use super::{Check, Facts, Finding, Level, Severity, or_ok};
use crate::model::{Node, Read, Release};
use crate::report::count;
use crate::source::some;

/// Taint that Cilium's operator sets where an agent is not ready (operator/watchers/node_taint.go); it stays after
/// an uninstall (cilium #31943).
const TAINT: &str = "node.cilium.io/agent-not-ready";

pub(super) struct Leftovers;

impl Check for Leftovers {
    fn id(&self) -> &'static str {
        "LEFT-001"
    }

    fn title(&self) -> &'static str {
        "nothing of an earlier Cilium is in the way"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.release(facts).into_iter().collect();
        if !facts.ours {
            findings.extend(self.resources(facts));
            findings.extend(self.taints(facts));
        }
        or_ok(findings, || {
            let message = if facts.ours { "what is there is this migration's" } else { "no trace of Cilium" };
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
                Some(Finding::new(self, Level::Blocker, name(release), message).hint(hint))
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
        Finding::new(self, Level::Blocker, name(release), message).hint(hint)
    }

    fn resources(&self, facts: &Facts) -> Option<Finding> {
        let cilium = &facts.snapshot.cilium;
        if cilium.crds.is_empty() {
            return None;
        }
        let message = format!(
            "{} of an earlier Cilium, with {} and {}",
            count(cilium.crds.len(), "CRD"),
            count(cilium.nodes.len(), "CiliumNode"),
            count(cilium.node_configs.len(), "CiliumNodeConfig"),
        );
        let hint = "delete the CRDs of group cilium.io: old CiliumNodes keep old pod ranges";
        Some(Finding::failed(self, "cilium.io", message).hint(hint))
    }

    fn taints(&self, facts: &Facts) -> Option<Finding> {
        let tainted = |node: &&Node| node.taints.iter().any(|taint| &*taint.key == TAINT);
        let names: Vec<_> =
            facts.snapshot.nodes.iter().filter(tainted).map(|node| node.name.clone()).collect();
        (!names.is_empty()).then(|| {
            Finding::failed(self, some(&names), format!("tainted {TAINT} by an earlier Cilium"))
                .hint(format!("kubectl taint nodes {} {TAINT}-", names.join(" ")))
        })
    }
}

fn name(release: &Release) -> String {
    format!("release {}/{}", release.namespace, release.name)
}
