//! What helm renders of two sets of values, object by object.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::diff::unified;
use crate::error::Result;
use crate::yaml;

/// An object that is not rendered alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ObjectDiff {
    /// Kind, namespace and name.
    pub object: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    /// The difference as unified text of both as YAML; secrets hidden.
    pub diff: String,
}

/// The objects that differ between two outputs of `helm template`, ordered by kind and name.
///
/// Secrets of which only the hidden content differs, such as certificates made anew at each rendering, are alike.
///
/// # Errors
/// Text that is not YAML.
pub fn manifests(names: (&str, &str), before: &str, after: &str) -> Result<Vec<ObjectDiff>> {
    let (old, new) = (objects(before)?, objects(after)?);
    let mut all: Vec<_> = old.keys().chain(new.keys()).collect();
    all.sort_unstable();
    all.dedup();
    let mut found = Vec::new();
    for object in all {
        let (a, b) = (old.get(object), new.get(object));
        let nothing = Value::Object(serde_json::Map::new());
        let headers = (format!("{}: {object}", names.0), format!("{}: {object}", names.1));
        let diff = unified((&headers.0, &headers.1), a.unwrap_or(&nothing), b.unwrap_or(&nothing))?;
        if !diff.is_empty() {
            let change = if a.is_none() {
                "added"
            } else if b.is_none() {
                "removed"
            } else {
                "changed"
            };
            found.push(ObjectDiff { object: object.clone(), change, diff });
        }
    }
    Ok(found)
}

fn objects(text: &str) -> Result<BTreeMap<String, Value>> {
    let mut objects = BTreeMap::new();
    let mut add = |document: &str| -> Result<()> {
        let object = yaml::read(document)?;
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let namespace = text("/metadata/namespace");
        let slash = if namespace.is_empty() { "" } else { "/" };
        let name = format!("{} {namespace}{slash}{}", text("/kind"), text("/metadata/name"));
        if !object.is_null() {
            objects.insert(name, object);
        }
        Ok(())
    };
    let mut document = String::new();
    // In a block of text the marker is indented.
    for line in text.lines() {
        if line.trim_end() == "---" {
            add(&document)?;
            document.clear();
        } else {
            document.push_str(line);
            document.push('\n');
        }
    }
    add(&document)?;
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_apart_and_secrets_hidden() {
        let before = "---\n# Source: a\nkind: ConfigMap\nmetadata: {name: c, namespace: ns}\ndata: {x: '1', t: |-\n    ---\n}\n";
        let before = before.replace("data: {x: '1', t: |-\n    ---\n}", "data:\n  x: '1'\n  t: |-\n    ---");
        let before = before + "---\nkind: Secret\nmetadata: {name: s}\ndata: {k: QQ==}\n---\n# nothing\n";
        let after = "kind: ConfigMap\nmetadata: {namespace: ns, name: c}\ndata:\n  t: '---'\n  x: '2'\n---\n\
                     kind: Secret\nmetadata: {name: s}\ndata: {k: Qg==}\n---\nkind: Role\nmetadata: {name: r}\n";
        let found = manifests(("migration", "final"), &before, after).unwrap();
        let rows: Vec<_> = found.iter().map(|d| (d.object.as_str(), d.change)).collect();
        assert_eq!(rows, [("ConfigMap ns/c", "changed"), ("Role r", "added")]);
        assert!(
            found[0].diff.starts_with("--- migration: ConfigMap ns/c\n+++ final: ConfigMap ns/c\n"),
            "{found:?}"
        );
        assert!(!found.iter().any(|d| d.diff.contains("QQ==")), "{found:?}");
    }
}
