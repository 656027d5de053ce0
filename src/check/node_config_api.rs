//! CNC-001: the CRD of CiliumNodeConfig, where there is one already, is one that the wanted Cilium can take over.

use super::{Check, Facts, Finding, Severity, unreadable};
use crate::model::unread::NODE_CONFIG_CRD;

/// The version of Cilium 1.13 to 1.15.
const OLD: &str = "v2alpha1";
/// Releases that do not serve it although it may be stored (cilium #44739, #47774; restored by #48087).
const DROPPED_IN: [&str; 1] = ["1.20.0"];

pub(super) struct NodeConfigApi;

impl Check for NodeConfigApi {
    fn id(&self) -> &'static str {
        "CNC-001"
    }

    fn title(&self) -> &'static str {
        "CiliumNodeConfig is stored as the wanted Cilium serves it"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[NODE_CONFIG_CRD]) {
            return unknown;
        }
        let cilium = &facts.snapshot.cilium;
        let subject = "CRD ciliumnodeconfigs.cilium.io";
        let stored = cilium.node_config_stored.join(", ");
        let old = cilium.node_config_stored.iter().any(|version| version == OLD);
        vec![match &cilium.node_config_version {
            _ if old && DROPPED_IN.contains(&facts.intent.cilium_version.trim_start_matches('v')) => {
                let message = format!(
                    "stored versions {stored}; Cilium {} serves no {OLD}",
                    facts.intent.cilium_version
                );
                Finding::failed(self, subject, message).hint(
                    "delete the CRD, if no CiliumNodeConfig is needed, or take another patch release: this operator \
                     fails on it",
                )
            }
            Some(version) => Finding::ok(self, subject, format!("served as {version}")),
            None => Finding::ok(self, subject, "not there yet: Cilium's operator brings it"),
        }]
    }
}
