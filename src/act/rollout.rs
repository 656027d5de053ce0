//! Waiting for Cilium's own workloads, and restarting them one at a time.

use serde_json::json;

use super::engine::{Engine, TICK};
use super::switch::delete_pod;
use crate::error::{Error, Result};
use crate::kube::{Poll, explain, until, until_told};
use crate::model::{DaemonSet, NodeId, Pod, Read, Rollout, Snapshot};
use crate::observe::Scope;
use crate::report::count;

const OPERATOR: &str = "cilium-operator";
/// The labels of its pods (chart templates/cilium-operator/deployment.yaml).
const OPERATORS: &str = "name=cilium-operator,io.cilium/app=operator";
/// The chart's DaemonSet of agents.
const DAEMON_SET: &str = "cilium";

/// Waits until every node has a Ready agent.
pub(super) async fn agents_ready(engine: &Engine<'_>, step: &str) -> Result<()> {
    agents_until(engine, step, unready).await.map(drop)
}

/// Waits until nothing stands in the way any more, and gives the snapshot that shows it.
async fn agents_until(
    engine: &Engine<'_>,
    step: &str,
    in_the_way: impl Fn(&Snapshot) -> Option<String>,
) -> Result<Snapshot> {
    let (mut told, mut counted) = (String::new(), None);
    until("cilium agents", engine.options.timeout, TICK * 2, async || {
        // Nodes and agents are read when nobody is missing, or somebody has to be named.
        if let Some(Rollout { ready, desired, .. }) = rollout(engine).await
            && ready < desired
            && counted.replace(ready).is_none_or(|before| before < ready)
        {
            return Ok(Poll::Pending(format!("{ready} of {} are Ready", count(desired, "agent"))));
        }
        let snapshot = engine.observer.agents().await?;
        let Some(reason) = in_the_way(&snapshot) else { return Ok(Poll::Ready(snapshot)) };
        if told != reason {
            engine.waits(step, reason.clone());
            told.clone_from(&reason);
        }
        Ok(Poll::Pending(reason))
    })
    .await
}

/// The numbers of the DaemonSet of agents, where it is there and can be read.
async fn rollout(engine: &Engine<'_>) -> Option<Rollout> {
    let all = engine.observer.daemon_sets().await.ok()?;
    all.into_iter().find(|set| &*set.name == DAEMON_SET).map(|set| set.rollout)
}

fn unready(snapshot: &Snapshot) -> Option<String> {
    for (node, agent) in snapshot.nodes.iter().zip(snapshot.agents()) {
        match agent {
            None => return Some(format!("node {} has no cilium agent", node.name)),
            Some(agent) if !agent.ready => {
                let why = agent.waiting.as_deref().map(|w| format!(" ({w})")).unwrap_or_default();
                return Some(format!("the agent on node {} is not Ready{why}", node.name));
            }
            Some(_) => {}
        }
        match snapshot.cilium.node(&node.name) {
            Some(n) if n.error.is_some() => {
                return Some(format!("node {} got no block of the pool: {}", node.name, n.error.as_deref()?));
            }
            Some(n) if !n.pod_cidrs.is_empty() => {}
            _ => return Some(format!("node {} has no block of Cilium's pool yet", node.name)),
        }
    }
    snapshot.nodes.is_empty().then(|| "there are no nodes".to_owned())
}

/// Whether the controller of DaemonSets is replacing agents: then nobody else may take one away.
fn rolling(snapshot: &Snapshot) -> Option<String> {
    let agents = snapshot.agents().into_iter().flatten().next()?;
    let of_agents = |ds: &&DaemonSet| ds.namespace == agents.namespace && &*ds.name == DAEMON_SET;
    let rollout = snapshot.daemon_sets.iter().find(of_agents)?.rollout;
    rollout.is_under_way().then(|| {
        format!(
            "DaemonSet {DAEMON_SET} replaces its pods: {} of {} are new",
            rollout.updated, rollout.desired
        )
    })
}

