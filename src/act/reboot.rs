//! Rebooting a node; only a changed boot id counts as a reboot.

use std::time::Duration;

use super::engine::{Engine, THE_NODE};
use super::helper::Helper;
use crate::error::{Error, Result};
use crate::kube::{Poll, until};
use crate::model::{Phase, RebootMode};
use crate::observe::Scope;
use crate::plan::{NodeStep, Standing, standing};

const TICK: Duration = Duration::from_secs(1);
/// Looks at a failed helper before it is believed: a node that comes back may report the pod before its boot id.
const PATIENCE: usize = 20;

/// Reboots the node as the mode says and waits until it is Ready with a new boot id.
pub(super) async fn reboot(engine: &Engine<'_>, node: &str) -> Result<String> {
    let before = engine.journal.record().nodes.get(node).map(|r| r.boot_id.clone()).unwrap_or_default();
    let helper = Helper {
        purpose: "reboot",
        node,
        args: ["agent", "reboot", "--boot-id", before.as_str()].map(str::to_owned).into(),
        privileged: true,
        folders: Vec::new(),
    };
    match engine.options.reboot {
        RebootMode::Never => return Ok("not wanted".into()),
        RebootMode::Pod => helper.start(engine).await?,
        RebootMode::Command => command(engine, node).await?,
        RebootMode::Manual => {
            engine.waits("reboot", format!("reboot node {node} now; waiting for a new boot id"));
        }
    }
    let mut failed_looks = 0;
    let result = until(&format!("reboot of node {node}"), engine.options.timeout, TICK, async || {
        let snapshot = engine.look(Scope::Agent(node.to_owned()), false).await?;
        let options = &engine.options.drain;
        match standing(NodeStep::Reboot, &snapshot, THE_NODE, engine.journal.record(), options) {
            Standing::Done => match snapshot.agent_on(THE_NODE) {
                Some(agent) if agent.ready => Ok(Poll::Ready(snapshot.node(THE_NODE).boot_id.to_string())),
                _ => Ok(Poll::Pending("the cilium agent is not Ready yet".into())),
            },
            Standing::Pending(reason) => {
                if *snapshot.node(THE_NODE).boot_id == *before {
                    failed_looks += usize::from(helper_failed(engine, &helper).await?);
                }
                if failed_looks > PATIENCE {
                    return Err(Error::failed(format!("the reboot helper on node {node} failed: {reason}")));
                }
                Ok(Poll::Pending(reason))
            }
        }
    })
    .await;
    if engine.options.reboot == RebootMode::Pod {
        helper.remove(engine).await?;
    }
    let after = result?;
    Ok(format!("boot id {} -> {}", short(&before), short(&after)))
}

/// Whether the helper pod failed: by itself, or because the node went down under it.
async fn helper_failed(engine: &Engine<'_>, helper: &Helper<'_>) -> Result<bool> {
    Ok(engine.options.reboot == RebootMode::Pod
        && helper.pod(engine).await?.is_some_and(|pod| pod.phase == Phase::Failed))
}

fn short(boot_id: &str) -> &str {
    boot_id.split('-').next().unwrap_or(boot_id)
}

/// Runs the operator's command; its words are split at spaces and no shell is involved.
#[expect(clippy::disallowed_methods, reason = "the reboot command is the operator's own program")]
async fn command(engine: &Engine<'_>, node: &str) -> Result<()> {
    let text = engine.options.reboot_command.as_deref().ok_or_else(|| {
        Error::usage("--reboot command needs --reboot-command")
            .hint("such as: --reboot-command 'ssh {node} sudo reboot'")
    })?;
    let words: Vec<String> = text.split_whitespace().map(|word| word.replace("{node}", node)).collect();
    let (program, args) = words.split_first().ok_or_else(|| Error::usage("--reboot-command is empty"))?;
    let running =
        tokio::process::Command::new(program).args(args).stdin(std::process::Stdio::null()).output();
    let output = tokio::time::timeout(engine.options.timeout, running)
        .await
        .map_err(|_| {
            Error::failed(format!(
                "--reboot-command did not end within {} s",
                engine.options.timeout.as_secs()
            ))
        })?
        .map_err(|e| Error::failed(format!("--reboot-command {program}: {e}")))?;
    // ssh is cut off by the reboot that it caused: the boot id tells, not the exit code.
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        engine.waits("reboot", format!("the command ended with {}: {}", output.status, text.trim()));
    }
    Ok(())
}
