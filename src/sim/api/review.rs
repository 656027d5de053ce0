//! SelfSubjectAccessReview and SelfSubjectRulesReview: what the switch for denials says, asked beforehand.

use crate::sim::json::{set, text};
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Map, Value, json};
use crate::sim::world::World;

use super::{Call, Reply, rbac};

const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Answers a review.
///
/// # Errors
/// 404 for reviews that are not served, 400 for a body that is none.
pub(crate) fn answer(world: &World, call: &Call, kind: &str) -> Answer<Reply> {
    if call.method != "POST" {
        return Err(Refusal::method_not_allowed());
    }
    let mut review: Value = call.json()?;
    own(world, call, &mut review);
    match kind {
        "selfsubjectaccessreviews" => {
            let (allowed, reason) = decided(world, call, &review["spec"]["resourceAttributes"]);
            set(&mut review, "/status", json!({"allowed": allowed}));
            if let Some(reason) = reason {
                set(&mut review, "/status/reason", reason);
            }
        }
        "selfsubjectrulesreviews" => {
            let rules = if world.rbac {
                rbac::rules(
                    world,
                    call.impersonated().unwrap_or(rbac::USER),
                    text(&review, "/spec/namespace"),
                )
            } else if world.faults.denies_something() {
                narrowed(world)
            } else {
                everything()
            };
            set(
                &mut review,
                "/status",
                json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false}),
            );
        }
        _ => return Err(Refusal::no_such_path()),
    }
    Ok(Reply::json(201, &review))
}

/// Notes who wrote the review, without members that say nothing.
fn own(world: &World, call: &Call, review: &mut Value) {
    if let Some(attributes) = review.pointer_mut("/spec/resourceAttributes").and_then(Value::as_object_mut) {
        attributes.retain(|_, value| value != "");
    }
    let fields = |value: &Value| -> Map {
        let members = value.as_object().into_iter().flatten();
        members.map(|(key, _)| (format!("f:{key}"), json!({}))).collect()
    };
    let mut wire = json!({"f:spec": fields(&review["spec"])});
    if let Some(attributes) = review.pointer("/spec/resourceAttributes") {
        wire["f:spec"]["f:resourceAttributes"] = json!({".": {}});
        if let Value::Object(all) = &mut wire["f:spec"]["f:resourceAttributes"] {
            all.extend(fields(attributes));
        }
    }
    let entry = json!({
        "manager": call.manager(), "operation": "Update", "apiVersion": "authorization.k8s.io/v1",
        "time": world.clock.now(), "fieldsType": "FieldsV1", "fieldsV1": wire,
    });
    set(review, "/metadata/managedFields", json!([entry]));
}

/// Whether an action is allowed, and why.
fn decided(world: &World, call: &Call, attributes: &Value) -> (bool, Option<String>) {
    let resource = match text(attributes, "/subresource") {
        "" => text(attributes, "/resource").to_owned(),
        sub => format!("{}/{sub}", text(attributes, "/resource")),
    };
    if let Some(user) = call.impersonated().or(world.rbac.then_some(rbac::USER)) {
        let [verb, group, namespace, name] =
            ["/verb", "/group", "/namespace", "/name"].map(|field| text(attributes, field).to_owned());
        let ask = rbac::Ask { verb, group, resource, namespace, name };
        return match rbac::reason(world, user, &ask) {
            Some(reason) => (true, Some(reason)),
            None => (false, rbac::missing(world, user, &ask.namespace)),
        };
    }
    let is_denied = world.faults.is_denied(text(attributes, "/verb"), &resource);
    (!is_denied, is_denied.then(|| "denied by the embedded cluster's switch".to_owned()))
}

fn everything() -> Vec<Value> {
    vec![json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})]
}

fn narrowed(world: &World) -> Vec<Value> {
    let mut rules = Vec::new();
    for (_, resource) in world.registry.served() {
        let mut paths = vec![resource.plural.clone(), format!("{}/status", resource.plural)];
        if resource.kind == "Pod" {
            paths.extend(["pods/eviction".to_owned(), "pods/exec".to_owned()]);
        }
        for path in paths {
            let verbs: Vec<&&str> = VERBS.iter().filter(|v| !world.faults.is_denied(v, &path)).collect();
            rules.push(json!({"verbs": verbs, "apiGroups": [resource.group], "resources": [path]}));
        }
    }
    rules
}
