//! POLICY-001: no NetworkPolicy lies unused under the source and takes effect with `finalize`.

use super::pods::Pods;
use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::unread::{DAEMON_SETS, NETWORK_POLICIES};
use crate::model::{NetworkPolicy, Snapshot};
use crate::report::count;
use crate::target::Distribution;

pub(super) struct PolicyBegin;

impl Check for PolicyBegin {
    fn id(&self) -> &'static str {
        "POLICY-001"
    }

    fn title(&self) -> &'static str {
        "no NetworkPolicy begins to be enforced"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[NETWORK_POLICIES, DAEMON_SETS]) {
            return unknown;
        }
        let policies = &facts.snapshot.policies;
        if let Some(enforcer) = enforcer(facts.snapshot) {
            return vec![Finding::ok(self, "NetworkPolicies", format!("enforced by {enforcer} already"))];
        }
        let index = Pods::new(facts.snapshot);
        let covered = |policy: &NetworkPolicy| {
            let pods = index.in_namespace(&policy.namespace).iter().filter(|pod| policy.covers(pod)).count();
            (pods > 0).then(|| format!("{}/{} (on {})", policy.namespace, policy.name, count(pods, "pod")))
        };
        let names: Vec<_> = policies.iter().filter_map(covered).collect();
        let hint = "Flannel enforces none of them: look at each, and delete or correct those that would now drop \
                    traffic; `finalize` turns enforcement on";
        let ok = Finding::ok(self, "NetworkPolicies", "none covers a pod");
        verdict(self, "NetworkPolicy object", &names, "begins to be enforced at finalize", hint, ok)
    }
}

/// Images of programs that enforce NetworkPolicies beside Flannel; its own chart brings the first as an option.
const ENFORCERS: [&str; 4] = ["kube-network-policies", "kube-router", "calico/node", "weave-npc"];

/// Who enforces NetworkPolicies now.
pub(super) fn enforcer(snapshot: &Snapshot) -> Option<String> {
    if Distribution::of(&snapshot.nodes) == Distribution::K3s {
        return Some("k3s' network policy controller".to_owned());
    }
    let images = snapshot.daemon_sets.iter().flat_map(|set| set.images.iter().map(move |image| (set, image)));
    let known = |image: &str| ENFORCERS.iter().any(|part| image.contains(part));
    let mut found = images.filter(|(_, image)| known(image));
    found.next().map(|(set, _)| format!("DaemonSet {}/{}", set.namespace, set.name))
}
