//! A snapshot played back: an embedded cluster in which nothing moves, whose helm and whose reviews answer what was
//! recorded, and which refuses what was refused.

use std::sync::Arc;

use crate::sim::Objects;
use crate::sim::value::{Value, json};
use async_trait::async_trait;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tower::{BoxError, service_fn};

use super::api::{self, AnswerBody, Call, Reply};
use super::builder::Builder;
use super::cluster::{Sim, SimError};
use super::json::text;
use super::status::Refusal;
use crate::ctx::Embedded;
use crate::helm::StandIn;
use crate::snapshot::{Answer, Failure, Header};

/// Where a caller asks for his own rights.
const RULES_REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

type Response = Result<http::Response<AnswerBody>, BoxError>;

/// The cluster of a snapshot, at the moment when that was taken.
///
/// # Errors
/// Objects that make no cluster.
pub fn replay(header: &Header, objects: Objects) -> Result<Embedded, SimError> {
    let sim =
        Builder::from_objects(objects).frozen(true).version(&header.server_version).epoch(header.taken_at);
    let sim = sim.build()?;
    let header = Arc::new(header.clone());
    let helm = match &header.helm {
        Answer::Is(_) => Ok(Arc::new(Recorded(header.clone())) as Arc<dyn StandIn>),
        Answer::Failed(why) => Err(why.message.clone()),
    };
    Ok(Embedded { client: client(&sim, header.clone()), helm, ..sim.embedded(&header.cluster) })
}

fn client(sim: &Sim, header: Arc<Header>) -> Client {
    let shared = sim.shared();
    let service = service_fn(move |request: http::Request<Body>| {
        let (shared, header) = (shared.clone(), header.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(BoxError::from)?.to_bytes();
            if let Some(answer) = recorded(&header, &Call::new(&parts, body.clone(), None)) {
                return answer;
            }
            let request = http::Request::from_parts(parts, Body::from(body.to_vec()));
            api::handle(&shared, request).await.map_err(BoxError::from)
        }
    });
    Client::new(service, "default")
}

/// What the file knows of a request; the objects answer all others.
fn recorded(header: &Header, call: &Call) -> Option<Response> {
    if call.path == RULES_REVIEW {
        return Some(review(header, call));
    }
    let fields = call.param("fieldSelector").unwrap_or_default();
    let refused = header.refused.iter().find(|r| r.path == call.path && r.fields == fields)?;
    Some(refuse(&refused.failure))
}

fn review(header: &Header, call: &Call) -> Response {
    let mut review: Value = serde_json::from_slice(&call.body)?;
    let namespace = text(&review, "/spec/namespace").to_owned();
    match header.rights.iter().find(|(name, _)| *name == namespace) {
        Some((_, Answer::Is(status))) => {
            review["status"] = status.clone().into();
            Ok(Reply::json(201, &review).into_response())
        }
        Some((_, Answer::Failed(failure))) => refuse(failure),
        None => {
            let why = format!("the snapshot does not say what the caller may do in namespace {namespace}");
            Ok(Reply::from(Refusal::bad_request(why)).into_response())
        }
    }
}

fn refuse(failure: &Failure) -> Response {
    match failure.code {
        Some(code) => Ok(Reply::from(Refusal::new(code, &failure.reason, &*failure.message)).into_response()),
        None => Err(failure.message.clone().into()),
    }
}

/// The helm of the file.
#[derive(Debug)]
struct Recorded(Arc<Header>);

#[async_trait]
impl StandIn for Recorded {
    async fn call(&self, args: &[String]) -> Result<String, String> {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        match (words.as_slice(), &self.0.helm) {
            (["version", ..], Answer::Is(version)) => Ok(format!("v{version}")),
            (["list", ..], _) => self.list(args),
            (["get", "values", ..], _) => match &self.0.release {
                Answer::Is(Some(release)) => Ok(release.values.to_string()),
                _ => Err("release: not found".to_owned()),
            },
            _ => Err("a snapshot has no charts: ask on the cluster itself".to_owned()),
        }
    }
}

impl Recorded {
    fn list(&self, args: &[String]) -> Result<String, String> {
        let (name, namespace) = &self.0.asked;
        let after = |flag: &str| args.iter().skip_while(|arg| *arg != flag).nth(1).map(String::as_str);
        let filter = format!("^{}$", name.replace('.', "\\."));
        if after("--namespace") != Some(namespace) || after("--filter") != Some(&filter) {
            return Err(format!(
                "the snapshot was taken with release {namespace}/{name}, and knows of no other"
            ));
        }
        match &self.0.release {
            Answer::Failed(why) => Err(why.message.clone()),
            Answer::Is(None) => Ok("[]".to_owned()),
            Answer::Is(Some(release)) => Ok(json!([{
                "name": release.name, "namespace": release.namespace, "revision": release.revision.to_string(),
                "status": release.status, "chart": release.chart,
            }])
            .to_string()),
        }
    }
}
