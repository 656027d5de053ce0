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
        let log = self.audit_log()?;
        Ok(String::from_utf8_lossy(log.get(mark.0..).unwrap_or_default()).lines().filter_map(write).collect())
    }

    fn audit_log(&self) -> Result<Vec<u8>, Error> {
        let path: PathBuf = self.cluster.logs_dir().join("audit.log");
        fs::read(&path).at("read", &path)
    }
}

/// A request of the administrator that would change something; reviews and dry runs do not.
fn write(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (verb, address) = (text("/verb"), text("/requestURI"));
    let is_question = address.contains("dryRun=All")
        || text("/objectRef/resource").starts_with("selfsubject")
        || text("/objectRef/subresource") == "exec";
    let is_write = text("/user/username") == ADMIN && WRITES.contains(&verb) && !is_question;
    is_write.then(|| format!("{verb} {address}"))
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
        assert_eq!(
            event(ADMIN, "patch", "/api/v1/nodes/n1", "nodes").as_deref(),
            Some("patch /api/v1/nodes/n1")
        );
        assert_eq!(event(ADMIN, "get", "/api/v1/nodes/n1", "nodes"), None);
        assert_eq!(event(ADMIN, "patch", "/api/v1/nodes/n1?dryRun=All", "nodes"), None);
        assert_eq!(event(ADMIN, "create", "/apis/x", "selfsubjectrulesreviews"), None);
        assert_eq!(event("system:node:n1", "patch", "/api/v1/nodes/n1", "nodes"), None);
        assert_eq!(write("no JSON"), None);
    }
}
