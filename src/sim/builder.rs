//! Describes a cluster and builds it.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use hashbrown::HashMap;
use ipnet::Ipv4Net;
use jiff::Timestamp;

use super::api::{Snapshots, Written};
use super::clock::Clock;
use super::cluster::{Sim, SimError};
use super::control::{Index, Load, Queue, Rosters, Slices};
use super::faults::Faults;
use super::fixture::{self, Workload};
use super::guard::{self, Guard};
use super::json::text;
use super::log::Log;
use super::node::Machine;
use super::objects::Objects;
use super::resource::Registry;
use super::restore;
use super::store::Store;
use super::timings::Timings;
use super::world::{Network, World};
use crate::model::Release;
use crate::sim::value::{Value, json, plain};

/// Address of the first node; the others follow.
const FIRST_NODE: u8 = 11;
/// Version of a cluster where nothing else is said.
const VERSION: &str = "v1.34.2";

/// A cluster to be.
#[derive(Clone, Debug)]
pub struct Builder {
    nodes: u8,
    version: Option<String>,
    epoch: Option<Timestamp>,
    timings: Timings,
    net_conf: Value,
    workloads: Vec<Workload>,
    objects: Vec<Value>,
    recorded: Option<Objects>,
    release: Option<Release>,
    rbac: bool,
    seed: Option<u64>,
    frozen: bool,
}

impl Default for Builder {
    /// Three nodes with Flannel (VXLAN, port 8472, 10.244.0.0/16), no workloads.
    fn default() -> Self {
        Self {
            nodes: 3,
            version: None,
            epoch: None,
            timings: Timings::default(),
            net_conf: vxlan(),
            workloads: Vec::new(),
            objects: Vec::new(),
            recorded: None,
            release: None,
            rbac: false,
            seed: None,
            frozen: false,
        }
    }
}

impl Builder {
    /// A cluster as API objects of any kinds record it, in place of nodes, Flannel and workloads of its own: they keep
    /// their UIDs, status and addresses, and nothing has to move when it starts. Definitions make their kinds served;
    /// what is not played is told by [`Sim::not_modelled`].
    pub fn from_objects(objects: impl Into<Objects>) -> Self {
        Self { recorded: Some(objects.into()), ..Self::default() }
    }

    /// The release of Cilium that the recorded objects are of.
    #[must_use]
    pub fn release(mut self, release: Option<Release>) -> Self {
        self.release = release;
        self
    }

    /// Keeps everything as it is: no controller and no kubelet runs, and recorded objects get no defaults.
    #[must_use]
    pub fn frozen(mut self, is_frozen: bool) -> Self {
        self.frozen = is_frozen;
        self
    }

