//! Refusals as the API server words them (`k8s.io/apimachinery/pkg/api/errors`).

use crate::sim::value::{Value, json};

use super::json::{set, unset};
use super::resource::Resource;
use super::validate::Problem;

/// A `Status` of failure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) body: Value,
    /// Seconds for the header `Retry-After`.
    pub(crate) retry_after: Option<u32>,
    /// What headers `Warning` say.
    pub(crate) warnings: Vec<String>,
}

/// Result of a call.
pub(crate) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// A failure with HTTP code, reason and message.
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message.into(), "reason": reason, "code": code,
        });
        Self { code, body, retry_after: None, warnings: Vec::new() }
    }

    /// Adds `details` that name the object.
    fn about(self, resource: &Resource, name: &str) -> Self {
        self.naming(&resource.group, &resource.plural, name)
    }

    /// Adds `details` with a group, a plural or kind, and a name.
    pub(crate) fn naming(mut self, group: &str, kind: &str, name: &str) -> Self {
        for (member, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                set(&mut self.body, &format!("/details/{member}"), value);
            }
        }
        self
    }

    /// Adds one of `details.causes`.
    pub(crate) fn cause(mut self, reason: &str, message: &str, field: &str) -> Self {
        let mut cause = json!({"reason": reason, "message": message});
        if !field.is_empty() {
            set(&mut cause, "/field", field);
        }
        if !self.body.pointer("/details/causes").is_some_and(Value::is_array) {
            set(&mut self.body, "/details/causes", json!([]));
        }
        if let Some(Value::Array(causes)) = self.body.pointer_mut("/details/causes") {
            causes.push(cause);
        }
        self
    }

    /// With more words at the end of its message.
    pub(crate) fn adding(mut self, words: &str) -> Self {
        let message = format!("{}{words}", self.body["message"].as_str().unwrap_or_default());
        set(&mut self.body, "/message", message);
        self
    }

    /// With warnings about the refused body.
    pub(crate) fn warned(mut self, warnings: &[String]) -> Self {
        self.warnings.extend_from_slice(warnings);
        self
    }

    /// Adds `Retry-After`; zero seconds show neither in the details nor as a header, as on the real server.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        if seconds > 0 {
            set(&mut self.body, "/details/retryAfterSeconds", seconds);
        }
        self.retry_after = Some(seconds);
        self
    }

    /// 404 for an object.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} not found", resource.qualified());
        Self::new(404, "NotFound", message).about(resource, name)
    }

    /// 404 for a path.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").bare()
    }

    /// 409 for an object that is there already.
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    /// 409 for a write on an outdated version or a failed precondition.
    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 409 for a deletion whose precondition fails (`k8s.io/apiserver/pkg/registry/rest/delete.go`).
    pub(crate) fn precondition(resource: &Resource, name: &str, why: &str) -> Self {
        let kind = Self::kind_of(resource);
        let message = format!("Operation cannot be fulfilled on {kind} {name:?}: {why}");
        let mut refusal = Self::new(409, "Conflict", message).about(resource, name);
        set(&mut refusal.body, "/details/kind", resource.kind.as_str());
        refusal
    }

    fn kind_of(resource: &Resource) -> String {
        if resource.group.is_empty() {
            resource.kind.clone()
        } else {
            format!("{}.{}", resource.kind, resource.group)
        }
    }

    /// 422 for an object that breaks rules.
    pub(crate) fn invalid(resource: &Resource, name: &str, problems: &[Problem]) -> Self {
        let mut refusal = Self::breaches(&Self::kind_of(resource), name, problems).about(resource, name);
        set(&mut refusal.body, "/details/kind", resource.kind.as_str());
        refusal.causes(problems)
    }

    /// 422 for an update of a kind that must name the version that it replaces.
    pub(crate) fn unconditional(resource: &Resource, name: &str) -> Self {
        let problem =
            [Problem::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update")];
        Self::breaches(&resource.qualified(), name, &problem).about(resource, name).causes(&problem)
    }

    /// 422 for a patched object that is none of its kind; the real server shows the object as Go writes it.
    pub(crate) fn unreadable_patch(patched: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {}: {why}", json!(patched.to_string()));
        let problem = Problem { reason: "FieldValueInvalid", field: "patch".to_owned(), message };
        let all = [problem];
        let mut refusal = Self::breaches("", "", &all);
        set(&mut refusal.body, "/details", json!({}));
        refusal.causes(&all)
    }

    /// 422 for parameters of a call: `kind` such as `CreateOptions`.
    pub(crate) fn invalid_options(kind: &str, problems: &[Problem]) -> Self {
        let mut refusal = Self::breaches(&format!("{kind}.meta.k8s.io"), "", problems);
        set(&mut refusal.body, "/details/group", "meta.k8s.io");
        set(&mut refusal.body, "/details/kind", kind);
        refusal.causes(problems)
    }

    fn breaches(what: &str, name: &str, problems: &[Problem]) -> Self {
        let mut all: Vec<String> = Vec::new();
        for problem in problems {
            let text = format!("{}: {}", problem.field, problem.message);
            if !all.contains(&text) {
                all.push(text);
            }
        }
        let all = if all.len() == 1 { all.remove(0) } else { format!("[{}]", all.join(", ")) };
        Self::new(422, "Invalid", format!("{what} {name:?} is invalid: {all}"))
    }

    fn causes(self, problems: &[Problem]) -> Self {
        problems.iter().fold(self, |refusal, p| refusal.cause(p.reason, &p.message, &p.field))
    }

    /// With details that say nothing, as errors without an object have them.
    pub(crate) fn bare(mut self) -> Self {
        set(&mut self.body, "/details", json!({}));
        self
    }

    /// 422 for a patch that cannot be applied.
    pub(crate) fn inapplicable() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request").bare()
    }

    /// 400.
    pub(crate) fn bad_request(why: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", why)
    }

    /// 403 for an object.
    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .bare()
    }

    /// 410 for a resource version or continue token that is no longer kept.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 406.
    pub(crate) fn not_acceptable(why: impl Into<String>) -> Self {
        Self::new(406, "NotAcceptable", why)
    }

    /// 415.
    pub(crate) fn unsupported_media(why: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", why)
    }

    /// 415 for a body of another media type than those that are taken.
    pub(crate) fn unknown_format(taken: &str) -> Self {
        Self::unsupported_media(format!(
            "the body of the request was in an unknown format - accepted media types include: {taken}"
        ))
    }

    /// 415 for a media type that no handler knows.
    pub(crate) fn unknown_media() -> Self {
        Self::unsupported_media("415: Unsupported Media Type").bare()
    }

    /// 501: something that a real server has and this one does not model.
    pub(crate) fn not_modelled(what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("the embedded cluster does not model {what}"))
    }

    /// 500 without a reason: errors of the server that have no kind of their own.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        let mut refusal = Self::new(500, "", message);
        unset(&mut refusal.body, "", "reason");
        refusal
    }

    /// 500.
    pub(crate) fn internal(why: &str) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {why}"))
    }
}
