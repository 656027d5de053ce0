//! Readers of the cluster as a whole: identity, version, Service ranges, and what the caller may do.

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::object::Object;
use crate::error::{Error, Result};
use crate::kube::{Reader, Selection};
use crate::model::Cluster;

/// Where a caller asks for his own rights.
const RULES_REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

#[derive(Deserialize)]
struct Version {
    major: String,
    minor: String,
    #[serde(rename = "gitVersion")]
    git: String,
}

#[derive(Default, Deserialize)]
struct NamespaceStatus {
    #[serde(default)]
    phase: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceSpec {
    #[serde(default, rename = "clusterIP")]
    cluster_ip: String,
    #[serde(default)]
    ports: Vec<ServicePort>,
}

#[derive(Deserialize)]
struct ServicePort {
    port: u16,
}

#[derive(Default, Deserialize)]
struct ServiceCidrSpec {
    #[serde(default)]
    cidrs: Vec<IpNet>,
}

#[derive(Deserialize)]
struct Review {
    #[serde(default)]
    status: ReviewStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewStatus {
    #[serde(default)]
    resource_rules: Vec<Rule>,
    #[serde(default)]
    incomplete: bool,
}

/// One rule of what the caller may do in a namespace (authorization.k8s.io/v1 ResourceRule).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Verbs; `*` is all.
    #[serde(default)]
    pub verbs: Vec<String>,
    /// API groups.
    #[serde(default)]
    pub api_groups: Vec<String>,
    /// Resources and subresources.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Only objects of these names, where not empty.
    #[serde(default)]
    pub resource_names: Vec<String>,
}

/// Identity and version.
pub(super) async fn identity(reader: &Reader, name: &str) -> Result<Cluster> {
    let namespace: Object = reader.must_get("/api/v1/namespaces/kube-system").await?;
    let version: Version = reader.must_get("/version").await?;
    // A minor may read "33+" on managed clusters.
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok();
    let minor = number(&version.major).zip(number(&version.minor)).ok_or_else(|| {
        Error::failed(format!(
            "the API server's version {}.{} was not understood",
            version.major, version.minor
        ))
    })?;
    let uid = namespace.metadata.uid;
    if uid.is_empty() {
        return Err(Error::failed(
            "namespace kube-system has no UID, by which the journal knows the cluster",
        ));
    }
    Ok(Cluster { uid, name: name.to_owned(), version: version.git, minor })
}

/// Cluster address and first port of a Service.
pub(super) async fn service_address(reader: &Reader, namespace: &str, name: &str) -> Result<Option<String>> {
    let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
    let Some(service) = reader.get::<Object<ServiceSpec>>(&path).await? else { return Ok(None) };
    let address = service.spec.cluster_ip.parse().ok().zip(service.spec.ports.first());
    Ok(address.map(|(ip, port)| std::net::SocketAddr::new(ip, port.port).to_string()))
}

/// Phase of a namespace.
pub(super) async fn namespace_phase(reader: &Reader, name: &str) -> Result<Option<String>> {
    let namespace: Option<Object<IgnoredAny, NamespaceStatus>> =
        reader.get(&format!("/api/v1/namespaces/{name}")).await?;
    Ok(namespace.map(|n| n.status.phase))
}

/// Service ranges from the ServiceCIDR objects (KEP-1880, served since Kubernetes 1.33).
pub(super) async fn service_cidrs(reader: &Reader) -> Result<Vec<IpNet>> {
    let objects: Vec<Object<ServiceCidrSpec>> =
        reader.list("/apis/networking.k8s.io/v1/servicecidrs", &Selection::default()).await?;
    let ranges: Vec<IpNet> = objects.into_iter().flat_map(|o| o.spec.cidrs).collect();
    if ranges.is_empty() {
        return Err(Error::failed("this API server serves no ServiceCIDR objects (Kubernetes before 1.33)"));
    }
    Ok(ranges)
}

/// What the caller may do in a namespace (SelfSubjectRulesReview); cluster-wide rules are among it.
///
/// # Errors
/// Where the review cannot be had, or the authorizer says that its answer is not complete.
pub async fn rights(reader: &Reader, namespace: &str) -> Result<Vec<Rule>> {
    let review: Review = reader.review(RULES_REVIEW, &rules_review(namespace)).await?;
    if review.status.incomplete {
        return Err(Error::failed("the authorizer could not list all rules of the caller"));
    }
    Ok(review.status.resource_rules)
}

/// The whole answer to that question.
pub(super) async fn review(reader: &Reader, namespace: &str) -> Result<Value, ::kube::Error> {
    reader.try_review(RULES_REVIEW, &rules_review(namespace)).await
}

fn rules_review(namespace: &str) -> Value {
    json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace},
    })
}
