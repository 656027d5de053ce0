//! HOOK-001: no webhook whose silence refuses requests is served by pods that move to the other network.

use std::collections::BTreeSet;

use super::pods::Pods;
use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::unread::{SERVICES, WEBHOOKS};
use crate::model::{Node, Webhook};

pub(super) struct HookNetwork;

impl Check for HookNetwork {
    fn id(&self) -> &'static str {
        "HOOK-001"
    }

    fn title(&self) -> &'static str {
        "no webhook that must answer is on the pod network"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[WEBHOOKS, SERVICES]) {
            return unknown;
        }
        let index = Pods::new(facts.snapshot);
        let rides = |hook: &Webhook| index.behind_name(&hook.service).iter().any(|pod| pod.on_pod_network());
        let names = must_answer(facts, rides);
        let managed = !facts.snapshot.nodes.iter().any(Node::is_control_plane);
        let hint = if managed {
            "the control plane is managed and may not route to the new pod range: run them on the host network, or set \
             failurePolicy Ignore for the time of the migration"
        } else {
            "run two replicas or more on different nodes, or set failurePolicy Ignore for the time of the migration: \
             while none answers the API server refuses what they judge, this tool's writes among it"
        };
        let ok = Finding::ok(self, "webhooks", "none that must answer is on the pod network");
        verdict(self, "webhook configuration", &names, "must answer from the pod network", hint, ok)
    }
}

/// The webhooks whose silence refuses requests and that `is_meant` chooses, each once: the configuration, and who
/// answers.
pub(super) fn must_answer(facts: &Facts, is_meant: impl Fn(&Webhook) -> bool) -> Vec<String> {
    let meant = facts.snapshot.webhooks.iter().filter(|hook| hook.fail_closed && is_meant(hook));
    let named = meant
        .map(|hook| format!("{} ({}/{})", hook.configuration, hook.service.namespace, hook.service.name));
    named.collect::<BTreeSet<_>>().into_iter().collect()
}
