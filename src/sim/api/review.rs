//! SelfSubjectAccessReview and SelfSubjectRulesReview: what the switch for denials says, asked beforehand.

use serde_json::{Value, json};

use crate::sim::json::{set, text};
use crate::sim::status::{Answer, Refusal};
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
    match kind {
        "selfsubjectaccessreviews" => {
            let allowed = is_allowed(world, call, &review["spec"]["resourceAttributes"]);
            set(&mut review, "/status", json!({"allowed": allowed}));
            if !allowed && !world.rbac && call.impersonated().is_none() {
                set(&mut review, "/status/reason", "denied by the embedded cluster's switch");
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

fn is_allowed(world: &World, call: &Call, attributes: &Value) -> bool {
    let resource = match text(attributes, "/subresource") {
        "" => text(attributes, "/resource").to_owned(),
        sub => format!("{}/{sub}", text(attributes, "/resource")),
    };
    if let Some(user) = call.impersonated().or(world.rbac.then_some(rbac::USER)) {
        let [verb, group, namespace, name] =
            ["/verb", "/group", "/namespace", "/name"].map(|field| text(attributes, field).to_owned());
        return rbac::allows(world, user, &rbac::Ask { verb, group, resource, namespace, name });
    }
    !world.faults.is_denied(text(attributes, "/verb"), &resource)
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
