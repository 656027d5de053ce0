//! POLICY-002: no NetworkPolicy that is enforced now pauses: Cilium enforces none until `finalize`.

use super::policy_begin::enforcer;
use super::{Check, Facts, Finding, Severity, unreadable};
use crate::model::unread::{DAEMON_SETS, NETWORK_POLICIES};
use crate::report::count;

pub(super) struct PolicyPause;

impl Check for PolicyPause {
    fn id(&self) -> &'static str {
        "POLICY-002"
    }

    fn title(&self) -> &'static str {
        "no NetworkPolicy stops being enforced for the time of the migration"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[NETWORK_POLICIES, DAEMON_SETS]) {
            return unknown;
        }
        let policies = facts.snapshot.policies.len();
        vec![match enforcer(facts.snapshot) {
            None => Finding::ok(self, "NetworkPolicies", "the source enforces none"),
            Some(enforcer) if policies == 0 => {
                Finding::ok(self, "NetworkPolicies", format!("{enforcer} has none to enforce"))
            }
            Some(enforcer) => {
                let message = format!("{} enforced by {enforcer}", count(policies, "object"));
                Finding::failed(self, "NetworkPolicies", format!("{message} pause on migrated nodes until finalize")).hint(
                    "keep the migration short, protect what must stay closed by other means, and allow the nodes' \
                     addresses: between the networks pods are seen with them",
                )
            }
        }]
    }
}
