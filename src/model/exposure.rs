//! Services, and what the API server itself calls through them: webhooks and aggregated APIs.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Pod, Shared};

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Namespace.
    pub namespace: Shared,
    /// Name.
    pub name: Shared,
    /// `spec.selector`; empty where its endpoints are kept by somebody else.
    pub selector: BTreeMap<Shared, Shared>,
    /// `spec.externalIPs` and the addresses of its load balancer.
    pub external_ips: Vec<IpAddr>,
}

impl Service {
    /// Whether its traffic goes to that pod, once the pod is ready.
    pub fn selects(&self, pod: &Pod) -> bool {
        !self.selector.is_empty()
            && *self.namespace == *pod.namespace
            && self.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
    }
}

/// A Service by name, as the API server's own configuration refers to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceRef {
    /// Namespace.
    pub namespace: Shared,
    /// Name.
    pub name: Shared,
}

/// One webhook of a ValidatingWebhookConfiguration or MutatingWebhookConfiguration that is served by a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Name of its configuration.
    pub configuration: Shared,
    /// Its own name.
    pub name: Shared,
    /// Who answers.
    pub service: ServiceRef,
    /// `failurePolicy` is `Fail`, which is also the default: without an answer the request is refused.
    pub fail_closed: bool,
}

/// An APIService that is served by a Service: an aggregated API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiService {
    /// Name, such as `v1beta1.metrics.k8s.io`.
    pub name: Shared,
    /// Who answers.
    pub service: ServiceRef,
    /// Condition `Available` is True.
    pub available: bool,
}
