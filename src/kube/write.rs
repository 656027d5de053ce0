//! Writing: patches, creations, deletions and evictions, without retries of their own.
//!
//! Nothing here sends a whole object that was read before: fields unknown to us would be lost.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Clock;
use super::read::METADATA;
use super::status::{Refusal, refusal};
use crate::error::{Error, Result};

/// Field manager and user agent of all writes.
pub(super) const MANAGER: &str = "kubectl-cni-migrate";

/// A client that writes.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    clock: Clock,
    dry_run: bool,
}

/// How an object is to be deleted.
#[derive(Clone, Debug, Default)]
pub struct Delete<'a> {
    /// Only the object of this UID.
    pub uid: Option<&'a str>,
    /// Grace period in seconds; `None` leaves it to the object.
    pub grace_seconds: Option<i64>,
    /// `Foreground`, `Background` or `Orphan`; `None` leaves it to the server.
    pub propagation: Option<&'static str>,
}

/// What the server says of an object that it has written: of its metadata, as much as the next write needs.
#[derive(Debug, Default, Deserialize)]
pub struct Written {
    #[serde(default)]
    metadata: Meta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: Option<String>,
}

impl Written {
    /// The version that it has now; `None` after a write that stores no object, such as an eviction.
    pub fn version(self) -> Option<String> {
        self.metadata.resource_version
    }
}

impl Writer {
    pub(super) fn new(client: Client, clock: Clock) -> Self {
        Self { client, clock, dry_run: false }
    }

    /// The time, for what is written down.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The same client, but the API server stores nothing of what it is sent (KEP-576, `dryRun=All`).
    #[must_use]
    pub fn dry_run(&self) -> Self {
        Self { dry_run: true, ..self.clone() }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: &Value,
    ) -> Result<Written, kube::Error> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let dry_run = if self.dry_run { "&dryRun=All" } else { "" };
        let uri = format!("{path}{separator}fieldManager={MANAGER}{dry_run}");
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(CONTENT_TYPE, kind)
            // A whole answer would be the object that was just sent, and more.
            .header(ACCEPT, METADATA)
            .body(body.to_string().into_bytes())
            .map_err(kube::Error::HttpError)?;
        self.client.request(request).await
    }

    /// JSON merge patch (RFC 7386): null removes a key.
    pub async fn merge(&self, path: &str, body: &Value) -> Result<Written, kube::Error> {
        self.send(Method::PATCH, path, "application/merge-patch+json", body).await
    }

    /// Server-side apply of the fields in `body`; refuses where another manager owns one.
    pub async fn apply(&self, path: &str, body: &Value) -> Result<Written, kube::Error> {
        self.send(Method::PATCH, path, "application/apply-patch+yaml", body).await
    }

    /// Creates an object.
    pub async fn create(&self, path: &str, body: &Value) -> Result<Written, kube::Error> {
        self.send(Method::POST, path, "application/json", body).await
    }

    /// Replaces an object that this tool alone writes; `body` carries its resourceVersion.
    pub async fn replace(&self, path: &str, body: &Value) -> Result<Written, kube::Error> {
        self.send(Method::PUT, path, "application/json", body).await
    }

    /// Evicts a pod by its UID (policy/v1 Eviction), so that a namesake is never hit.
    pub async fn evict(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        grace: Option<i64>,
    ) -> Result<(), kube::Error> {
        let mut options = json!({"preconditions": {"uid": uid}});
        if let Some(seconds) = grace {
            options["gracePeriodSeconds"] = json!(seconds);
        }
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name}, "deleteOptions": options,
        });
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
        self.create(&path, &body).await.map(drop)
    }

    /// Deletes an object; one that is gone already, or that is another by now, counts as deleted.
    pub async fn delete(&self, path: &str, how: &Delete<'_>) -> Result<(), Error> {
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
        if self.dry_run {
            // The query of a DELETE that has a body is not looked at (kubernetes apiserver handlers/delete.go).
            options["dryRun"] = json!(["All"]);
        }
        if let Some(uid) = how.uid {
            options["preconditions"] = json!({"uid": uid});
        }
        if let Some(seconds) = how.grace_seconds {
            options["gracePeriodSeconds"] = json!(seconds);
        }
        if let Some(policy) = how.propagation {
            options["propagationPolicy"] = json!(policy);
        }
        match self.send(Method::DELETE, path, "application/json", &options).await {
            Ok(_) => Ok(()),
            Err(e) => match refusal(&e) {
                Refusal::NotFound => Ok(()),
                Refusal::Conflict if how.uid.is_some() => Ok(()),
                _ => Err(super::explain(&format!("deleting {path}"), &e)),
            },
        }
    }
}
