//! Values as YAML for people, with the reason of each value above it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Origin, tree};
use crate::error::Result;
use crate::yaml;

/// Renders a tree; every leaf that has an origin gets a comment.
pub(super) fn yaml(tree: &Value, provenance: &BTreeMap<String, Origin>) -> Result<String> {
    let mut out = String::new();
    match tree {
        Value::Object(map) if !map.is_empty() => render(map, "", 0, provenance, &mut out)?,
        other => out = yaml::write(other)?,
    }
    Ok(out)
}

fn render(
    map: &Map<String, Value>,
    prefix: &str,
    depth: usize,
    provenance: &BTreeMap<String, Origin>,
    out: &mut String,
) -> Result<()> {
    for (key, value) in map {
        let path = tree::join(prefix, key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                // The library quotes the key where that is needed; an empty map keeps it on one line.
                indent(
                    yaml::write(&json!({ key: {} }))?.trim_end().trim_end_matches("{}").trim_end(),
                    depth,
                    out,
                );
                render(inner, &path, depth + 1, provenance, out)?;
            }
            leaf => {
                if let Some(origin) = provenance.get(&path) {
                    indent(&comment(origin), depth, out);
                }
                indent(&yaml::write(&json!({ key: leaf }))?, depth, out);
            }
        }
    }
    Ok(())
}

fn indent(text: &str, depth: usize, out: &mut String) {
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(&"  ".repeat(depth));
        }
        out.push_str(line);
        out.push('\n');
    }
}

fn comment(origin: &Origin) -> String {
    let text = match origin {
        Origin::Detected { from } => format!("# detected: {from}"),
        Origin::Required { reason, source } => format!("# required: {reason} ({source})"),
        Origin::User { from } => format!("# user: {from}"),
    };
    // A name from the cluster or a file name must not end the comment.
    text.replace(|c: char| c.is_control(), " ")
}
