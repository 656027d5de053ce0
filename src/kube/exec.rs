//! Commands on a node: exec into the Cilium agent of that node, which shares the host's network and CNI folder.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, AttachParams};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::{Error, Result};

/// A command that does not end within this time is given up.
const LIMIT: Duration = Duration::from_secs(30);
/// Output beyond this is a fault of the command, not something to hold in memory.
const MAX_OUTPUT: u64 = 16 << 20;

/// What a command on a node did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs commands on nodes.
#[async_trait]
pub trait NodeAccess: Send + Sync {
    /// Runs `argv` in the agent pod `namespace/pod`.
    ///
    /// # Errors
    /// Where the command could not be run at all; a non-zero exit code is an answer, not an error.
    async fn run(&self, namespace: &str, pod: &str, argv: &[&str]) -> Result<ExecOutput>;
}

/// Node access through the API server's exec.
pub struct PodExec {
    client: Client,
}

impl PodExec {
    /// Over a client without read timeout.
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    async fn exec(&self, namespace: &str, pod: &str, argv: &[&str]) -> Result<ExecOutput> {
        let doing = || format!("exec in {namespace}/{pod}: {}", argv.join(" "));
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let params = AttachParams::default().container("cilium-agent").stdin(false).stdout(true).stderr(true);
        let mut process =
            pods.exec(pod, argv.iter().copied(), &params).await.map_err(|e| super::explain(&doing(), &e))?;
        let status = process.take_status();
        let (stdout, stderr) = tokio::join!(read(process.stdout()), read(process.stderr()));
        let status = match status {
            Some(future) => future.await,
            None => None,
        };
        let code = match status {
            Some(status) if status.status.as_deref() == Some("Success") => 0,
            Some(status) => exit_code(&status).ok_or_else(|| {
                Error::failed(format!("{}: {}", doing(), status.message.clone().unwrap_or_default()))
            })?,
            None => return Err(Error { transient: true, ..Error::failed(format!("{}: cut off", doing())) }),
        };
        Ok(ExecOutput { code, stdout: stdout?, stderr: stderr? })
    }
}

#[async_trait]
impl NodeAccess for PodExec {
    async fn run(&self, namespace: &str, pod: &str, argv: &[&str]) -> Result<ExecOutput> {
        tokio::time::timeout(LIMIT, self.exec(namespace, pod, argv)).await.unwrap_or_else(|_| {
            let text = format!("exec in {namespace}/{pod}: {}: no answer within 30 s", argv.join(" "));
            Err(Error { transient: true, ..Error::failed(text) })
        })
    }
}

async fn read(stream: Option<impl AsyncRead + Unpin>) -> Result<String> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MAX_OUTPUT).read_to_end(&mut bytes).await.map_err(|e| Error {
            transient: true,
            ..Error::failed(format!("exec: output was cut off: {e}"))
        })?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The `ExitCode` cause of a Status with reason NonZeroExitCode (remotecommand protocol v4 and later).
fn exit_code(status: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Status) -> Option<i32> {
    let causes = status.details.as_ref()?.causes.as_ref()?;
    causes.iter().find(|c| c.reason.as_deref() == Some("ExitCode"))?.message.as_ref()?.parse().ok()
}
