//! One writer at a time: a Lease (coordination.k8s.io/v1) that is renewed while a run is at work.
//!
//! A holder counts as gone only when its renewals were seen to stand still for the whole duration on our own
//! monotonic clock: clocks of two machines are never compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::event::{Event, Reporter};
use crate::kube::{Reader, Refusal, Writer, explain, pause, refusal};

const COLLECTION: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/cni-migrate";
const DURATION: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Deserialize)]
struct Wire {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    holder_identity: Option<String>,
}

/// A held lease; lost or released when dropped.
pub struct Lease {
    lost: Arc<AtomicBool>,
    task: JoinHandle<()>,
    reader: Reader,
    writer: Writer,
    holder: String,
}

/// Who is at work, for people and for telling two runs apart: user, host and process.
pub fn holder(user: &str, host: &str, pid: u32) -> String {
    format!("{user}@{host}/{pid}")
}

impl Lease {
    /// Takes the lease, waiting out a holder that does not renew any more.
    ///
    /// # Errors
    /// Locked, where another run renews it.
    pub async fn acquire(
        reader: Reader,
        writer: Writer,
        holder: String,
        report: &dyn Reporter,
    ) -> Result<Self> {
        match reader.get::<Wire>(PATH).await? {
            None => create(&writer, &holder).await?,
            Some(seen) if is_free(&seen) => take(&writer, &holder, &seen).await?,
            Some(seen) => {
                let stale = wait_for_silence(&reader, seen, report).await?;
                take(&writer, &holder, &stale).await?;
            }
        }
        let lost = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(renew(reader.clone(), writer.clone(), holder.clone(), lost.clone()));
        Ok(Self { lost, task, reader, writer, holder })
    }

    /// Must be asked before each write.
    ///
    /// # Errors
    /// Locked, where the lease was lost.
    pub fn check(&self) -> Result<()> {
        if self.lost.load(Ordering::SeqCst) {
            return Err(Error::locked(
                "the lease kube-system/cni-migrate was lost to another run, or could not be renewed",
            )
            .hint("see who holds it: kubectl -n kube-system get lease cni-migrate -o yaml"));
        }
        Ok(())
    }

    /// Gives the lease back.
    pub async fn release(self) {
        self.task.abort();
        if let Ok(Some(seen)) = self.reader.get::<Wire>(PATH).await
            && seen.spec.holder_identity.as_deref() == Some(self.holder.as_str())
        {
            // A failure leaves the lease to run out by itself.
            let _ = self
                .writer
                .replace(PATH, &body(&self.writer, "", Some(&seen.metadata.resource_version)))
                .await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn is_free(seen: &Wire) -> bool {
    seen.spec.holder_identity.as_deref().unwrap_or_default().is_empty()
}

async fn wait_for_silence(reader: &Reader, mut seen: Wire, report: &dyn Reporter) -> Result<Wire> {
    let holder = seen.spec.holder_identity.clone().unwrap_or_default();
    let first = seen.metadata.resource_version.clone();
    report.event(&Event::Waiting {
        step: "lease".into(),
        reason: format!("held by {holder}; taken over if it is not renewed for {} s", DURATION.as_secs()),
    });
    let end = Instant::now() + DURATION;
    while Instant::now() < end {
        pause(Duration::from_secs(1)).await;
        match reader.get::<Wire>(PATH).await? {
            None => return Ok(seen),
            Some(now) if is_free(&now) => return Ok(now),
            Some(now) if now.metadata.resource_version != first => {
                return Err(Error::locked(format!("another run is at work: {holder}")).hint(
                    "wait for it to end; see it: kubectl -n kube-system get lease cni-migrate -o yaml",
                ));
            }
            Some(now) => seen = now,
        }
    }
    Ok(seen)
}

async fn create(writer: &Writer, holder: &str) -> Result<()> {
    writer.create(COLLECTION, &body(writer, holder, None)).await.map(drop).map_err(|e| raced(&e))
}

async fn take(writer: &Writer, holder: &str, seen: &Wire) -> Result<()> {
    let body = body(writer, holder, Some(&seen.metadata.resource_version));
    writer.replace(PATH, &body).await.map(drop).map_err(|e| raced(&e))
}

fn raced(error: &kube::Error) -> Error {
    match refusal(error) {
        Refusal::Conflict | Refusal::Exists | Refusal::NotFound => {
            Error::locked("another run took the lease kube-system/cni-migrate at the same moment")
        }
        _ => explain("taking the lease kube-system/cni-migrate", error),
    }
}

fn body(writer: &Writer, holder: &str, version: Option<&str>) -> Value {
    let now = format!("{:.6}", writer.now());
    let mut body = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "cni-migrate", "namespace": "kube-system"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": DURATION.as_secs(), "renewTime": now},
    });
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = json!(version);
    }
    body
}

/// How a renewal ended.
enum Renewal {
    /// The lease has this version now.
    Renewed(String),
    /// Nobody knows; it is tried again.
    Failed,
    /// Somebody else has it, or nobody.
    Lost,
}

async fn renew(reader: Reader, writer: Writer, holder: String, lost: Arc<AtomicBool>) {
    let (mut last, mut version) = (Instant::now(), None);
    loop {
        pause(RENEW_EVERY).await;
        match renew_once(&reader, &writer, &holder, version.take()).await {
            Renewal::Renewed(now) => (last, version) = (Instant::now(), Some(now)),
            Renewal::Failed => {}
            Renewal::Lost => return lost.store(true, Ordering::SeqCst),
        }
        if last.elapsed() >= DURATION {
            return lost.store(true, Ordering::SeqCst);
        }
    }
}

/// Writes over the version that was written last, without a look (as client-go's `tryAcquireOrRenew` does); where it is
/// not known, or no longer the present one, over the present one if that is ours.
async fn renew_once(reader: &Reader, writer: &Writer, holder: &str, version: Option<String>) -> Renewal {
    let replace = async |version: &str| {
        writer.replace(PATH, &body(writer, holder, Some(version))).await.ok()?.version()
    };
    if let Some(version) = version
        && let Some(now) = replace(&version).await
    {
        return Renewal::Renewed(now);
    }
    match reader.get::<Wire>(PATH).await {
        Ok(Some(seen)) if seen.spec.holder_identity.as_deref() == Some(holder) => {
            replace(&seen.metadata.resource_version).await.map_or(Renewal::Failed, Renewal::Renewed)
        }
        Ok(_) => Renewal::Lost,
        Err(_) => Renewal::Failed,
    }
}
