//! What lies under a Node object: files, links, firewall rules, address pools, and the agent that runs there.

mod firewall;
pub(crate) mod kubelet;
mod links;
pub(crate) mod probe;
pub(crate) mod program;
mod reach;
mod sandbox;
pub(crate) mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use tokio::time::Instant;

use crate::sim::store::Key;
use crate::sim::value::{Text, Value};

pub(crate) use firewall::{Firewall, Flavour};
pub(crate) use links::{Link, LinkKind};
pub(crate) use sandbox::{Sandbox, Stage, held};

/// Folder of the CNI configuration on the host.
pub(crate) const CNI_DIR: &str = "/etc/cni/net.d";
/// What flanneld writes for its CNI plugin; `/run` does not outlive a reboot.
pub(crate) const SUBNET_ENV: &str = "/run/flannel/subnet.env";
/// The port of every kubelet.
pub(crate) const KUBELET_PORT: u16 = 10250;

/// A Cilium agent that has read its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    /// UID of its pod.
    pub(crate) pod: String,
    /// What it was started with: ConfigMap and the node's CiliumNodeConfigs merged.
    pub(crate) config: BTreeMap<String, String>,
    /// Whether it serves CNI requests.
    pub(crate) serving: bool,
}

/// An address range of a node: addresses are given out in order, as host-local IPAM does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    /// The link that its route goes to.
    pub(crate) link: &'static str,
    next: usize,
    used: BTreeMap<usize, Key>,
}

/// One node's machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) address: String,
    /// False while it reboots.
    pub(crate) up: bool,
    /// Recorded as not Ready for a reason of its own: stays so until it boots.
    pub(crate) unwell: bool,
    /// When the node controller gives up waiting for its word.
    pub(crate) missed_at: Option<Instant>,
    /// When it is back from a reboot.
    pub(crate) back_at: Option<Instant>,
    pub(crate) boot_id: String,
    /// Host files by absolute path.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) links: BTreeMap<String, Link>,
    pub(crate) firewalls: BTreeMap<Flavour, Firewall>,
    /// Tables of nftables as family and name.
    pub(crate) tables: BTreeSet<(String, String)>,
    pub(crate) pools: BTreeMap<String, Pool>,
    /// Gateways by destination, of routes through the uplink that somebody added.
    pub(crate) routes: BTreeMap<String, String>,
    pub(crate) agent: Option<Agent>,
    /// Manifests of static pods.
    pub(crate) static_pods: Vec<Value>,
    /// Images that need no pull.
    pub(crate) images: BTreeSet<Text>,
}

impl Machine {
    /// A fresh machine with an uplink.
    pub(crate) fn new(address: &str, boot_id: String) -> Self {
        let mut machine = Self {
            address: address.to_owned(),
            up: true,
            unwell: false,
            missed_at: None,
            back_at: None,
            boot_id,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            firewalls: BTreeMap::new(),
            tables: BTreeSet::new(),
            pools: BTreeMap::new(),
            routes: BTreeMap::new(),
            agent: None,
            static_pods: Vec::new(),
            images: BTreeSet::new(),
        };
        for flavour in Flavour::ALL {
            machine.firewalls.insert(flavour, Firewall::new());
        }
        for plugin in ["bridge", "host-local", "loopback", "portmap"] {
            machine.files.insert(format!("/opt/cni/bin/{plugin}"), String::new());
        }
        machine.add_link("lo", LinkKind::Loopback, 65_536);
        machine.add_link("eth0", LinkKind::Ethernet, 1500);
        machine
    }

    /// Adds a link where there is none of that name.
    pub(crate) fn add_link(&mut self, name: &str, kind: LinkKind, mtu: u32) {
        let index = self.links.values().map(|l| l.index).max().unwrap_or_default() + 1;
        self.links.entry(name.to_owned()).or_insert(Link { index, kind, mtu });
    }

    /// Whether a link is there.
    pub(crate) fn has_link(&self, name: &str) -> bool {
        self.links.contains_key(name)
    }

    /// The names in the CNI folder, in order.
    pub(crate) fn cni_files(&self) -> Vec<&str> {
        self.names_in(CNI_DIR)
    }

    /// The names of the files right in a folder.
    pub(crate) fn names_in(&self, folder: &str) -> Vec<&str> {
        let names = self.files.keys().filter_map(|p| p.strip_prefix(folder)?.strip_prefix('/'));
        names.filter(|n| !n.contains('/')).collect()
    }

    /// The configuration that decides about a new pod: the lexically first `.conf`, `.conflist` or `.json`
    /// (`containernetworking/libcni`, `ConfFiles`).
    pub(crate) fn cni(&self) -> Option<Value> {
        let first = self.cni_files().into_iter().find(|n| is_cni_conf(n))?.to_owned();
        serde_json::from_str(self.files.get(&format!("{CNI_DIR}/{first}"))?).ok()
    }

    /// Takes the next free address of a range for a pod; `link` carries the range.
    pub(crate) fn take_address(&mut self, range: &str, link: &'static str, pod: &Key) -> Option<String> {
        let net: Ipv4Net = range.parse().ok()?;
        // The first address is the bridge's (flannel) or the router's (Cilium).
        let free: Vec<Ipv4Addr> = net.hosts().skip(1).collect();
        let pool = self.pools.entry(range.to_owned()).or_default();
        pool.link = link;
        let at =
            (0..free.len()).map(|i| (pool.next + i) % free.len()).find(|i| !pool.used.contains_key(i))?;
        pool.used.insert(at, pod.clone());
        pool.next = at + 1;
        Some(free[at].to_string())
    }

    /// Notes that a pod has an address of a range; new pods get those after it.
    pub(crate) fn hold_address(&mut self, range: Ipv4Net, link: &'static str, address: Ipv4Addr, pod: &Key) {
        let pool = self.pools.entry(range.to_string()).or_default();
        pool.link = link;
        let first = u32::from(range.network()) + 2;
        let Some(at) = u32::from(address).checked_sub(first).and_then(|at| usize::try_from(at).ok()) else {
            return;
        };
        pool.used.insert(at, pod.clone());
        pool.next = pool.next.max(at + 1);
    }

    /// Gives the addresses of a pod back.
    pub(crate) fn release(&mut self, pod: &Key) {
        for pool in self.pools.values_mut() {
            pool.used.retain(|_, user| user != pod);
        }
    }

    /// What a reboot clears: kernel state and everything below `/run`.
    pub(crate) fn clear_for_boot(&mut self, boot_id: String) {
        self.boot_id = boot_id;
        self.unwell = false;
        self.links.retain(|name, _| name == "lo" || name == "eth0");
        self.firewalls.values_mut().for_each(|f| *f = Firewall::new());
        self.tables.clear();
        self.routes.clear();
        self.files.retain(|path, _| !path.starts_with("/run/"));
        self.agent = None;
    }
}

/// Whether a file name is one that CNI reads.
pub(crate) fn is_cni_conf(name: &str) -> bool {
    [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end))
}
