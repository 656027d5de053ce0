//! Reads the records that the agents left in the nodes' folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::record::Line;
use crate::error::{Context as _, Error};

/// The record of one meter pod.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Its lines in the order in which they were written.
    pub(crate) lines: Vec<Line>,
}

/// Reads every record below `folders`, one per node; a folder that is not there yet holds none.
///
/// # Errors
/// When a file cannot be read or a line of it is not one of the meter's.
pub(crate) fn records(folders: impl IntoIterator<Item = PathBuf>) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(&folder).at("list", &folder)? {
            let path = entry.at("list", &folder)?.path();
            let text = fs::read_to_string(&path).at("read", &path)?;
            records.push(Record { lines: parse(&text, &path)? });
        }
    }
    Ok(records)
}

/// Parses the whole lines of a record; the agent may be writing the last one right now.
fn parse(text: &str, path: &Path) -> Result<Vec<Line>, Error> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| {
            Error::Invalid(format!("{} line {} is not a line of the meter: {e}", path.display(), index + 1))
        })
    };
    whole.lines().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_being_written_is_left_for_later() {
        let text = "{\"at\":\"2026-01-02T03:04:05Z\",\"event\":\"stopped\"}\n{\"at\":\"2026-";
        assert_eq!(parse(text, Path::new("f")).unwrap().len(), 1);
        assert!(parse("", Path::new("f")).unwrap().is_empty());
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = parse("{}\n", Path::new("meter-a.jsonl")).unwrap_err().to_string();
        assert!(error.starts_with("meter-a.jsonl line 1 is not a line of the meter:"), "{error}");
    }
}
