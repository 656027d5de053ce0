//! From results to text: counts, tables as kubectl prints them or for a wiki, JSON and YAML with a version, JUnit. Pure.

mod fit;
mod junit;

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::yaml;

pub use fit::table_within;
pub use junit::{Case, Verdict, junit};

/// `apiVersion` of all machine output.
const API_VERSION: &str = "cni-migrate.dev/v1alpha1";
/// Space between columns, as kubectl has it.
const GAP: usize = 3;

/// A number and what it counts: `1 node`, `3 nodes`; for nouns whose plural is made with an `s`.
pub fn count<N: Copy + Display + From<u8> + PartialEq>(number: N, noun: &str) -> String {
    let ending = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// Rows under a header, each column as wide as its widest cell; nothing is wrapped or cut.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let widths = widths(header, rows);
    let line = |cells: Vec<&str>| {
        let padded: String = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<pad$}", pad = width + GAP))
            .collect();
        padded.trim_end().to_owned() + "\n"
    };
    let mut text = line(header.to_vec());
    text.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    text
}

/// The widest cell of each column, in characters.
fn widths(header: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or(0)
    };
    (0..header.len()).map(width).collect()
}

/// The same rows as a table in Markdown.
pub fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('<', "&lt;").replace('\n', "<br>");
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(header.iter().map(|name| cell(name)).collect());
    text.push_str(&line(vec!["---".to_owned(); header.len()]));
    text.extend(rows.iter().map(|row| line(row.iter().map(|text| cell(text)).collect())));
    text
}

/// An object for machines, with `apiVersion` and `kind` first.
///
/// # Errors
/// Where the content cannot be represented; a fault of this program.
pub fn object(kind: &str, content: &impl Serialize) -> Result<Value> {
    let content = serde_json::to_value(content)
        .map_err(|e| Error::failed(format!("{kind} could not be written: {e}")))?;
    let mut object = json!({"apiVersion": API_VERSION, "kind": kind});
    match (object.as_object_mut(), content) {
        (Some(fields), Value::Object(content)) => fields.extend(content),
        (Some(fields), other) => {
            fields.insert("items".into(), other);
        }
        (None, _) => {}
    }
    Ok(object)
}

/// The object as JSON text.
pub fn json_text(object: &Value) -> String {
    format!("{object:#}")
}

/// The object as YAML text.
///
/// # Errors
/// Those of [`yaml::write`].
pub fn yaml_text(object: &Value) -> Result<String> {
    yaml::write(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_laid_out_as_kubectl_does() {
        let rows = [
            vec!["worker-1".to_owned(), "Migrated".to_owned(), String::new()],
            vec!["n2".to_owned(), "Draining".to_owned(), "waits".to_owned()],
        ];
        let wanted = "NODE       PHASE      NEXT\nworker-1   Migrated\nn2         Draining   waits\n";
        assert_eq!(table(&["NODE", "PHASE", "NEXT"], &rows), wanted);
    }

    #[test]
    fn markdown_cells_stay_cells() {
        let rows = [vec!["a|b".to_owned(), "x\ny <c>".to_owned()]];
        let wanted = "| K | V |\n| --- | --- |\n| a\\|b | x<br>y &lt;c> |\n";
        assert_eq!(markdown(&["K", "V"], &rows), wanted);
    }

    #[test]
    fn only_one_is_singular() {
        assert_eq!(count(0_usize, "blocker"), "0 blockers");
        assert_eq!(count(1_u32, "blocker"), "1 blocker");
        assert_eq!(count(2_u64, "daemon pod"), "2 daemon pods");
    }

    #[test]
    fn machine_output_carries_version_and_kind_first() {
        let object = object("Status", &json!({"a": 1})).expect("an object");
        assert_eq!(object.to_string(), r#"{"apiVersion":"cni-migrate.dev/v1alpha1","kind":"Status","a":1}"#);
    }
}
