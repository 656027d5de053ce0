//! The API server's front: one function from a request to an answer, with streaming bodies for watches, used by the
//! HTTP door and by in-process clients alike.

mod accept;
mod apply;
mod call;
mod decode;
mod delete;
mod discovery;
mod events;
mod eviction;
mod exec;
mod fields;
mod helm;
mod openapi;
mod options;
mod owner;
mod pages;
mod patch;
mod protobuf;
mod rbac;
mod read;
mod reply;
mod review;
mod route;
mod strategic;
mod syntax;
mod watch;
mod write;
mod written;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};

pub(crate) use accept::Form;
pub(crate) use call::Call;
pub(crate) use exec::run as run_command;
pub(crate) use fields::FieldSet;
pub(crate) use pages::Snapshots;
pub(crate) use rbac::USER;
pub(crate) use reply::{AnswerBody, Reply};
pub(crate) use route::{Route, Target};
pub(crate) use written::Written;

use super::faults::{Effect, When};
use super::guard::Seen;
use super::json::{controller, text};
use super::log::Entry;
use super::resource::{Resource, id};
use super::status::{Answer, Refusal};
use super::world::Shared;

/// The connection broke: what a client sees of a reset.
#[derive(Debug, thiserror::Error)]
#[error(
    "the embedded cluster was told to break this connection: take the fault away, or retry as after a reset"
)]
pub struct ConnectionReset;

/// Answers one request.
///
/// # Errors
/// [`ConnectionReset`] where a fault wants the connection broken.
pub(crate) async fn handle<B>(
    shared: &Shared,
    request: Request<B>,
) -> Result<Response<AnswerBody>, ConnectionReset>
where
    B: Body<Data = Bytes> + Send,
{
    let (mut parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Err(ConnectionReset) };
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let call = Call::new(&parts, body.to_bytes(), upgrade);
    let route = Route::of(&shared.lock().registry, &call);
    let (verb, resource) = (route.verb(&call), route.resource_name(&shared.lock().registry));
    let name = route.target().and_then(|t| t.name.clone()).unwrap_or_default();
    let number = note_arrival(shared, &call, &route, verb, &resource);
    let struck = shared.lock().faults.strike(verb, &resource, &name);
    match &struck {
        Some(Effect::Answer(code)) => {
            return Ok(finish(shared, number, Reply::from(injected(*code))));
        }
        Some(Effect::Deny(webhook)) => return Ok(finish(shared, number, Reply::from(denied(webhook)))),
        Some(Effect::Stall(When::Before)) => std::future::pending::<()>().await,
        Some(Effect::Reset(When::Before)) => return Err(ConnectionReset),
        _ => {}
    }
    let seen = Seen::of(&shared.lock(), &call, &route, verb, &resource);
    let reply = match authorize(shared, &route, &call, verb, &resource) {
        Ok(()) => dispatch(shared, call, &route).unwrap_or_else(Reply::from),
        Err(refusal) => Reply::from(refusal),
    };
    let answer = finish(shared, number, reply);
    if let Some(seen) = seen.filter(|_| answer.status().is_success()) {
        seen.granted(&mut shared.lock());
    }
    match struck {
        Some(Effect::Stall(When::After)) => std::future::pending().await,
        Some(Effect::Reset(When::After)) => Err(ConnectionReset),
        _ => Ok(answer),
    }
}

fn note_arrival(shared: &Shared, call: &Call, route: &Route, verb: &str, resource: &str) -> usize {
    let target = route.target();
    let is_kept = shared.lock().log.is_kept();
    let entry = is_kept.then(|| Entry {
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.raw_query.clone(),
        accept: call.header("accept").to_owned(),
        user_agent: call.header("user-agent").to_owned(),
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: target.and_then(|t| t.namespace.clone()).unwrap_or_default(),
        name: target.and_then(|t| t.name.clone()).unwrap_or_default(),
        body: call.body.to_vec(),
        pod: pod_of(shared, call, target, verb).unwrap_or_default(),
        status: None,
    });
    shared.lock().log.start(entry)
}

/// Node and controller of the pod that a write is about, as the pod is before the write.
fn pod_of(shared: &Shared, call: &Call, target: Option<&Target>, verb: &str) -> Option<(String, String)> {
    let target = target.filter(|t| t.resource == id::PODS && !matches!(verb, "get" | "list" | "watch"))?;
    let pod = match &target.name {
        Some(name) => {
            let namespace = target.namespace.as_deref().unwrap_or_default();
            shared.lock().store.find(id::PODS, namespace, name).cloned()?
        }
        None => call.json().ok()?,
    };
    let owner = controller(&pod).map(|o| format!("{}/{}", text(o, "/kind"), text(o, "/name")));
    Some((text(&pod, "/spec/nodeName").to_owned(), owner.unwrap_or_default()))
}

fn finish(shared: &Shared, number: usize, reply: Reply) -> Response<AnswerBody> {
    let response = reply.into_response();
    shared.lock().log.finish(number, response.status().as_u16());
    response
}

