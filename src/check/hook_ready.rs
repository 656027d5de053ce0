//! HOOK-002: every webhook whose silence refuses requests has a ready pod now.

use super::hook_network::must_answer;
use super::pods::Pods;
use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::unread::{SERVICES, WEBHOOKS};
use crate::model::{ServiceRef, Webhook};

pub(super) struct HookReady;

impl Check for HookReady {
    fn id(&self) -> &'static str {
        "HOOK-002"
    }

    fn title(&self) -> &'static str {
        "every webhook that must answer is answered now"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[WEBHOOKS, SERVICES]) {
            return unknown;
        }
        let index = Pods::new(facts.snapshot);
        // A Service without a selector has endpoints that somebody else keeps: nothing is said about those.
        let elsewhere = |name: &ServiceRef| {
            let services = &facts.snapshot.services;
            services
                .iter()
                .any(|s| s.namespace == name.namespace && s.name == name.name && s.selector.is_empty())
        };
        let silent = |hook: &Webhook| {
            !index.behind_name(&hook.service).iter().any(|pod| pod.ready) && !elsewhere(&hook.service)
        };
        let names = must_answer(facts, silent);
        let hint =
            "repair or delete them first: the API server refuses what they judge, and pods may not come back";
        let ok = Finding::ok(self, "webhooks", "a ready pod behind each that must answer");
        verdict(self, "webhook configuration", &names, "must answer and has no ready pod", hint, ok)
    }
}
