//! K8S-001: the API server is one that the wanted Cilium chart installs on, and that Cilium was tested with.

use super::{Check, Facts, Finding, Level, Severity};
use crate::target::{Support, Target};

pub(super) struct Kubernetes;

impl Check for Kubernetes {
    fn id(&self) -> &'static str {
        "K8S-001"
    }

    fn title(&self) -> &'static str {
        "Cilium supports this Kubernetes"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let cluster = &facts.snapshot.cluster;
        let subject = format!("Kubernetes {}", cluster.version);
        let target = match Target::of(&facts.intent.cilium_version) {
            Ok(target) => target,
            Err(error) => return vec![Finding::unknown(self, subject, error.message)],
        };
        let minor = |(major, minor): (u32, u32)| format!("{major}.{minor}");
        let cilium = minor(target.minor);
        let (oldest, newest) = target.tested_kubernetes;
        let tested = format!("Cilium {cilium} is tested with {} to {}", minor(oldest), minor(newest));
        vec![match target.supports(cluster.minor) {
            Support::Tested => Finding::ok(self, subject, tested),
            Support::Untested => Finding::new(self, Level::Warning, subject, tested).hint(
                "choose a Cilium that is tested with it, or try this pair on a copy of the cluster first",
            ),
            Support::Refused => {
                let needed = minor(target.oldest_kubernetes);
                Finding::failed(
                    self,
                    subject,
                    format!("the chart of Cilium {cilium} needs {needed} or newer"),
                )
                .hint("upgrade Kubernetes first")
            }
        }]
    }
}
