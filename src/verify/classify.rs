//! Which network a pod is on. Pure. A pod is on Cilium only where its agent, its UID and its address agree.

use ipnet::IpNet;

use crate::model::{CiliumEndpoint, Pod, PodRef, Snapshot};

/// The network of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// On the host's network, or finished: no CNI is asked.
    None,
    /// On Cilium: a ready CiliumEndpoint with the pod's UID and address, which is inside its node's block.
    Cilium,
    /// On the source CNI: its address is from the node's or the source's range.
    Source,
    /// It has no address yet.
    Waiting,
    /// Neither, and why.
    Unknown(String),
}

/// Classifies one pod.
pub fn classify(pod: &Pod, snapshot: &Snapshot, source: &[IpNet]) -> Network {
    if !pod.on_pod_network() {
        return Network::None;
    }
    let Some(ip) = pod.ips.first() else { return Network::Waiting };
    let Some(node) = pod.node.map(|id| snapshot.node(id)) else { return Network::Waiting };
    if snapshot.cilium.blocks_of(&node.name).iter().any(|block| block.contains(ip)) {
        return match endpoint_of(pod, snapshot) {
            None => Network::Unknown(format!("{ip} is Cilium's, but there is no CiliumEndpoint")),
            Some(e) if e.pod_uid.as_deref() != Some(&*pod.uid) => {
                Network::Unknown("its CiliumEndpoint belongs to an earlier pod of this name".into())
            }
            Some(e) if !e.ips.contains(ip) => {
                Network::Unknown(format!("its CiliumEndpoint does not have {ip}"))
            }
            Some(e) if &*e.state != "ready" => Network::Unknown(format!("its CiliumEndpoint is {}", e.state)),
            Some(_) => Network::Cilium,
        };
    }
    if source.iter().chain(&node.pod_cidrs).any(|range| range.contains(ip)) {
        return Network::Source;
    }
    Network::Unknown(format!("{ip} is in no known range"))
}

fn endpoint_of<'a>(pod: &Pod, snapshot: &'a Snapshot) -> Option<&'a CiliumEndpoint> {
    let key = (&*pod.namespace, &*pod.name);
    let index = snapshot.cilium.endpoints.binary_search_by(|e| (&*e.namespace, &*e.name).cmp(&key)).ok()?;
    Some(&snapshot.cilium.endpoints[index])
}

/// Pods counted by network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// On Cilium.
    pub cilium: usize,
    /// On the source CNI.
    pub source: usize,
    /// Without an address yet.
    pub waiting: usize,
    /// Neither, with the reason.
    pub unknown: Vec<(PodRef, String)>,
}

impl Census {
    /// All pods of the pod network.
    pub fn total(&self) -> usize {
        self.cilium + self.source + self.waiting + self.unknown.len()
    }

    /// Counts one pod, if it is not this tool's own; `snapshot` has its node and what Cilium says of it.
    pub fn add(&mut self, pod: &Pod, snapshot: &Snapshot, source: &[IpNet]) {
        if pod.is_probe() {
            return;
        }
        match classify(pod, snapshot, source) {
            Network::None => {}
            Network::Cilium => self.cilium += 1,
            Network::Source => self.source += 1,
            Network::Waiting => self.waiting += 1,
            Network::Unknown(reason) => self.unknown.push((pod.reference(), reason)),
        }
    }
}

/// Counts pods by network, without this tool's own.
pub fn census<'a>(pods: impl Iterator<Item = &'a Pod>, snapshot: &Snapshot, source: &[IpNet]) -> Census {
    let mut census = Census::default();
    pods.for_each(|pod| census.add(pod, snapshot, source));
    census
}
