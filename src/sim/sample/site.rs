//! From machines and workloads to the objects of a cluster in which everything has come up.

use ipnet::Ipv4Net;
use jiff::Timestamp;

use crate::sim::Objects;
use crate::sim::builder::Builder;
use crate::sim::cluster::SimError;
use crate::sim::control;
use crate::sim::fixture::{self, Workload};
use crate::sim::json::{set, unset};
use crate::sim::resource::id;
use crate::sim::timings::Timings;
use crate::sim::value::{Value, json};

/// Version of every kubelet and of the API server.
const VERSION: &str = "v1.33.5";
const POOL: &str = "10.244.0.0/16";

/// A node to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) zone: &'static str,
    pub(super) cpu: &'static str,
    pub(super) memory: &'static str,
    pub(super) control_plane: bool,
}

/// A cluster to be.
#[derive(Debug, Default)]
pub(super) struct Site {
    pub(super) nodes: Vec<Node>,
    pub(super) workloads: Vec<Workload>,
    pub(super) objects: Vec<Value>,
}

impl Site {
    /// Its objects once everything runs.
    pub(super) fn objects(self) -> Result<Objects, SimError> {
        let net = json!({"Network": POOL, "EnableNFTables": false, "Backend": {"Type": "vxlan"}});
        let mut given = fixture::namespaces(&self.objects, &self.workloads);
        given.extend(self.nodes());
        for object in &mut given {
            set(object, "/metadata/creationTimestamp", SINCE);
        }
        let (calm, epoch) =
            (Timings::none(), Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(495_000));
        let builder = Builder::from_objects(given).version(VERSION).timings(calm).epoch(epoch);
        let mut world = builder.world()?;
        world.clock.stop();
        for node in self.nodes.iter().filter(|n| n.control_plane) {
            let pods = fixture::static_pods(node.name, &world.network);
            if let Some(machine) = world.machines.get_mut(node.name) {
                machine.static_pods = pods;
            }
        }
        let system = fixture::system(&world.network, &net);
        let workloads = self.workloads.iter().flat_map(Workload::objects);
        for object in system.into_iter().chain(self.objects).chain(workloads) {
            crate::sim::builder::create(&mut world, object)?;
        }
        control::settle(&mut world);
        let mut all = Vec::new();
        for (resource, _) in world.registry.served().filter(|(r, _)| *r != id::EVENTS) {
            all.extend(world.store.list(resource, None).map(recorded));
        }
        Ok(all.into())
    }

    fn nodes(&self) -> Vec<Value> {
        let subnets = POOL.parse::<Ipv4Net>().ok().and_then(|pool| pool.subnets(24).ok());
        let subnets = subnets.into_iter().flatten();
        self.nodes
            .iter()
            .zip(subnets)
            .enumerate()
            .map(|(at, (node, subnet))| object(node, at, subnet))
            .collect()
    }
}

/// When the nodes and the namespaces came.
const SINCE: &str = "2026-06-01T06:00:00Z";

fn object(node: &Node, at: usize, subnet: Ipv4Net) -> Value {
    let boot = format!("5b1c0d1e-7a40-4c5f-9d21-{:012x}", 0x00a1_b2c3_d400 + at);
    let address = format!("10.20.{}.{}", 1 + at / 100, 11 + at % 100);
    let mut object = fixture::node(node.name, &address, subnet, node.control_plane, VERSION, &boot);
    let resources =
        json!({"cpu": node.cpu, "memory": node.memory, "ephemeral-storage": "94477937300", "pods": "110"});
    set(&mut object, "/status/capacity", resources.clone());
    set(&mut object, "/status/allocatable", resources);
    set(&mut object, "/metadata/labels/topology.kubernetes.io~1zone", node.zone);
    set(&mut object, "/metadata/labels/topology.kubernetes.io~1region", "site-1");
    set(&mut object, "/status/nodeInfo/kernelVersion", "6.8.0-71-generic");
    set(&mut object, "/status/nodeInfo/osImage", "Ubuntu 24.04.3 LTS");
    set(&mut object, "/status/nodeInfo/containerRuntimeVersion", "containerd://2.1.4");
    for kind in ["MemoryPressure", "DiskPressure", "PIDPressure"] {
        let reason = format!("KubeletHasNo{kind}");
        crate::sim::json::set_condition(&mut object, kind, "False", &reason, "", SINCE);
    }
    object
}

/// As a snapshot has it.
fn recorded(object: &Value) -> Value {
    let mut object = object.clone();
    unset(&mut object, "/metadata", "resourceVersion");
    object
}