/// Restarts each agent that does not run with the wanted options, one after the other, and proves them.
///
/// # Errors
/// Where an agent does not come back, or comes back with other options: the next one is then not touched.
pub(super) async fn restart_agents(engine: &Engine<'_>, wanted: &[(&'static str, String)]) -> Result<usize> {
    let mut restarted = 0;
    let snapshot = agents_until(engine, "agents", |s| rolling(s).or_else(|| unready(s))).await?;
    for node in &snapshot.nodes {
        let (agent, reason) = options_of(engine, &node.name, wanted).await?;
        if reason.is_none() {
            continue;
        }
        let agent = agent.ok_or_else(|| Error::failed(format!("node {} has no agent", node.name)))?;
        delete_pod(engine, &agent.namespace, &agent.name, &agent.uid).await?;
        let what = format!("agent on node {}", node.name);
        let watch = engine.observer.watch(&Scope::Agent(node.name.to_string()));
        until_told(&what, engine.options.timeout, TICK, watch, async || {
            let (now, reason) = options_of(engine, &node.name, wanted).await?;
            let is_up = now.as_ref().is_some_and(|now| now.ready);
            Ok(match reason {
                None if now.is_some_and(|now| now.uid != agent.uid) => Poll::Ready(()),
                None => Poll::Watched("the agent was not replaced yet".into()),
                Some(reason) if is_up => Poll::Pending(reason),
                Some(reason) => Poll::Watched(reason),
            })
        })
        .await?;
        restarted += 1;
        engine.waits(
            "agents",
            format!("node {} runs with the final values ({restarted} restarted)", node.name),
        );
    }
    Ok(restarted)
}

/// The agent of a node, and the first reason why it does not run with the wanted options.
async fn options_of(
    engine: &Engine<'_>,
    node: &str,
    wanted: &[(&'static str, String)],
) -> Result<(Option<Pod>, Option<String>)> {
    let snapshot = engine.look(Scope::Agent(node.to_owned()), true).await?;
    let agent = snapshot.agent_on(NodeId(0)).cloned();
    let reason = match (&agent, snapshot.agent_views.values().next()) {
        (None, _) => Some(format!("node {node} has no cilium agent")),
        (Some(agent), _) if !agent.ready => Some(format!("agent {} is not Ready", agent.reference())),
        (_, Some(Read::Known(view))) => wanted.iter().find_map(|(key, value)| {
            let seen = view.config.get(*key).map_or("nothing", String::as_str);
            (seen != value)
                .then(|| format!("the agent on node {node} runs with {key}={seen}, wanted {value}"))
        }),
        (_, Some(Read::Unknown(reason))) => Some(reason.clone()),
        (_, None) => Some("the agent's options were not read".into()),
    };
    Ok((agent, reason))
}

/// Restarts the operator, as `kubectl rollout restart` does, and waits for a new Ready pod.
pub(super) async fn restart_operator(engine: &Engine<'_>, namespace: &str) -> Result<()> {
    let before = operator_pods(engine, namespace).await?;
    let patch = json!({"spec": {"template": {"metadata": {"annotations": {
        "kubectl.kubernetes.io/restartedAt": engine.writer.now().to_string(),
    }}}}});
    engine.may_go_on()?;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{OPERATOR}");
    engine.writer.merge(&path, &patch).await.map_err(|e| explain(&format!("restarting {OPERATOR}"), &e))?;
    let watch = engine.observer.watch_pods_in(namespace, OPERATORS);
    until_told(OPERATOR, engine.options.timeout, TICK, watch, async || {
        let now = operator_pods(engine, namespace).await?;
        let fresh = |p: &&Pod| p.ready && !p.deleting && before.iter().all(|old| old.uid != p.uid);
        if now.iter().any(|p| before.iter().any(|old| old.uid == p.uid)) {
            return Ok(Poll::Watched("an old pod is still there".into()));
        }
        Ok(now.iter().find(fresh).map_or(Poll::Watched("no new pod is Ready".into()), |_| Poll::Ready(())))
    })
    .await
}

async fn operator_pods(engine: &Engine<'_>, namespace: &str) -> Result<Vec<Pod>> {
    engine.observer.pods_in(namespace, OPERATORS).await
}

/// Waits until an operator pod is Ready.
pub(super) async fn operator_ready(engine: &Engine<'_>, namespace: &str) -> Result<()> {
    let watch = engine.observer.watch_pods_in(namespace, OPERATORS);
    until_told(OPERATOR, engine.options.timeout, TICK, watch, async || {
        let pods = operator_pods(engine, namespace).await?;
        let ready = pods.iter().any(|p| p.ready && !p.deleting);
        Ok(if ready { Poll::Ready(()) } else { Poll::Watched("no pod is Ready".into()) })
    })
    .await
}
