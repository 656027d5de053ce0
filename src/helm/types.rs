//! helm's JSON, as far as the tool reads it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::model::Release;

use super::Chart;

/// A release to be made or changed.
#[derive(Clone, Debug)]
pub struct Job {
    /// Release name.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Where the chart is.
    pub chart: Chart,
    /// Version of the chart, such as `1.19.6`.
    pub version: String,
    /// All values; those of an earlier revision do not count.
    pub values: Value,
    /// Render and validate against the cluster, and change nothing.
    pub dry_run: bool,
    /// How long each Kubernetes operation of helm may take; helm itself keeps to it.
    pub timeout: Duration,
}

/// An entry of `helm list --output json`.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    name: String,
    namespace: String,
    /// A string in every version of helm.
    revision: String,
    status: String,
    chart: String,
}

/// The entry of that name.
pub(super) fn listed(text: &str, name: &str) -> Result<Option<Listed>> {
    let entries: Vec<Listed> = parse(text, "list of releases")?;
    Ok(entries.into_iter().find(|entry| entry.name == name))
}

impl Listed {
    /// The release with the values that `helm get values --output json` gave.
    pub(super) fn release(self, values: &str) -> Result<Release> {
        let revision = self.revision.parse().map_err(|_| unexpected("revision", &self.revision))?;
        let values = match parse(values, "values of a release")? {
            // A release without values of the user's.
            Value::Null => json!({}),
            values => values,
        };
        let Self { name, namespace, status, chart, .. } = self;
        Ok(Release { name, namespace, revision, status, chart, values })
    }
}

/// Refuses a release that another helm is at work on, or was when it ended.
pub(super) fn refuse_unfinished(release: &Release) -> Result<()> {
    let Release { name, namespace, revision, status, .. } = release;
    if !status.starts_with("pending-") && status != "uninstalling" {
        return Ok(());
    }
    let message = format!("release {namespace}/{name} is {status} at revision {revision}, expected deployed");
    let error = Error::helm(message).hint("if another helm is at work on it, wait until that is done");
    Err(clearing(release).into_iter().fold(error, Error::hint))
}

/// What to do about a release that a helm left unfinished or failed, with the command; `None` for one in order.
pub fn clearing(release: &Release) -> Option<String> {
    let Release { name, namespace, revision, status, .. } = release;
    let uninstall = format!("helm uninstall {name} --namespace {namespace}");
    let rollback = format!("helm rollback {name} --namespace {namespace}");
    match (status.as_str(), revision) {
        // Nothing ran on a first revision that never was deployed, so removing it takes nothing away.
        ("pending-install" | "failed", 1) => Some(format!("to clear the release: {uninstall}")),
        ("uninstalling", _) => Some(format!("to finish its removal: {uninstall}")),
        ("pending-install" | "pending-upgrade" | "pending-rollback", _) => {
            Some(format!("to go back to the revision before: {rollback}"))
        }
        ("failed", _) => Some(format!("run again, or go back to the revision before: {rollback}")),
        _ => None,
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unexpected(what, &error.to_string()))
}

fn unexpected(what: &str, found: &str) -> Error {
    Error::helm(format!("helm's {what} is not as expected: {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // As helm 3.17.2 and 4.3.1 print it.
    const LIST: &str = r#"[{"name":"cilium","namespace":"kube-system","revision":"2","updated":"2026-11-21 07:00:00 +0000 UTC","status":"deployed","chart":"cilium-1.19.6","app_version":"1.19.6"}]"#;

    #[test]
    fn reads_a_release() {
        let release = listed(LIST, "cilium").unwrap().unwrap().release(r#"{"tunnelPort":8473}"#).unwrap();
        let expected = Release {
            name: "cilium".to_owned(),
            namespace: "kube-system".to_owned(),
            revision: 2,
            status: "deployed".to_owned(),
            chart: "cilium-1.19.6".to_owned(),
            values: json!({"tunnelPort": 8473}),
        };
        assert_eq!(release, expected);
        assert!(listed("[]", "cilium").unwrap().is_none());
        assert_eq!(listed(LIST, "cilium").unwrap().unwrap().release("null").unwrap().values, json!({}));
    }

    #[test]
    fn an_unfinished_release_is_refused_with_the_way_out() {
        let release = |revision, status: &str| Release {
            revision,
            status: status.to_owned(),
            ..listed(LIST, "cilium").unwrap().unwrap().release("{}").unwrap()
        };
        let error = refuse_unfinished(&release(1, "pending-install")).unwrap_err();
        assert!(error.message.contains("is pending-install at revision 1, expected deployed"));
        assert!(error.hints[1].ends_with("helm uninstall cilium --namespace kube-system"));
        let error = refuse_unfinished(&release(3, "pending-upgrade")).unwrap_err();
        assert!(error.hints[1].ends_with("helm rollback cilium --namespace kube-system"));
        for (revision, status) in [(1, "deployed"), (1, "failed"), (4, "failed")] {
            assert!(refuse_unfinished(&release(revision, status)).is_ok(), "{status}");
        }
        assert_eq!(clearing(&release(2, "deployed")), None);
        assert!(clearing(&release(1, "failed")).unwrap().contains("helm uninstall"));
        assert!(clearing(&release(2, "failed")).unwrap().contains("helm rollback"));
    }

    #[test]
    fn another_shape_is_an_error() {
        let message = listed("Error", "cilium").unwrap_err().message;
        assert!(message.starts_with("helm's list of releases is not as expected"), "{message}");
    }
}
