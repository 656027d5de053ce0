//! Tables: how the API server shows objects to people (`meta.k8s.io/v1 Table`), which is what `kubectl get` prints.
//!
//! `columns-1.36.json` holds the columns as a real API server, version 1.36.3, tells them: name, type, format, priority
//! and the place of the description. The cells are those of `pkg/printers/internalversion/printers.go`, always with the
//! columns of `-o wide`; a file for each group of kinds, and a line in its list for each kind.

mod cells;
mod core;
mod custom;
mod pod;
mod rest;
mod workload;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::sim::value::{Value, json};

use super::clock::Clock;
use super::json::{name, text};
use super::resource::Resource;

/// The cells of an object.
type Cells = fn(&Value, &Clock) -> Vec<Value>;

/// How a kind is shown: its plural with the group, as `poddisruptionbudgets.policy`, and its cells.
type Printer = (&'static str, Cells);

static COLUMNS: LazyLock<HashMap<String, Vec<Value>>> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    let file: Value = serde_json::from_str(include_str!("columns-1.36.json")).unwrap_or_default();
    let column = |of: &Value| {
        let at = of[4].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or_default();
        let description = &file["descriptions"][at];
        json!({"name": of[0], "type": of[1], "format": of[2], "description": description, "priority": of[3]})
    };
    let columns = |all: &Value| all.as_array().into_iter().flatten().map(column).collect::<Vec<_>>();
    let all = file["columns"].as_object().into_iter().flatten();
    all.map(|(resource, of)| (resource.to_string(), columns(of))).collect()
});

/// The columns of a resource.
pub(crate) fn columns(info: &Resource) -> Vec<Value> {
    if info.custom {
        return custom::columns(&info.columns, COLUMNS.get("serviceaccounts").map_or(&[], Vec::as_slice));
    }
    COLUMNS.get(&info.qualified()).cloned().unwrap_or_default()
}

/// The row of an object; `shown` is the object as the row carries it.
pub(crate) fn row(info: &Resource, clock: &Clock, object: &Value, shown: Value) -> Value {
    let mut row = json!({"cells": cells_of(info, clock, object)});
    if let Some(condition) = (info.kind == "Pod").then(|| pod::condition(object)).flatten() {
        row["conditions"] = json!([condition]);
    }
    row["object"] = shown;
    row
}

fn cells_of(info: &Resource, clock: &Clock, object: &Value) -> Vec<Value> {
    if info.custom {
        return custom::cells(&info.columns, object, clock);
    }
    let resource = info.qualified();
    let mut printers =
        [core::PRINTERS, pod::PRINTERS, workload::PRINTERS, rest::PRINTERS].into_iter().flatten();
    match printers.find(|(of, _)| *of == resource) {
        Some((_, cells)) => cells(object, clock),
        None => vec![json!(name(object)), json!(text(object, "/metadata/creationTimestamp"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::clock::Clock;
    use crate::sim::resource::{Registry, id};

    #[tokio::test(start_paused = true)]
    async fn every_built_in_kind_has_as_many_cells_as_columns() {
        let clock = Clock::new(jiff::Timestamp::UNIX_EPOCH);
        // Of events the front shows the core group's, whichever name they are asked by.
        for (_, info) in Registry::new().served().filter(|(resource, _)| *resource != id::EVENTS_AGAIN) {
            let (columns, cells) =
                (columns(info), cells_of(info, &clock, &json!({"metadata": {"name": "x"}})));
            assert!(columns.len() > 1, "{}", info.kind);
            assert_eq!(columns.len(), cells.len(), "{}", info.kind);
        }
    }
}
