//! LEFT-004: no Cilium was installed by other means than a Helm release, which the installation would collide with.

use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::unread::DAEMON_SETS;
use crate::report::count;

pub(super) struct LeftAgents;

impl Check for LeftAgents {
    fn id(&self) -> &'static str {
        "LEFT-004"
    }

    fn title(&self) -> &'static str {
        "no Cilium runs that Helm does not know"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if facts.ours {
            return vec![Finding::ok(self, "cilium", "what runs is this migration's")];
        }
        if let Some(unknown) = unreadable(self, facts, &[DAEMON_SETS]) {
            return unknown;
        }
        let sets = &facts.snapshot.daemon_sets;
        let agents = sets.iter().filter(|set| {
            let pictured = set.images.iter().any(|image| image.contains("cilium/cilium:"));
            (&*set.name == "cilium" || pictured) && set.helm_release.is_none()
        });
        let names: Vec<_> = agents.map(|set| format!("{}/{}", set.namespace, set.name)).collect();
        let hint = "remove that Cilium by the means that installed it (a distribution's option, a manifest), if no pod \
                    uses it";
        let ok = Finding::ok(self, count(sets.len(), "DaemonSet"), "none is a Cilium without a Helm release");
        verdict(self, "DaemonSet", &names, "runs Cilium, without a Helm release", hint, ok)
    }
}
