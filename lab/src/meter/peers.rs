//! The meter pods on other nodes, read anew every second.
//!
//! A list a second costs little, and unlike a watch it cannot hang unseen on a connection that a migration cut.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, Config, ResourceExt as _, api::ListParams};
use tokio::{
    sync::mpsc::Sender,
    time::{MissedTickBehavior, interval, timeout},
};

use super::record::{Kind, NAMESPACE, PORT, Target};
use crate::workload::pod_is_ready;

const PERIOD: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// What is to be tried on the peers: for each a new connection and a held one. Or why that could not be found out.
pub(crate) type Peers = Result<BTreeSet<Target>, String>;

/// The API's pods of the meter, asked as a pod of the cluster.
pub(crate) fn api() -> kube::Result<Api<Pod>> {
    let mut config = Config::incluster().map_err(|e| kube::Error::Service(e.into()))?;
    config.connect_timeout = Some(PATIENCE);
    config.read_timeout = Some(PATIENCE);
    Ok(Api::namespaced(Client::try_from(config)?, NAMESPACE))
}

/// Sends the peers of a pod on `node` as often as they are read, until nobody listens.
pub(crate) async fn follow(pods: Api<Pod>, node: String, peers: Sender<Peers>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let seen = match timeout(PATIENCE, read(&pods, &node)).await {
            Ok(seen) => seen.map_err(|e| e.to_string()),
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        if peers.send(seen).await.is_err() {
            return;
        }
    }
}

async fn read(pods: &Api<Pod>, node: &str) -> kube::Result<BTreeSet<Target>> {
    // "Any" version is answered from the API server's cache, so that the meter does not load etcd.
    let pods = pods.list(&ListParams::default().labels("app=meter").match_any()).await?;
    Ok(pods.iter().filter_map(|pod| address(pod, node)).flat_map(targets).collect())
}

/// Name and address of a Ready meter pod on another node.
fn address(pod: &Pod, own_node: &str) -> Option<(String, IpAddr)> {
    let node = pod.spec.as_ref()?.node_name.as_deref()?;
    let usable = node != own_node && pod_is_ready(pod) && pod.metadata.deletion_timestamp.is_none();
    let address = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    usable.then(|| (pod.name_any(), address))
}

fn targets((pod, address): (String, IpAddr)) -> [Target; 2] {
    let address = SocketAddr::new(address, PORT);
    [Kind::Pod, Kind::Held].map(|kind| Target { kind, pod: pod.clone(), address })
}