    /// What times and choices are drawn from; times are then as on machines ([`Timings::real`]).
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), timings: Timings::real(), ..self }
    }

    /// How many nodes: `cp-1` with the control plane's taint, then `worker-1` and on; at most 200.
    #[must_use]
    pub fn nodes(mut self, count: u8) -> Self {
        self.nodes = count.clamp(1, 200);
        self
    }

    /// Flannel with its VXLAN backend on udp 8472 and 10.244.0.0/16, as it is by default.
    #[must_use]
    pub fn flannel_vxlan(self) -> Self {
        self.flannel(plain(&vxlan()))
    }

    /// Flannel's `net-conf.json`, in place of the default.
    #[must_use]
    pub fn flannel(mut self, net_conf: serde_json::Value) -> Self {
        self.net_conf = net_conf.into();
        self
    }

    /// Kubernetes version: by default `v1.34.2`, or that of the recorded kubelets.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// What the cluster's clock shows at the start; the real time by default.
    #[must_use]
    pub fn epoch(mut self, epoch: Timestamp) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// How long things take; milliseconds by default.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// Adds workloads.
    #[must_use]
    pub fn workloads(mut self, workloads: impl IntoIterator<Item = Workload>) -> Self {
        self.workloads.extend(workloads);
        self
    }

    /// Adds an object of any kind; created after the nodes and before the workloads.
    #[must_use]
    pub fn object(mut self, object: serde_json::Value) -> Self {
        self.objects.push(object.into());
        self
    }

    /// With RBAC for callers of the door: user `sim-user` has the rights of the bindings that name it, and no others.
    #[must_use]
    pub fn rbac(mut self, on: bool) -> Self {
        self.rbac = on;
        self
    }

    /// Builds and starts the cluster; must be called inside a tokio runtime. Pods come up on the cluster's own time:
    /// see [`Sim::settled`].
    ///
    /// # Errors
    /// An object that the API server refuses, or a pod network without room for the nodes.
    pub fn build(self) -> Result<Sim, SimError> {
        Ok(Sim::start(self.world()?))
    }

    /// The cluster before anything in it moves.
    pub(super) fn world(mut self) -> Result<World, SimError> {
        let recorded = self.recorded.take();
        let network = match &recorded {
            Some(objects) => restore::network(objects, self.version.as_deref()).map_err(SimError::Refused)?,
            None => self.network()?,
        };
        let mut world = World {
            store: Store::new(),
            registry: Registry::new(),
            clock: Clock::new(self.epoch.unwrap_or_else(this_second)),
            queue: Queue::default(),
            load: Load::default(),
            index: Index::default(),
            rosters: Rosters::default(),
            slices: Slices::default(),
            machines: BTreeMap::new(),
            sandboxes: HashMap::new(),
            probes: HashMap::new(),
            snapshots: Snapshots::default(),
            written: Written::default(),
            faults: Faults::default(),
            log: Log::new(),
            guard: Guard::default(),
            timings: self.timings.clone(),
            network,
            rbac: self.rbac,
            seed: self.seed,
            frozen: self.frozen,
            revisions: HashMap::new(),
            absent_owners: HashMap::new(),
            api_servers: OnceCell::new(),
            not_modelled: Vec::new(),
        };
        match recorded {
            Some(objects) => {
                restore::restore(&mut world, objects);
                guard::remember(&mut world);
            }
            None => self.fixture(&mut world)?,
        }
        if let Some(release) = &self.release {
            world.adopt_release(release).map_err(SimError::Refused)?;
        }
        let workloads = self.workloads.iter().flat_map(Workload::objects);
        for object in self.objects.into_iter().chain(workloads) {
            create(&mut world, object)?;
        }
        Ok(world)
    }

    fn fixture(&self, world: &mut World) -> Result<(), SimError> {
        for namespace in fixture::namespaces(&self.objects, &self.workloads) {
            create(world, namespace)?;
        }
        self.add_nodes(world)?;
        for object in fixture::system(&world.network, &self.net_conf) {
            create(world, object)?;
        }
        Ok(())
    }

    fn network(&self) -> Result<Network, SimError> {
        let bad =
            |what: &str| SimError::Refused(format!("{what:?} is no IPv4 range with room for the nodes"));
        let pods = text(&self.net_conf, "/Network");
        let pods: Ipv4Net = pods.parse().map_err(|_| bad(pods))?;
        let services = "10.96.0.0/12".parse().map_err(|_| bad("10.96.0.0/12"))?;
        Ok(Network {
            pods,
            services,
            dns: "10.96.0.10".to_owned(),
            version: self.version.clone().unwrap_or_else(|| VERSION.to_owned()),
        })
    }

    fn add_nodes(&self, world: &mut World) -> Result<(), SimError> {
        let no_room = || SimError::Refused(format!("{} has no /24 for each node", world.network.pods));
        let subnets = world.network.pods.subnets(24).map_err(|_| no_room())?;
        let subnets: Vec<Ipv4Net> = subnets.take(usize::from(self.nodes)).collect();
        if subnets.len() < usize::from(self.nodes) {
            return Err(no_room());
        }
        for (number, subnet) in (0_u8..).zip(subnets) {
            let name = if number == 0 { "cp-1".to_owned() } else { format!("worker-{number}") };
            let address = format!("192.168.10.{}", FIRST_NODE + number);
            let mut machine = Machine::new(&address, world.clock.uid());
            if number == 0 {
                machine.static_pods = fixture::static_pods(&name, &world.network);
            }
            let node =
                fixture::node(&name, &address, subnet, number == 0, &world.network.version, &machine.boot_id);
            world.machines.insert(name, machine);
            create(world, node)?;
        }
        Ok(())
    }
}

/// The real time without its fraction: whole seconds are counted from it, so the fraction would show in what happens.
fn this_second() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

fn vxlan() -> Value {
    json!({"Network": "10.244.0.0/16", "EnableNFTables": false, "Backend": {"Type": "vxlan"}})
}

/// Creates an object as an administrator would.
pub(super) fn create(world: &mut World, object: Value) -> Result<(), SimError> {
    let found = world.registry.by_kind(text(&object, "/apiVersion"), text(&object, "/kind"));
    let unknown = || {
        SimError::Refused(format!(
            "no kind {:?} in {:?}",
            text(&object, "/kind"),
            text(&object, "/apiVersion")
        ))
    };
    let resource = found.ok_or_else(unknown)?;
    world.create(resource, object, false)?;
    Ok(())
}
