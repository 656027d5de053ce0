//! What the API server wrote down: who asked it to change something.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::world::World;
use crate::{
    cluster::ADMIN,
    error::{Context as _, Error},
};

/// Verbs of requests that change something.
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// How far the audit log was at a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark(usize);

impl World {
    /// Marks the present end of the audit log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn audit_mark(&self) -> Result<Mark, Error> {
        Ok(Mark(self.audit_log()?.len()))
    }

    /// What the administrator, as whom the tool and its helm run, wrote since the mark: verb and address.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn written_since(&self, mark: Mark) -> Result<Vec<String>, Error> {
        let line = |event: &Value| format!("{} {}", text(event, "/verb"), text(event, "/requestURI"));
        Ok(self.writes_since(mark)?.iter().map(line).collect())
    }

    /// The same as whole audit events.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn writes_since(&self, mark: Mark) -> Result<Vec<Value>, Error> {
        let log = self.audit_log()?;
        Ok(String::from_utf8_lossy(log.get(mark.0..).unwrap_or_default()).lines().filter_map(write).collect())
    }

    fn audit_log(&self) -> Result<Vec<u8>, Error> {
        let path: PathBuf = self.cluster.logs_dir().join("audit.log");
        fs::read(&path).at("read", &path)
    }
}

/// A request of the administrator that would change something; reviews and dry runs do not.
fn write(line: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(line).ok()?;
    let is_question = text(&event, "/requestURI").contains("dryRun=All")
        || text(&event, "/objectRef/resource").starts_with("selfsubject")
        || text(&event, "/objectRef/subresource") == "exec";
    let is_write =
        text(&event, "/user/username") == ADMIN && WRITES.contains(&text(&event, "/verb")) && !is_question;
    is_write.then_some(event)
}

/// The text at a place of an event; empty where there is none.
pub(crate) fn text<'e>(event: &'e Value, pointer: &str) -> &'e str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_the_administrator_would_change_counts() {
        let event = |user: &str, verb: &str, address: &str, resource: &str| {
            let event = json!({"user": {"username": user}, "verb": verb, "requestURI": address,
                               "objectRef": {"resource": resource}});
            write(&event.to_string())
        };
        let counts = event(ADMIN, "patch", "/api/v1/nodes/n1", "nodes");
        assert_eq!(counts.map(|event| event["requestURI"].clone()), Some(json!("/api/v1/nodes/n1")));
        assert_eq!(event(ADMIN, "get", "/api/v1/nodes/n1", "nodes"), None);
        assert_eq!(event(ADMIN, "patch", "/api/v1/nodes/n1?dryRun=All", "nodes"), None);
        assert_eq!(event(ADMIN, "create", "/apis/x", "selfsubjectrulesreviews"), None);
        assert_eq!(event("system:node:n1", "patch", "/api/v1/nodes/n1", "nodes"), None);
        assert_eq!(write("no JSON"), None);
    }
}
