//! What an answer of the API server means for us. Pure.

use kube::core::Status;

use super::advice::advice;
use crate::error::Error;

/// Why the API server (or the way to it) said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 404: it is not there.
    NotFound,
    /// 409 AlreadyExists on create.
    Exists,
    /// 409: somebody else wrote first, or a precondition does not hold any more.
    Conflict,
    /// 401: the API server does not know who the caller is.
    Unauthenticated(String),
    /// 403: the caller lacks a right.
    Forbidden(String),
    /// 403 with cause NamespaceTerminating: the pod goes away with its namespace.
    NamespaceTerminating,
    /// 429 with cause DisruptionBudget: text says which budget and what it needs
    /// (pkg/registry/core/pod/storage/eviction.go).
    Budget(String),
    /// 410: a list continuation or watch position is too old.
    Gone,
    /// 422 or 400: the object is not acceptable.
    Invalid(String),
    /// 429, 5xx or a transport fault: asking again may help.
    Transient(String),
    /// Anything else.
    Other(String),
}

/// Classifies an error of the client.
pub fn refusal(error: &kube::Error) -> Refusal {
    match error {
        kube::Error::Api(status) => of_status(status),
        kube::Error::SerdeError(e) => Refusal::Other(format!("the answer was not understood: {e}")),
        kube::Error::Auth(e) => Refusal::Other(format!("credentials could not be had: {e}")),
        other => Refusal::Transient(root_cause(other)),
    }
}

fn of_status(status: &Status) -> Refusal {
    let causes = status.details.as_ref().map(|d| d.causes.as_slice()).unwrap_or_default();
    let has_cause = |reason: &str| causes.iter().any(|c| c.reason == reason);
    match status.code {
        404 => Refusal::NotFound,
        409 if status.reason == "AlreadyExists" => Refusal::Exists,
        409 => Refusal::Conflict,
        410 => Refusal::Gone,
        403 if has_cause("NamespaceTerminating") => Refusal::NamespaceTerminating,
        401 => Refusal::Unauthenticated(status.message.clone()),
        403 => Refusal::Forbidden(status.message.clone()),
        429 if has_cause("DisruptionBudget") => Refusal::Budget(
            causes
                .iter()
                .filter(|c| c.reason == "DisruptionBudget")
                .map(|c| c.message.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        ),
        400 | 422 => Refusal::Invalid(status.message.clone()),
        429 | 500..=599 => Refusal::Transient(format!("{} {}", status.code, status.message)),
        _ => Refusal::Other(format!("{} {}", status.code, status.message)),
    }
}

/// What was said, to say it again another time: HTTP status, reason and message; no status where no answer came.
pub fn said(error: &kube::Error) -> (Option<u16>, String, String) {
    match error {
        kube::Error::Api(status) => (Some(status.code), status.reason.clone(), status.message.clone()),
        other => (None, String::new(), root_cause(other)),
    }
}

/// The innermost cause: kube's own text stops at "client error (Connect)".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The error that a person reads when `doing` was refused.
pub fn explain(doing: &str, error: &kube::Error) -> Error {
    match refusal(error) {
        Refusal::NotFound => Error::failed(format!("{doing}: not found")),
        Refusal::Exists => Error::failed(format!("{doing}: it exists already")),
        Refusal::Conflict => transient(format!("{doing}: it was changed by somebody else at the same time")),
        Refusal::Gone => transient(format!("{doing}: the list changed too much while it was read")),
        Refusal::Unauthenticated(text) => Error::failed(format!(
            "{doing}: the API server does not accept the credentials: {text}"
        ))
        .hint(
            "log in again, or name another user with --context or --user; who you are: kubectl auth whoami",
        ),
        Refusal::Forbidden(text) => Error::failed(format!("{doing}: not allowed: {text}"))
            .hint("see what you may do: kubectl auth can-i --list")
            .hint("an administrator can print the roles that are needed: kubectl cni-migrate rbac"),
        Refusal::NamespaceTerminating => Error::failed(format!("{doing}: the namespace is being deleted")),
        Refusal::Invalid(text) => advised(Error::failed(format!("{doing}: refused as invalid: {text}"))),
        Refusal::Transient(text) => advised(transient(format!("{doing}: {text}"))),
        Refusal::Budget(text) | Refusal::Other(text) => advised(Error::failed(format!("{doing}: {text}"))),
    }
}

/// Adds what the text means and what to do, where that is known.
pub(super) fn advised(error: Error) -> Error {
    match advice(&error.message) {
        Some(known) => {
            let message = format!("{} ({})", error.message, known.meaning);
            Error { message, transient: error.transient && known.passes, ..error }.hint(known.hint)
        }
        None if error.transient => {
            error.hint("the API server may be down or unreachable; try: kubectl get --raw /readyz")
        }
        None => error,
    }
}

fn transient(message: String) -> Error {
    Error { transient: true, ..Error::failed(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, reason: &str, cause: Option<(&str, &str)>) -> kube::Error {
        let causes =
            cause.map_or_else(Vec::new, |(r, m)| vec![serde_json::json!({"reason": r, "message": m})]);
        let status = serde_json::json!({
            "status": "Failure", "code": code, "reason": reason, "message": "text", "details": {"causes": causes}
        });
        kube::Error::Api(Box::new(serde_json::from_value(status).expect("a Status")))
    }

    #[test]
    fn an_error_says_what_to_do() {
        let io = |text: &str| kube::Error::Service(std::io::Error::other(text.to_owned()).into());
        for (error, says, hint, is_transient) in [
            (api(401, "Unauthorized", None), "does not accept the credentials", "kubectl auth whoami", false),
            (api(403, "Forbidden", None), "not allowed", "kubectl cni-migrate rbac", false),
            (api(503, "ServiceUnavailable", None), "503 text", "/readyz", true),
            (
                io("invalid peer certificate: UnknownIssuer"),
                "not signed by",
                "--certificate-authority",
                false,
            ),
            (io("Connection refused (os error 111)"), "nothing listens", "config view --minify", true),
            (io("connection reset"), "connection reset", "/readyz", true),
        ] {
            let error = explain("reading x", &error);
            assert!(error.message.starts_with("reading x: ") && error.message.contains(says), "{error}");
            assert!(error.hints.iter().any(|h| h.contains(hint)), "{error}: {:?}", error.hints);
            assert_eq!(error.transient, is_transient, "{error}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let budget = "The disruption budget cart needs 2 healthy pods and has 2 currently";
        let table = [
            (api(404, "NotFound", None), Refusal::NotFound),
            (api(409, "AlreadyExists", None), Refusal::Exists),
            (api(409, "Conflict", None), Refusal::Conflict),
            (api(410, "Expired", None), Refusal::Gone),
            (api(401, "Unauthorized", None), Refusal::Unauthenticated("text".into())),
            (api(403, "Forbidden", None), Refusal::Forbidden("text".into())),
            (api(403, "Forbidden", Some(("NamespaceTerminating", ""))), Refusal::NamespaceTerminating),
            (api(429, "TooManyRequests", Some(("DisruptionBudget", budget))), Refusal::Budget(budget.into())),
            (api(429, "TooManyRequests", None), Refusal::Transient("429 text".into())),
            (api(500, "InternalError", None), Refusal::Transient("500 text".into())),
            (api(422, "Invalid", None), Refusal::Invalid("text".into())),
            (api(405, "MethodNotAllowed", None), Refusal::Other("405 text".into())),
        ];
        for (error, wanted) in table {
            assert_eq!(refusal(&error), wanted);
        }
    }
}
