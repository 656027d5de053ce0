//! Runs helm: questions have a deadline and are killed at it, changes are never interrupted.

use std::fmt::Debug;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::NamedTempFile;
use tokio::process::Command;

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
    /// How it ended, for people.
    status: String,
    pub(super) stdout: String,
    stderr: String,
}

/// What answers as helm does where there is no program to run: an embedded cluster.
#[async_trait]
pub trait StandIn: Debug + Send + Sync {
    /// Answers a command line without the word `helm`: with what goes to stdout.
    ///
    /// # Errors
    /// helm's message.
    async fn call(&self, args: &[String]) -> std::result::Result<String, String>;
}

/// Who is called.
#[derive(Clone, Debug)]
pub(super) enum Program {
    /// A binary, and the kubeconfig that it gets.
    Binary { bin: PathBuf, kubeconfig: Option<PathBuf> },
    /// Something in this process.
    StandIn(Arc<dyn StandIn>),
}

impl Program {
    /// Asks something that changes nothing.
    pub(super) async fn read(&self, args: &[String], deadline: Duration) -> Result<Output> {
        let (bin, mut command) = match self {
            Self::Binary { bin, kubeconfig } => (bin, command(bin, kubeconfig.as_deref(), args)),
            Self::StandIn(answers) => return Ok(answered(answers.call(args).await)),
        };
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
        let child = child.map_err(|error| broken(bin, &error))?;
        let output = tokio::time::timeout(deadline, child.wait_with_output())
            .await
            .map_err(|_| Error::helm(format!("helm {} gave no answer in {} s", args[0], deadline.as_secs())))?
            .map_err(|error| broken(bin, &error))?;
        Ok(Output {
            success: output.status.success(),
            status: output.status.to_string(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Changes something. Whoever waits may go away: helm runs on in a task and a process group of its own, and writes
    /// to files, since a broken pipe would end it half-way; `values` stays until helm is done.
    pub(super) async fn write(&self, args: &[String], values: NamedTempFile) -> Result<Output> {
        let (bin, mut command) = match self {
            Self::Binary { bin, kubeconfig } => (bin, command(bin, kubeconfig.as_deref(), args)),
            Self::StandIn(answers) => return Ok(answered(answers.call(args).await)),
        };
        let broken = |error: &std::io::Error| broken(bin, error);
        let mut stdout = tempfile::tempfile().map_err(|error| broken(&error))?;
        let mut stderr = tempfile::tempfile().map_err(|error| broken(&error))?;
        let mut child = command
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
            status: status.to_string(),
            stdout: text(&mut stdout).map_err(|error| broken(&error))?,
            stderr: text(&mut stderr).map_err(|error| broken(&error))?,
        })
    }
}

fn answered(answer: std::result::Result<String, String>) -> Output {
    match answer {
        Ok(stdout) => {
            Output { success: true, status: "exit status: 0".into(), stdout, stderr: String::new() }
        }
        Err(why) => Output {
            success: false,
            status: "exit status: 1".into(),
            stdout: String::new(),
            stderr: format!("Error: {why}"),
        },
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that runs helm")]
fn command(bin: &Path, kubeconfig: Option<&Path>, args: &[String]) -> Command {
    tracing::debug!(bin = %bin.display(), ?args, ?kubeconfig, "helm");
    let mut command = Command::new(bin);
    command.args(args).stdin(Stdio::null());
    // An interrupt at the terminal goes to the tool, which decides; helm must not see it.
    #[cfg(unix)]
    command.process_group(0);
    if let Some(kubeconfig) = kubeconfig {
        for name in CLUSTER_ENVIRONMENT {
            command.env_remove(name);
        }
        command.env("KUBECONFIG", kubeconfig);
    }
    command
}

fn broken(bin: &Path, error: &std::io::Error) -> Error {
    Error::helm(format!("cannot run helm at {}: {error}", bin.display()))
}

/// helm's failure in helm's own last words, without the warnings before them.
pub(super) fn failure(what: &str, output: &Output) -> Error {
    let lines: Vec<_> = output.stderr.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let tail = lines.len().saturating_sub(LAST_LINES);
    let start = lines.iter().rposition(|line| line.starts_with("Error: ")).unwrap_or(tail).max(tail);
    let words = if lines.is_empty() { output.status.clone() } else { lines[start..].join("\n") };
    Error::helm(format!("helm failed at the {what}: {words}"))
}
