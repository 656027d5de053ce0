//! API-001: no aggregated API is away while its pods move to the other network.

use super::pods::Pods;
use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::ApiService;
use crate::model::unread::{API_SERVICES, SERVICES};

pub(super) struct ApiNetwork;

impl Check for ApiNetwork {
    fn id(&self) -> &'static str {
        "API-001"
    }

    fn title(&self) -> &'static str {
        "no aggregated API is served from the pod network"
    }

    fn severity(&self) -> Severity {
        Severity::Info
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[API_SERVICES, SERVICES]) {
            return unknown;
        }
        let index = Pods::new(facts.snapshot);
        let rides =
            |api: &&ApiService| index.behind_name(&api.service).iter().any(|pod| pod.on_pod_network());
        let apis = facts.snapshot.api_services.iter().filter(rides);
        let names: Vec<_> = apis.map(|api| api.name.to_string()).collect();
        let hint = "expect autoscalers and `kubectl top` to pause while these pods move; a managed control plane must \
                    route to the new pod range";
        let ok = Finding::ok(self, "APIServices", "none is served from the pod network");
        verdict(self, "APIService", &names, "served from the pod network", hint, ok)
    }
}
