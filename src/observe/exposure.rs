//! Readers of Services, and of what the API server calls through them: webhooks and aggregated APIs.

use std::net::IpAddr;

use serde::Deserialize;

use super::intern::Interner;
use super::object::{Map, Meta, Object};
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::{ApiService, Service, ServiceRef, Webhook};

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    selector: Map,
    #[serde(default, rename = "externalIPs")]
    external_ips: Vec<IpAddr>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    load_balancer: LoadBalancer,
}

#[derive(Default, Deserialize)]
struct LoadBalancer {
    #[serde(default)]
    ingress: Vec<Ingress>,
}

/// A load balancer is known by an address or by a name.
#[derive(Deserialize)]
struct Ingress {
    ip: Option<IpAddr>,
}

/// All Services.
pub(super) async fn services(reader: &Reader, strings: &mut Interner) -> Result<Vec<Service>> {
    let mut state = (Vec::new(), strings);
    reader
        .each::<Object<Spec, Status>, _>(
            "/api/v1/services",
            &Selection::default(),
            &mut state,
            |(all, _)| all.clear(),
            |(all, strings), wire| {
                let balancers = wire.status.load_balancer.ingress.iter().filter_map(|i| i.ip);
                all.push(Service {
                    namespace: strings.get(&wire.metadata.namespace),
                    name: strings.get(&wire.metadata.name),
                    selector: strings.map(&wire.spec.selector),
                    external_ips: wire.spec.external_ips.iter().copied().chain(balancers).collect(),
                });
            },
        )
        .await?;
    Ok(state.0)
}

#[derive(Deserialize)]
struct WireConfiguration {
    metadata: Meta,
    #[serde(default)]
    webhooks: Vec<WireWebhook>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireWebhook {
    name: String,
    #[serde(default)]
    client_config: ClientConfig,
    failure_policy: Option<String>,
}

#[derive(Default, Deserialize)]
struct ClientConfig {
    service: Option<WireService>,
}

#[derive(Deserialize)]
struct WireService {
    namespace: String,
    name: String,
}

impl WireService {
    fn reference(&self, strings: &mut Interner) -> ServiceRef {
        ServiceRef { namespace: strings.get(&self.namespace), name: strings.get(&self.name) }
    }
}

/// All webhooks of admission, of both kinds, that a Service answers.
pub(super) async fn webhooks(reader: &Reader, strings: &mut Interner) -> Result<Vec<Webhook>> {
    let mut all = Vec::new();
    for plural in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
        let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}");
        let wires: Vec<WireConfiguration> = reader.list(&path, &Selection::default()).await?;
        for wire in &wires {
            for webhook in &wire.webhooks {
                let Some(service) = &webhook.client_config.service else { continue };
                all.push(Webhook {
                    configuration: strings.get(&wire.metadata.name),
                    name: strings.get(&webhook.name),
                    service: service.reference(strings),
                    fail_closed: webhook.failure_policy.as_deref() != Some("Ignore"),
                });
            }
        }
    }
    Ok(all)
}

#[derive(Default, Deserialize)]
struct ApiSpec {
    service: Option<WireService>,
}

#[derive(Default, Deserialize)]
struct ApiStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

/// All APIServices that a Service answers; the others are the API server's own.
pub(super) async fn api_services(reader: &Reader, strings: &mut Interner) -> Result<Vec<ApiService>> {
    let path = "/apis/apiregistration.k8s.io/v1/apiservices";
    let wires: Vec<Object<ApiSpec, ApiStatus>> = reader.list(path, &Selection::default()).await?;
    let mut convert = |wire: &Object<ApiSpec, ApiStatus>| {
        let service = wire.spec.service.as_ref()?.reference(strings);
        let available = wire.status.conditions.iter().any(|c| c.kind == "Available" && c.status == "True");
        Some(ApiService { name: strings.get(&wire.metadata.name), service, available })
    };
    Ok(wires.iter().filter_map(&mut convert).collect())
}
