//! What changes from one set of values to another, and what that does to the cluster.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::tree;
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

/// The values that differ, ordered by path; private keys are not shown.
pub fn diff(a: &Value, b: &Value) -> Vec<Change> {
    let (old, new) = (tree::leaves(a), tree::leaves(b));
    let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| Change {
            key: key.clone(),
            from: old.get(key).map(|value| shown(key, value)),
            to: new.get(key).map(|value| shown(key, value)),
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
    yaml::write(&public(values, ""))
}

/// A copy with sorted keys and without secrets.
fn public(value: &Value, path: &str) -> Value {
    let Value::Object(map) = value else { return shown(path, value) };
    let sorted: BTreeMap<_, _> = map.iter().collect();
    let pairs = sorted.into_iter().map(|(key, value)| (key.clone(), public(value, &tree::join(path, key))));
    Value::Object(pairs.collect())
}

/// Private keys sit in the chart as `key` beneath a `tls`, such as `hubble.tls.server.key`.
fn shown(path: &str, value: &Value) -> Value {
    let mut names = path.split('.');
    let private = names.next_back() == Some("key") && names.any(|name| name == "tls");
    if private && value.as_str() != Some("") { json!("(private)") } else { value.clone() }
}

#[cfg(test)]
mod tests {
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
    fn private_keys_are_not_shown() {
        let a = json!({"hubble": {"tls": {"server": {"key": "S3CRET", "cert": "C"}}}});
        let rows = diff(&a, &json!({}));
        assert_eq!(rows[0].from, Some(json!("C")));
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
