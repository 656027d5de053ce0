//! What changes from one set of values to another, and what that does to the cluster.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

use super::{redact, tree};
use crate::error::Result;
use crate::target::effect;
use crate::yaml;

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Path of the value, in the syntax of `--set`.
    pub key: String,
    /// Value before; `None` where the chart's default held.
    pub from: Option<Value>,
    /// Value after; `None` where the chart's default holds again.
    pub to: Option<Value>,
    /// What the change does to a running cluster.
    pub effect: &'static str,
}

/// One value in three states; `None` where the chart's default holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Path of the value, in the syntax of `--set`.
    pub key: String,
    /// In the running release.
    pub running: Option<Value>,
    /// In the migration phase.
    pub migration: Option<Value>,
    /// In the final phase.
    #[serde(rename = "final")]
    pub last: Option<Value>,
    /// What a running cluster feels of the final value.
    pub effect: &'static str,
}

/// The values that are not the same in both phases and in the running release, where there is one; ordered by path,
/// secrets hidden.
pub fn three_way(running: Option<&Value>, migration: &Value, last: &Value) -> Vec<Row> {
    let trees = [running.unwrap_or(migration), migration, last].map(tree::leaves);
    let mut keys: Vec<_> = trees.iter().flat_map(|tree| tree.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differs = |key: &&&String| trees.iter().any(|tree| tree.get(**key) != trees[1].get(**key));
    let row = |key: &String| {
        let at = |tree: usize| trees[tree].get(key).map(|value| redact::shown(key, value));
        Row {
            key: key.clone(),
            running: running.and_then(|_| at(0)),
            migration: at(1),
            last: at(2),
            effect: effect(key, trees[2].get(key)),
        }
    };
    keys.iter().filter(differs).map(|key| row(key)).collect()
}

/// The values that differ, ordered by path; secrets are not shown.
pub fn diff(a: &Value, b: &Value) -> Vec<Change> {
    let (old, new) = (tree::leaves(a), tree::leaves(b));
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| Change {
            key: key.clone(),
            from: old.get(key).map(|value| redact::shown(key, value)),
            to: new.get(key).map(|value| redact::shown(key, value)),
            effect: effect(key, new.get(key)),
        })
        .collect()
}

/// The same as unified text of both as YAML, keys sorted; empty where nothing differs.
///
/// # Errors
/// Those of [`yaml::write`].
pub fn unified(names: (&str, &str), a: &Value, b: &Value) -> Result<String> {
    let (old, new) = (sorted(a)?, sorted(b)?);
    Ok(TextDiff::from_lines(&old, &new).unified_diff().header(names.0, names.1).to_string())
}

fn sorted(values: &Value) -> Result<String> {
    yaml::write(&in_order(&redact::public(values)))
}

fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), in_order(value))).collect())
        }
        Value::Array(items) => items.iter().map(in_order).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_the_differences() {
        let a = json!({"cni": {"customConf": true, "uninstall": false}, "x": [1], "gone": {"y": 1}});
        let b = json!({"cni": {"customConf": false, "uninstall": false}, "x": [1, 2], "new": null});
        let rows: Vec<_> = diff(&a, &b).into_iter().map(|row| (row.key, row.from, row.to)).collect();
        assert_eq!(
            rows,
            [
                ("cni.customConf".to_owned(), Some(json!(true)), Some(json!(false))),
                ("gone.y".to_owned(), Some(json!(1)), None),
                ("new".to_owned(), None, Some(Value::Null)),
                ("x".to_owned(), Some(json!([1])), Some(json!([1, 2]))),
            ]
        );
        assert!(diff(&a, &a).is_empty());
    }

    #[test]
    fn three_states_side_by_side() {
        let (migration, last) = (json!({"a": 1, "b": 1, "token": "S3CRET"}), json!({"a": 2, "b": 1}));
        let states = |running: Option<Value>| -> Vec<_> {
            let rows = three_way(running.as_ref(), &migration, &last);
            rows.into_iter().map(|row| json!([row.key, row.running, row.migration, row.last])).collect()
        };
        assert_eq!(states(None), [json!(["a", null, 1, 2]), json!(["token", null, "(private)", null])]);
        let running = states(Some(json!({"a": 2, "c": 3})));
        let wanted = [
            json!(["a", 2, 1, 2]),
            json!(["b", null, 1, 1]),
            json!(["c", 3, null, null]),
            json!(["token", null, "(private)", null]),
        ];
        assert_eq!(running, wanted);
    }

    #[test]
    fn private_keys_are_not_shown() {
        let a = json!({"hubble": {"tls": {"server": {"key": "S3CRET", "cert": "C"}}}});
        let rows = diff(&a, &json!({}));
        assert_eq!(rows[0].from, Some(json!("(private)")));
        assert_eq!(rows[1].from, Some(json!("(private)")));
        let text = unified(("running", "final"), &a, &json!({})).unwrap();
        assert!(!text.contains("S3CRET") && text.starts_with("--- running\n+++ final\n"), "{text}");
    }

    #[test]
    fn text_is_sorted_so_that_order_makes_no_difference() {
        let a = json!({"a": 1, "b": {"c": 2, "d": 3}});
        let b = json!({"b": {"d": 3, "c": 2}, "a": 1});
        assert_eq!(unified(("a", "b"), &a, &b).unwrap(), "");
    }
}