/// As a webhook of controller-runtime denies (`admission.Denied`).
fn denied(webhook: &str) -> Refusal {
    Refusal::new(403, "Forbidden", format!("admission webhook {webhook:?} denied the request: not now"))
}

fn injected(code: u16) -> Refusal {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    Refusal::new(code, reason, format!("a fault of the embedded cluster answers {code}"))
}

fn authorize(shared: &Shared, route: &Route, call: &Call, verb: &str, resource: &str) -> Answer<()> {
    let world = shared.lock();
    if let Some(user) = call.impersonated().or(world.rbac.then_some(rbac::USER))
        && let Some(ask) = rbac::refused(&world, user, route, call, verb, resource)
    {
        let refusal = forbidden(user, &ask);
        return Err(match rbac::missing(&world, user, &ask.namespace) {
            Some(missing) => refusal.adding(&format!(": {missing}")),
            None => refusal,
        });
    }
    let Some(target) = route.target() else { return Ok(()) };
    if !world.faults.is_denied(verb, resource) {
        return Ok(());
    }
    let group = world.registry.get(target.resource).group.clone();
    Err(forbidden(
        rbac::USER,
        &rbac::Ask {
            verb: verb.to_owned(),
            group,
            resource: resource.to_owned(),
            namespace: target.namespace.clone().unwrap_or_default(),
            name: target.name.clone().unwrap_or_default(),
        },
    ))
}

/// As the API server words it.
fn forbidden(user: &str, ask: &rbac::Ask) -> Refusal {
    let rbac::Ask { verb, group, resource, namespace, name } = ask;
    let place = match namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let object = if name.is_empty() { String::new() } else { format!(" {name:?}") };
    let plural = resource.split('/').next().unwrap_or_default();
    let qualified = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    let message = format!(
        "{qualified}{object} is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group {group:?} {place}",
    );
    Refusal::new(403, "Forbidden", message).naming(group, plural, name)
}

/// Subresources of the real server that are not played.
const NOT_PLAYED: &[(&str, &[&str])] = &[
    ("Pod", &["attach", "binding", "ephemeralcontainers", "log", "portforward", "proxy", "resize"]),
    ("Node", &["proxy"]),
    ("Service", &["proxy"]),
    ("ServiceAccount", &["token"]),
    ("Namespace", &["finalize"]),
];

/// Whether a path leads to a subresource that there is.
fn check_subresource(info: &Resource, target: &Target) -> Answer<()> {
    let Some(sub) = target.subresource.as_deref() else { return Ok(()) };
    let is_served = match sub {
        "status" => info.has_status(),
        "scale" => info.has_scale(),
        "exec" | "eviction" => info.kind == "Pod",
        _ => false,
    };
    if is_served {
        return Ok(());
    }
    if NOT_PLAYED.iter().any(|(kind, subs)| *kind == info.kind && subs.contains(&sub)) {
        return Err(Refusal::not_modelled(&format!("the subresource {sub:?}")));
    }
    // Of a custom resource the server says that it is the object that is not there.
    let name = target.name.as_deref().unwrap_or_default();
    Err(if info.custom { Refusal::not_found(info, name) } else { Refusal::no_such_path() })
}

fn dispatch(shared: &Shared, mut call: Call, route: &Route) -> Answer<Reply> {
    let target = match route {
        Route::Resource(target) if target.resource == id::EVENTS_AGAIN => {
            return events::answer(shared, call, target);
        }
        Route::Resource(target) => target,
        Route::Helm(rest) => return helm::answer(shared, &call, rest),
        Route::Review(kind) => return review::answer(&shared.lock(), &call, kind),
        Route::NoGroup => return Ok(Reply::NoPage),
        Route::Fixed(_) if !matches!(call.method.as_str(), "GET" | "HEAD") => {
            return Err(Refusal::method_not_allowed());
        }
        Route::Fixed(path) => return discovery::answer(&shared.lock(), path),
        Route::Unknown => return Err(Refusal::no_such_path()),
    };
    if target.subresource.as_deref() != Some("exec") {
        let is_list = target.name.is_none() && call.method == "GET";
        call.form = Form::of(&call, shared.lock().registry.get(target.resource), is_list)?;
    }
    check_subresource(shared.lock().registry.get(target.resource), target)?;
    match (target.subresource.as_deref(), call.method.as_str()) {
        (Some("exec"), "GET" | "POST") => exec::answer(shared, &mut call, target),
        (Some("eviction"), "POST") => eviction::answer(&mut shared.lock(), &call, target),
        // One object is read, whatever else is asked for.
        (None, "GET") if call.is_watch() && target.name.is_none() => watch::answer(shared, &call, target),
        (None | Some("status" | "scale"), "GET") => read::answer(&mut shared.lock(), &call, target),
        (None, "POST") => write::create(&mut shared.lock(), &call, target),
        (None | Some("status" | "scale"), "PUT") => write::replace(&mut shared.lock(), &call, target),
        (None | Some("status" | "scale"), "PATCH") => patch::answer(&mut shared.lock(), &call, target),
        (None, "DELETE") => delete::answer(&mut shared.lock(), &call, target),
        _ => Err(Refusal::method_not_allowed()),
    }
}
