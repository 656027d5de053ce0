//! Restarting what a drain leaves on the node: DaemonSet pods keep the old CNI's address until they are re-created.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::drain::{Evictor, Turn};
use super::engine::{Engine, THE_NODE};
use super::switch::delete_pod;
use crate::error::{Error, Result};
use crate::model::{Pod, Shared, Snapshot};
use crate::observe::Scope;
use crate::report::count;
use crate::verify::{Network, classify};

const TICK: Duration = Duration::from_millis(500);

/// Restarts every pod of the node that is on the pod network but not on `wanted`, and waits until the DaemonSets' pods are
/// back; `snapshot` is of the scope of networks, and just taken.
///
/// Pods go by Eviction here too: a budget over a DaemonSet's pods holds.
pub(super) async fn bring_over(
    engine: &Engine<'_>,
    node: &str,
    wanted: Network,
    mut snapshot: Snapshot,
) -> Result<String> {
    let end = Instant::now() + engine.options.timeout;
    let mut evictor = Evictor::new(engine);
    let mut watch = engine.observer.watch(&Scope::Pods(node.to_owned()));
    // Owner UID -> name, of the DaemonSets whose pod must come back.
    let mut owners: BTreeMap<Shared, Shared> = BTreeMap::new();
    loop {
        let old = foreign(engine, &snapshot, &wanted);
        if let Some(pod) = old.iter().find(|p| p.owner.is_none() && !p.is_probe() && !p.mirror) {
            return Err(Error::no(format!(
                "pod {} has no controller: a restart would lose it",
                pod.reference()
            ))
            .hint("delete it yourself, or go on with --force"));
        }
        for pod in old.iter().filter(|p| p.is_probe() && !p.deleting) {
            delete_pod(engine, &pod.namespace, &pod.name, &pod.uid).await?;
        }
        let evicted: Vec<&Pod> = old.iter().copied().filter(|p| p.owner.is_some()).collect();
        for owner in evicted.iter().filter(|p| p.is_daemon()).filter_map(|p| p.owner.as_ref()) {
            owners.insert(owner.uid.clone(), owner.name.clone());
        }
        let turn = match missing(&snapshot, &owners, engine, &wanted) {
            _ if !old.is_empty() => evictor.turn("restart", &evicted).await?,
            Some(turn) => turn,
            None => {
                return Ok(format!("{}, none left on the other network", count(owners.len(), "daemon pod")));
            }
        };
        if Instant::now() + TICK > end {
            return Err(Error::failed(format!(
                "restarting the pods of node {node} took too long: {}",
                turn.reason()
            )));
        }
        turn.pause(&mut watch, TICK, end).await;
        snapshot = engine.look(Scope::Networks(node.to_owned()), false).await?;
    }
}

/// The pods of the node that are on the pod network but not on `wanted`.
pub(super) fn foreign<'s>(engine: &Engine<'_>, snapshot: &'s Snapshot, wanted: &Network) -> Vec<&'s Pod> {
    let source = &engine.journal.record().source_networks;
    snapshot
        .pods_on(THE_NODE)
        .filter(|pod| match classify(pod, snapshot, source) {
            Network::None | Network::Waiting => false,
            // An endpoint may be written a moment after the pod got its address.
            Network::Unknown(_) => !in_block(pod, snapshot),
            network => network != *wanted,
        })
        .collect()
}

fn in_block(pod: &Pod, snapshot: &Snapshot) -> bool {
    let blocks = snapshot.cilium.nodes.iter().flat_map(|n| &n.pod_cidrs);
    pod.ips.first().is_some_and(|ip| blocks.into_iter().any(|b| b.contains(ip)))
}

/// The first DaemonSet whose pod is not back yet, or pod that is not on the wanted network yet.
fn missing(
    snapshot: &Snapshot,
    owners: &BTreeMap<Shared, Shared>,
    engine: &Engine<'_>,
    wanted: &Network,
) -> Option<Turn> {
    let is_back = |uid: &Shared| {
        snapshot
            .pods_on(THE_NODE)
            .any(|p| p.ready && !p.deleting && p.owner.as_ref().is_some_and(|o| o.uid == *uid))
    };
    if let Some((_, name)) = owners.iter().find(|(uid, _)| !is_back(uid)) {
        return Some(Turn::Pods(format!("the pod of DaemonSet {name} is not Ready again")));
    }
    let source = &engine.journal.record().source_networks;
    let waits = snapshot.pods_on(THE_NODE).find_map(|pod| match classify(pod, snapshot, source) {
        Network::None => None,
        network if network == *wanted => None,
        Network::Unknown(reason) => Some(format!("{}: {reason}", pod.reference())),
        Network::Waiting => Some(format!("{} has no address yet", pod.reference())),
        _ => Some(format!("{} is on the other network", pod.reference())),
    });
    waits.map(Turn::Waits)
}
