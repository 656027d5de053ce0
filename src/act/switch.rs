//! The switch: with the migration label set, a restarted agent takes over the node's CNI configuration.

use std::collections::BTreeSet;

use serde_json::json;

use super::engine::{Engine, THE_NODE, TICK};
use crate::error::{Error, Result};
use crate::kube::{Delete, Poll, until_told};
use crate::model::{MIGRATION_LABEL, PHASE_ANNOTATION, Read};
use crate::observe::Scope;
use crate::plan::{NodeStep, Phase, Standing, standing};
use crate::target::CNI_FILE;

/// Sets the label, restarts the agent, and waits until Cilium's file is first in the CNI directory.
pub(super) async fn switch(engine: &Engine<'_>, node: &str) -> Result<String> {
    let patch = json!({"metadata": {
        "labels": {MIGRATION_LABEL: "true"},
        "annotations": {PHASE_ANNOTATION: Phase::Switching.to_string()},
    }});
    engine.patch_node(node, &patch).await?;
    let mut restarted = BTreeSet::new();
    let (what, scope) = (format!("switch of node {node}"), Scope::Agent(node.to_owned()));
    let watch = engine.observer.watch(&scope);
    until_told(&what, engine.options.timeout, TICK, watch, async || {
        let snapshot = engine.look(scope.clone(), true).await?;
        match standing(NodeStep::Switch, &snapshot, THE_NODE, engine.journal.record(), &engine.options.drain)
        {
            Standing::Done => Ok(Poll::Ready(())),
            Standing::Pending(reason) => {
                let agent = snapshot.agent_on(THE_NODE);
                let was_read = matches!(snapshot.agent_views.values().next(), Some(Read::Known(_)));
                // An agent reads its configuration only when its pod starts; each pod is restarted once at most.
                if let Some(agent) = agent.filter(|a| a.ready && was_read && restarted.insert(a.uid.clone()))
                {
                    if restarted.len() > 2 {
                        return Err(Error::failed(format!("the agent was restarted twice and {reason}")));
                    }
                    delete_pod(engine, &agent.namespace, &agent.name, &agent.uid).await?;
                }
                let is_up = snapshot.agent_on(THE_NODE).is_some_and(|agent| agent.ready);
                Ok(if is_up { Poll::Pending(reason) } else { Poll::Watched(reason) })
            }
        }
    })
    .await?;
    engine.set_phase(node, Phase::Switched).await?;
    Ok(format!("agent ready, {CNI_FILE} is first in the CNI directory"))
}

/// Deletes a pod that its controller replaces.
pub(super) async fn delete_pod(engine: &Engine<'_>, namespace: &str, name: &str, uid: &str) -> Result<()> {
    engine.may_go_on()?;
    let how = Delete { uid: Some(uid), ..Delete::default() };
    engine.writer.delete(&format!("/api/v1/namespaces/{namespace}/pods/{name}"), &how).await
}
