//! DISTRO-001: the distribution is known, and does not manage the CNI itself.

use super::{Check, Facts, Finding, Level, Severity};
use crate::target::{self, Fit};

pub(super) struct Distribution;

impl Check for Distribution {
    fn id(&self) -> &'static str {
        "DISTRO-001"
    }

    fn title(&self) -> &'static str {
        "the distribution leaves its CNI to the operator"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let distribution = target::Distribution::of_cluster(facts.snapshot);
        let name = distribution.name();
        vec![match distribution.fit() {
            Fit::Yes(what) => Finding::ok(self, name, what),
            Fit::Unknown(what) => Finding::new(self, Level::Info, name, what)
                .hint("compare the kubelet's CNI directories with /etc/cni/net.d and /opt/cni/bin"),
            Fit::Partly { what, hint } => Finding::new(self, Level::Warning, name, what).hint(hint),
            Fit::No { what, hint } => Finding::failed(self, name, what).hint(hint),
        }]
    }
}
