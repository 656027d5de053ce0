//! PSA-001: the namespaces of Cilium and of this tool's helper pods admit privileged pods.

use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::Namespace;
use crate::model::unread::NAMESPACES;

/// Namespace of the pods that reboot or clean a node.
const HELPERS: &str = "kube-system";

pub(super) struct PodSecurity;

impl Check for PodSecurity {
    fn id(&self) -> &'static str {
        "PSA-001"
    }

    fn title(&self) -> &'static str {
        "Cilium's namespace admits privileged pods"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[NAMESPACES]) {
            return unknown;
        }
        let wanted = [facts.intent.namespace.as_str(), HELPERS];
        let strict = |namespace: &&Namespace| {
            wanted.contains(&&*namespace.name)
                && namespace.pod_security.as_deref().is_some_and(|level| level != "privileged")
        };
        let name = |namespace: &Namespace| {
            format!("{} ({})", namespace.name, namespace.pod_security.as_deref().unwrap_or_default())
        };
        let names: Vec<_> = facts.snapshot.namespaces.iter().filter(strict).map(name).collect();
        let hint = "kubectl label namespace NAME pod-security.kubernetes.io/enforce=privileged --overwrite: agents and \
                    the pod that reboots a node are privileged";
        let ok = Finding::ok(self, facts.intent.namespace.clone(), "no label forbids privileged pods");
        verdict(self, "namespace", &names, "refuses privileged pods", hint, ok)
    }
}
