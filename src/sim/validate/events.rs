//! Rules of events (`pkg/apis/core/validation/events.go`): fields are called as in the core group, whichever group is
//! written to.

use crate::sim::json::{int, namespace, text};
use crate::sim::value::{Value, json};

use super::{Problem, label_key_problems};

/// Longest action, reason and instance.
const LONGEST: usize = 128;
/// Longest message.
const LONGEST_MESSAGE: usize = 1024;

/// What holds for every event, in either group.
pub(crate) fn event(event: &Value) -> Vec<Problem> {
    let has_time = !text(event, "/eventTime").is_empty();
    let mut found: Vec<Problem> = place(event, has_time).into_iter().collect();
    if has_time {
        found.extend(reporter(event));
        for member in ["action", "reason"] {
            found.extend(some_text(event, member));
        }
        found.extend(too_long(event, "message", LONGEST_MESSAGE));
    }
    found
}

/// An event is in the namespace of what it is about; what has none is told of in `default`.
fn place(event: &Value, has_time: bool) -> Option<Problem> {
    let (own, of) = (namespace(event), text(event, "/involvedObject/namespace"));
    let agrees = match (of, own) {
        ("", "default") => true,
        ("", own) => own == if has_time { "kube-system" } else { "" },
        (of, own) => has_time || of == own,
    };
    let why = "does not match event.namespace";
    (!agrees).then(|| Problem::invalid("involvedObject.namespace", &of.into(), why))
}

fn reporter(event: &Value) -> Vec<Problem> {
    let name = text(event, "/reportingComponent");
    let mut found = Vec::new();
    if name.is_empty() {
        found.push(Problem::required("reportingController", ""));
    }
    let bad = label_key_problems(name);
    found.extend(bad.iter().map(|why| Problem::invalid("reportingController", &name.into(), why)));
    found.extend(some_text(event, "reportingInstance"));
    found
}

fn some_text(event: &Value, member: &str) -> Option<Problem> {
    let is_missing = text(event, &format!("/{member}")).is_empty();
    is_missing.then(|| Problem::required(member, "")).or_else(|| too_long(event, member, LONGEST))
}

fn too_long(event: &Value, member: &str, most: usize) -> Option<Problem> {
    let is_too_long = text(event, &format!("/{member}")).len() > most;
    is_too_long.then(|| Problem::invalid(member, &json!(""), &format!("can have at most {most} characters")))
}

/// What `events.k8s.io` asks of a new event besides.
pub(crate) fn strict(event: &Value) -> Vec<Problem> {
    let invalid = |field: &str, why: &str| Problem::invalid(field, &json!(""), why);
    let mut found = Vec::new();
    if event.get("series").is_some_and(Value::is_object) {
        if int(event, "/series/count") < 2 {
            found.push(invalid("series.count", "should be at least 2"));
        }
        if text(event, "/series/lastObservedTime").is_empty() {
            found.push(Problem::required("series.lastObservedTime", ""));
        }
    }
    if text(event, "/eventTime").is_empty() {
        found.push(Problem::required("eventTime", ""));
    }
    let kind = text(event, "/type");
    if !matches!(kind, "Normal" | "Warning") {
        found.push(invalid("type", &format!("has invalid value: {kind}")));
    }
    let is_set = |pointer: &str| !text(event, pointer).is_empty();
    for (field, is_there) in [
        ("firstTimestamp", is_set("/firstTimestamp")),
        ("lastTimestamp", is_set("/lastTimestamp")),
        ("count", int(event, "/count") != 0),
        ("source", is_set("/source/component") || is_set("/source/host")),
    ] {
        if is_there {
            found.push(invalid(field, "needs to be unset"));
        }
    }
    found
}
