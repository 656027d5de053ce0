//! Tables of the kinds that make pods.

use crate::sim::value::{Value, json};

use super::Printer;
use super::cells::{age, containers, duration, labels, number, selector, since, text_or};
use crate::sim::clock::Clock;
use crate::sim::json::{controller, flag, int, is_condition_true, is_deleting, list, name, text};

pub(super) const PRINTERS: &[Printer] = &[
    ("deployments.apps", deployment),
    ("replicasets.apps", replica_set),
    ("replicationcontrollers", replication_controller),
    ("statefulsets.apps", stateful_set),
    ("daemonsets.apps", daemon_set),
    ("controllerrevisions.apps", revision),
    ("jobs.batch", job),
    ("cronjobs.batch", cron_job),
];

const CONTAINERS: &str = "/spec/template/spec/containers";
const SELECTOR: &str = "/spec/selector";

fn ready_of(o: &Value) -> Value {
    json!(format!("{}/{}", int(o, "/status/readyReplicas"), int(o, "/spec/replicas")))
}

fn deployment(o: &Value, clock: &Clock) -> Vec<Value> {
    let mut cells = vec![
        json!(name(o)),
        ready_of(o),
        number(o, "/status/updatedReplicas"),
        number(o, "/status/availableReplicas"),
        age(o, clock),
    ];
    cells.extend(containers(o, CONTAINERS));
    cells.push(selector(o, SELECTOR));
    cells
}

fn replica_set(o: &Value, clock: &Clock) -> Vec<Value> {
    counted(o, clock, selector(o, SELECTOR))
}

fn replication_controller(o: &Value, clock: &Clock) -> Vec<Value> {
    counted(o, clock, labels(o, SELECTOR))
}

fn counted(o: &Value, clock: &Clock, selector: Value) -> Vec<Value> {
    let mut cells = vec![
        json!(name(o)),
        number(o, "/spec/replicas"),
        number(o, "/status/replicas"),
        number(o, "/status/readyReplicas"),
        age(o, clock),
    ];
    cells.extend(containers(o, CONTAINERS));
    cells.push(selector);
    cells
}

fn stateful_set(o: &Value, clock: &Clock) -> Vec<Value> {
    let mut cells = vec![json!(name(o)), ready_of(o), age(o, clock)];
    cells.extend(containers(o, CONTAINERS));
    cells
}

fn daemon_set(o: &Value, clock: &Clock) -> Vec<Value> {
    let counts = [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ];
    let mut cells = vec![json!(name(o))];
    cells.extend(counts.map(|count| number(o, &format!("/status/{count}"))));
    cells.push(labels(o, "/spec/template/spec/nodeSelector"));
    cells.push(age(o, clock));
    cells.extend(containers(o, CONTAINERS));
    cells.push(selector(o, SELECTOR));
    cells
}

fn revision(o: &Value, clock: &Clock) -> Vec<Value> {
    let owner = controller(o).map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let kind = text(owner, "/kind").to_lowercase();
            match text(owner, "/apiVersion").split_once('/') {
                Some((group, _)) => format!("{kind}.{group}/{}", text(owner, "/name")),
                None => format!("{kind}/{}", text(owner, "/name")),
            }
        },
    );
    vec![json!(name(o)), json!(owner), number(o, "/revision"), age(o, clock)]
}

/// Conditions of a job, and what is shown for them, the most telling first.
const JOB_STATES: &[(&str, &str)] = &[
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
];

fn job(o: &Value, clock: &Clock) -> Vec<Value> {
    let holds = |condition: &str| match condition {
        "" => is_deleting(o),
        condition => is_condition_true(o, condition),
    };
    let status =
        JOB_STATES.iter().find(|(condition, _)| holds(condition)).map_or("Running", |(_, shown)| shown);
    let done = int(o, "/status/succeeded");
    let completions =
        match (o.pointer("/spec/completions").and_then(Value::as_i64), int(o, "/spec/parallelism")) {
            (Some(wanted), _) => format!("{done}/{wanted}"),
            (None, together) if together > 1 => format!("{done}/1 of {together}"),
            (None, _) => format!("{done}/1"),
        };
    let mut cells =
        vec![json!(name(o)), json!(status), json!(completions), json!(took(o, clock)), age(o, clock)];
    cells.extend(containers(o, CONTAINERS));
    cells.push(selector(o, SELECTOR));
    cells
}

/// How long a job has run, or ran.
fn took(job: &Value, clock: &Clock) -> String {
    let at = |pointer: &str| text(job, pointer).parse::<jiff::Timestamp>().ok();
    match (at("/status/startTime"), at("/status/completionTime")) {
        (None, _) => String::new(),
        (Some(_), None) => since(job, "/status/startTime", clock),
        (Some(begun), Some(ended)) => duration(ended.duration_since(begun).as_secs()),
    }
}

fn cron_job(o: &Value, clock: &Clock) -> Vec<Value> {
    let suspend = match o.pointer("/spec/suspend") {
        None => "<unset>",
        Some(_) if flag(o, "/spec/suspend") => "True",
        Some(_) => "False",
    };
    let last = match text(o, "/status/lastScheduleTime") {
        "" => "<none>".to_owned(),
        _ => since(o, "/status/lastScheduleTime", clock),
    };
    let mut cells = vec![
        json!(name(o)),
        json!(text(o, "/spec/schedule")),
        json!(text_or(o, "/spec/timeZone", "<none>")),
        json!(suspend),
        json!(list(o, "/status/active").len()),
        json!(last),
        age(o, clock),
    ];
    cells.extend(containers(o, "/spec/jobTemplate/spec/template/spec/containers"));
    cells.push(selector(o, "/spec/jobTemplate/spec/selector"));
    cells
}
