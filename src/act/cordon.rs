//! Cordon and uncordon: scheduling is stopped, and later is again what it was.

use serde_json::{Value, json};

use super::engine::{Engine, THE_NODE};
use crate::error::{Error, Result};
use crate::model::{PHASE_ANNOTATION, WAS_UNSCHEDULABLE_ANNOTATION};
use crate::observe::Scope;
use crate::plan::{NodeStep, Phase, Step};

/// Makes the node unschedulable and notes on it what it was before.
pub(super) async fn cordon(engine: &Engine<'_>, node: &str) -> Result<String> {
    let was = was_unschedulable(engine, node)?;
    let patch = json!({
        "metadata": {"annotations": {
            PHASE_ANNOTATION: Phase::Draining.to_string(),
            WAS_UNSCHEDULABLE_ANNOTATION: was.to_string(),
        }},
        "spec": {"unschedulable": true},
    });
    engine.patch_node(node, &patch).await?;
    Ok(if was { "was cordoned before and stays so".into() } else { String::new() })
}

/// Restores the node's scheduling.
///
/// # Errors
/// Where the node was not verified: an unverified node gets no pods.
pub(super) async fn uncordon(engine: &Engine<'_>, node: &str) -> Result<String> {
    if !engine.journal.record().is_done(&Step::Node(node.to_owned(), NodeStep::Verify).id()) {
        return Err(Error::failed(format!("node {node} was not verified and stays cordoned")));
    }
    restore(engine, node, Value::String(Phase::Migrated.to_string())).await
}

/// Sets scheduling back to what it was, and the phase to `phase` (null removes it).
pub(super) async fn restore(engine: &Engine<'_>, node: &str, phase: Value) -> Result<String> {
    let was = was_unschedulable(engine, node)?;
    let patch = json!({
        "metadata": {"annotations": {PHASE_ANNOTATION: phase, WAS_UNSCHEDULABLE_ANNOTATION: null}},
        "spec": {"unschedulable": if was { Value::Bool(true) } else { Value::Null }},
    });
    engine.patch_node(node, &patch).await?;
    let now = engine.look(Scope::Agent(node.to_owned()), false).await?;
    if now.node(THE_NODE).unschedulable != was {
        return Err(Error::failed(format!("node {node} did not become what it was: schedulable={}", !was)));
    }
    Ok(if was { "was cordoned before".into() } else { "was schedulable before".into() })
}

fn was_unschedulable(engine: &Engine<'_>, node: &str) -> Result<bool> {
    let record = engine.journal.record().nodes.get(node);
    record
        .map(|r| r.was_unschedulable)
        .ok_or_else(|| Error::failed(format!("the journal does not know node {node}")))
}
