//! The parameters of calls, checked as `k8s.io/apimachinery/pkg/apis/meta/v1/validation` checks them.

use crate::sim::status::{Answer, Refusal};
use crate::sim::validate::Problem;
use crate::sim::value::json;

use super::Call;

/// Longest name of a field manager, in bytes.
const MANAGER_LIMIT: usize = 128;

/// Checks the parameters of a write: `kind` is `CreateOptions`, `UpdateOptions` or `PatchOptions`.
///
/// # Errors
/// 422 for values that the server does not know.
pub(super) fn check_write(call: &Call, kind: &str) -> Answer<()> {
    let mut problems = Vec::new();
    if let Some(manager) = call.param("fieldManager") {
        if manager.len() > MANAGER_LIMIT {
            problems.push(Problem {
                reason: "FieldValueTooLong",
                field: "fieldManager".to_owned(),
                message: format!("Too long: may not be more than {MANAGER_LIMIT} bytes"),
            });
        }
        if let Some((at, bad)) = manager.char_indices().find(|(_, c)| c.is_control()) {
            let code = u32::from(bad);
            let shown = manager.replace(bad, &format!("\\x{code:02x}"));
            let message =
                format!("Invalid value: \"{shown}\": invalid character U+{code:04X} (at position {at})");
            problems.push(Problem { reason: "FieldValueInvalid", field: "fieldManager".to_owned(), message });
        }
    }
    problems.extend(dry_run(call));
    let known = ["", "Ignore", "Strict", "Warn"];
    if let Some(other) = call.param("fieldValidation").filter(|v| !known.contains(v)) {
        problems.push(Problem::unsupported("fieldValidation", &json!(other), &known));
    }
    answer(kind, &problems)
}

/// Checks the parameters of a patch.
///
/// # Errors
/// 422 for an apply without a manager, and for force elsewhere.
pub(super) fn check_patch(call: &Call, is_apply: bool) -> Answer<()> {
    let mut problems = Vec::new();
    if is_apply && call.param("fieldManager").is_none() {
        problems.push(Problem::required("fieldManager", "is required for apply patch"));
    }
    if !is_apply && call.has("force") {
        problems.push(Problem::forbidden("force", "may not be specified for non-apply patch"));
    }
    answer("PatchOptions", &problems)?;
    check_write(call, "PatchOptions")
}

/// Checks the parameters of a list or a watch.
///
/// # Errors
/// 400 for numbers that are none, 422 for combinations that make no sense.
pub(super) fn check_list(call: &Call) -> Answer<()> {
    if let Some(limit) = call.param("limit")
        && limit.parse::<i64>().is_err()
    {
        return Err(Refusal::bad_request(format!("strconv.ParseInt: parsing {limit:?}: invalid syntax")));
    }
    let version = call.param("resourceVersion");
    let how = call.param("resourceVersionMatch");
    let field = "resourceVersionMatch";
    let mut problems = Vec::new();
    if call.is_watch() {
        let initial = call.has("sendInitialEvents");
        if initial && how != Some("NotOlderThan") {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            problems.push(Problem::forbidden(field, why));
        }
        if !initial && how.is_some() {
            let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            problems.push(Problem::forbidden(field, why));
        }
    } else if let Some(how) = how {
        if version.is_none() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            problems.push(Problem::forbidden(field, why));
        }
        if !["Exact", "NotOlderThan"].contains(&how) {
            problems.push(Problem::unsupported(field, &json!(how), &["Exact", "NotOlderThan", ""]));
        }
    }
    answer("ListOptions", &problems)
}

/// Checks the options of a delete: the policy of propagation, and the older member of the same meaning.
///
/// # Errors
/// 422 for a policy that the server does not know, and for both members.
pub(super) fn check_delete(policy: Option<&str>, orphan: bool) -> Answer<()> {
    let field = "propagationPolicy";
    let problem = match policy {
        Some(policy) if orphan => {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            Some(Problem::invalid(field, &json!(policy), why))
        }
        None | Some("Foreground" | "Background" | "Orphan") => None,
        Some(other) => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            Some(Problem::unsupported(field, &json!(other), &known))
        }
    };
    answer("DeleteOptions", &problem.into_iter().collect::<Vec<_>>())
}

fn dry_run(call: &Call) -> Option<Problem> {
    let all = call.params("dryRun");
    let bad = all.iter().any(|value| *value != "All");
    bad.then(|| Problem::unsupported("dryRun", &json!(all), &["All"]))
}

fn answer(kind: &str, problems: &[Problem]) -> Answer<()> {
    if problems.is_empty() { Ok(()) } else { Err(Refusal::invalid_options(kind, problems)) }
}
