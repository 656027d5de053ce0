//! Refusals as the API server words them (`k8s.io/apimachinery/pkg/api/errors`).

use serde_json::{Value, json};

use super::json::set;
use super::resource::Resource;

/// A `Status` of failure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) body: Value,
    /// Seconds for the header `Retry-After`.
    pub(crate) retry_after: Option<u32>,
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
        Self { code, body, retry_after: None }
    }

    /// Adds `details` that name the object.
    fn about(mut self, resource: &Resource, name: &str) -> Self {
        set(&mut self.body, "/details/name", name);
        if !resource.group.is_empty() {
            set(&mut self.body, "/details/group", resource.group.as_str());
        }
        set(&mut self.body, "/details/kind", resource.plural.as_str());
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
        Self::new(404, "NotFound", "the server could not find the requested resource")
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

    /// 422 for an object that breaks a rule.
    pub(crate) fn invalid(resource: &Resource, name: &str, field: &str, why: &str) -> Self {
        let message = format!("{}.{} {name:?} is invalid: {field}: {why}", resource.kind, resource.group);
        let message = message.replacen(". ", " ", 1);
        let mut refusal = Self::new(422, "Invalid", message).about(resource, name);
        set(&mut refusal.body, "/details/kind", resource.kind.as_str());
        refusal.cause("FieldValueInvalid", why, field)
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
    }

    /// 410 for a resource version or continue token that is no longer kept.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 415.
    pub(crate) fn unsupported_media(why: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", why)
    }

    /// 501: something that a real server has and this one does not model.
    pub(crate) fn not_modelled(what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("the embedded cluster does not model {what}"))
    }

    /// 500.
    pub(crate) fn internal(why: &str) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {why}"))
    }
}
