//! Runs helm: questions have a deadline and are killed at it, changes are never interrupted.

use std::io::{Read as _, Seek as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::process::Command;

use super::Helm;
use crate::error::{Error, Result};

/// What helm's environment may say about a cluster; it must not win over the kubeconfig that the tool gives.
/// A Helm plugin inherits all of these (helm.sh/helm pkg/cli/environment.go `EnvVars`).
const CLUSTER_ENVIRONMENT: [&str; 9] = [
    "HELM_KUBECONTEXT",
    "HELM_KUBEAPISERVER",
    "HELM_KUBETOKEN",
    "HELM_KUBEASUSER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBECAFILE",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_NAMESPACE",
];
/// How many of helm's last lines an error shows.
const LAST_LINES: usize = 6;

/// What helm said.
pub(super) struct Output {
    pub(super) success: bool,
    status: ExitStatus,
    pub(super) stdout: String,
    stderr: String,
}

/// Asks something that changes nothing.
pub(super) async fn read(helm: &Helm, args: &[String], deadline: Duration) -> Result<Output> {
    let child = command(helm, args).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
    let child = child.map_err(|error| broken(helm, &error))?;
    let output = tokio::time::timeout(deadline, child.wait_with_output())
        .await
        .map_err(|_| Error::helm(format!("helm {} gave no answer in {} s", args[0], deadline.as_secs())))?
        .map_err(|error| broken(helm, &error))?;
    Ok(Output {
        success: output.status.success(),
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Changes something. Whoever waits may go away: helm runs on in a task and a process group of its own, and writes
/// to files, since a broken pipe would end it half-way; `values` stays until helm is done.
pub(super) async fn write(helm: &Helm, args: &[String], values: NamedTempFile) -> Result<Output> {
    let broken = |error: &std::io::Error| broken(helm, error);
    let mut stdout = tempfile::tempfile().map_err(|error| broken(&error))?;
    let mut stderr = tempfile::tempfile().map_err(|error| broken(&error))?;
    let mut child = command(helm, args)
        .stdout(stdout.try_clone().map_err(|error| broken(&error))?)
        .stderr(stderr.try_clone().map_err(|error| broken(&error))?)
        .spawn()
        .map_err(|error| broken(&error))?;
    let done = tokio::spawn(async move {
        let status = child.wait().await;
        drop(values);
        status
    });
    let status = done
        .await
        .map_err(|error| Error::helm(format!("lost sight of helm {}: {error}", args[0])))?
        .map_err(|error| broken(&error))?;
    let text = |file: &mut std::fs::File| -> std::io::Result<String> {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Output {
        success: status.success(),
        status,
        stdout: text(&mut stdout).map_err(|error| broken(&error))?,
        stderr: text(&mut stderr).map_err(|error| broken(&error))?,
    })
}

#[expect(clippy::disallowed_methods, reason = "the one place that runs helm")]
fn command(helm: &Helm, args: &[String]) -> Command {
    tracing::debug!(bin = %helm.bin.display(), ?args, kubeconfig = ?helm.kubeconfig, "helm");
    let mut command = Command::new(&helm.bin);
    command.args(args).stdin(Stdio::null());
    // An interrupt at the terminal goes to the tool, which decides; helm must not see it.
    #[cfg(unix)]
    command.process_group(0);
    if let Some(kubeconfig) = &helm.kubeconfig {
        for name in CLUSTER_ENVIRONMENT {
            command.env_remove(name);
        }
        command.env("KUBECONFIG", kubeconfig);
    }
    command
}

fn broken(helm: &Helm, error: &std::io::Error) -> Error {
    Error::helm(format!("cannot run helm at {}: {error}", helm.bin.display()))
}

/// helm's failure in helm's own last words, without the warnings before them.
pub(super) fn failure(what: &str, output: &Output) -> Error {
    let lines: Vec<_> = output.stderr.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let tail = lines.len().saturating_sub(LAST_LINES);
    let start = lines.iter().rposition(|line| line.starts_with("Error: ")).unwrap_or(tail).max(tail);
    let words = if lines.is_empty() { output.status.to_string() } else { lines[start..].join("\n") };
    Error::helm(format!("helm failed at the {what}: {words}"))
}
