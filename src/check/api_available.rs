//! API-002: every aggregated API answers now: discovery fails while one does not.

use super::{Check, Facts, Finding, Severity, unreadable, verdict};
use crate::model::unread::API_SERVICES;
use crate::report::count;

pub(super) struct ApiAvailable;

impl Check for ApiAvailable {
    fn id(&self) -> &'static str {
        "API-002"
    }

    fn title(&self) -> &'static str {
        "every aggregated API is available now"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[API_SERVICES]) {
            return unknown;
        }
        let apis = &facts.snapshot.api_services;
        let away = apis.iter().filter(|api| !api.available);
        let names: Vec<_> = away
            .map(|api| format!("{} ({}/{})", api.name, api.service.namespace, api.service.name))
            .collect();
        let hint = "repair or delete them first: without them namespaces cannot be deleted, and the clean-up cannot see \
                    what lives in Flannel's";
        let ok = Finding::ok(self, count(apis.len(), "aggregated API"), "all available");
        verdict(self, "APIService", &names, "not available now", hint, ok)
    }
}
