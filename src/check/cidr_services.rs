//! CIDR-003: Cilium's pod range and the Service ranges are apart.

use super::{Check, Facts, Finding, Severity, or_ok};
use crate::model::{Read, overlaps};
use crate::source::some;

pub(super) struct CidrServices;

impl Check for CidrServices {
    fn id(&self) -> &'static str {
        "CIDR-003"
    }

    fn title(&self) -> &'static str {
        "Cilium's pod range is apart from the Service ranges"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let range = facts.intent.pod_cidr;
        let services = match &facts.snapshot.service_cidrs {
            Read::Known(services) => services,
            Read::Unknown(why) => {
                return vec![
                    Finding::unknown(
                        self,
                        range.to_string(),
                        format!("the Service ranges could not be read: {why}"),
                    )
                    .hint("compare with the kube-apiserver's --service-cluster-ip-range yourself"),
                ];
            }
        };
        let overlap = services.iter().filter(|service| overlaps(&range, service)).map(|service| {
            Finding::failed(self, range.to_string(), format!("overlaps Service range {service}"))
                .hint("choose another range with --target-pod-cidr")
        });
        or_ok(overlap.collect(), || {
            Finding::ok(self, range.to_string(), format!("apart from Service ranges {}", some(services)))
        })
    }
}
