//! Reader of what a node's Cilium agent sees: the CNI directory and the options it was started with.

use crate::error::{Error, Result};
use crate::kube::NodeAccess;
use crate::model::{AgentView, PodRef};
use crate::target::{AGENT_CONFIG_DIR, CNI_DIR};

/// Reads both by exec.
pub(super) async fn view(access: &dyn NodeAccess, agent: &PodRef) -> Result<AgentView> {
    let listing = must(access, agent, &["ls", "-1", CNI_DIR]).await?;
    let options = must(access, agent, &["grep", "-RsH", "", AGENT_CONFIG_DIR]).await?;
    Ok(AgentView {
        cni_files: listing.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect(),
        config: options
            .lines()
            .filter_map(|line| line.strip_prefix(AGENT_CONFIG_DIR)?.strip_prefix('/')?.split_once(':'))
            // Options are links into a folder `..data`, as in a ConfigMap volume.
            .filter(|(key, _)| !key.contains('/'))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    })
}

/// The output of a command that has to succeed.
pub(super) async fn must(access: &dyn NodeAccess, agent: &PodRef, argv: &[&str]) -> Result<String> {
    let output = access.run(&agent.namespace, &agent.name, argv).await?;
    if output.code == 0 {
        return Ok(output.stdout);
    }
    let what = argv.join(" ");
    Err(Error::failed(format!("{what} in {agent} ended with {}: {}", output.code, output.stderr.trim())))
}
