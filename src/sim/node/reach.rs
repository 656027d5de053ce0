//! Who reaches whom: computed from the state of both nodes, as packets would find it.

use crate::agent::{PORT, Target, TargetKind};
use crate::sim::json::{flag, int, is_deleting, is_ready, list, name, text};
use crate::sim::resource::id;
use crate::sim::value::Value;
use crate::sim::world::World;

use super::program::Program;
use super::{KUBELET_PORT, Machine};

/// Where a packet starts.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) node: String,
    /// The pod's address; `None` on the host's network.
    pub(crate) pod_ip: Option<String>,
}

/// Backends of a Service that one attempt tries: of more, as many in even steps.
const TRIED: usize = 32;

/// What the far end says when it is reached.
type Greeting = String;

/// Tries a target once.
///
/// # Errors
/// The error that a client would print.
pub(crate) fn attempt(world: &World, origin: &Origin, target: &Target) -> Result<(), String> {
    match target.kind {
        TargetKind::Tcp => {
            let greeting = connect(world, origin, &target.address)?;
            if target.name.is_empty() || target.name == greeting {
                Ok(())
            } else {
                Err(format!("answered by \"{greeting}\""))
            }
        }
        TargetKind::Dns => {
            let server = if target.address.is_empty() {
                format!("{}:53", world.network.dns)
            } else {
                target.address.clone()
            };
            connect(world, origin, &server)?;
            resolve(world, &target.name)
        }
    }
}

fn resolve(world: &World, name: &str) -> Result<(), String> {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    match labels.as_slice() {
        [service, namespace, "svc", ..] if world.object(id::SERVICES, namespace, service).is_some() => Ok(()),
        _ => Err(format!("{name}: no such name")),
    }
}

/// Opens a connection to `address:port`.
fn connect(world: &World, origin: &Origin, address: &str) -> Result<Greeting, String> {
    let Ok(socket) = address.parse::<std::net::SocketAddr>() else {
        return Err(format!("invalid socket address {address:?}"));
    };
    let is_up = world.machines.get(&origin.node).is_some_and(|m| m.up);
    if !is_up {
        return Err("network is unreachable".to_owned());
    }
    let (ip, port) = (socket.ip().to_string(), socket.port());
    let service = world.index.service_at(&ip).and_then(|key| world.store.get(key));
    if let Some(service) = service {
        return to_service(world, origin, service, port);
    }
    let node = world.index.node_at(&ip);
    if let Some((node, machine)) = node.and_then(|node| Some((node, world.machines.get(node)?))) {
        return to_node(world, origin, node, machine, port);
    }
    match pod_with(world, &ip) {
        Some(pod) => to_pod(world, origin, pod, port),
        None => Err(timed_out()),
    }
}

fn timed_out() -> String {
    "timed out".to_owned()
}

fn refused() -> String {
    "connection refused".to_owned()
}

fn pod_with<'w>(world: &'w World, ip: &str) -> Option<&'w Value> {
    let mut pods = world.index.pods_at(ip).filter_map(|key| world.store.get(key));
    pods.find(|p| text(p, "/status/phase") == "Running")
}

/// A ClusterIP works where something on the node translates it: kube-proxy, or Cilium in its place.
fn to_service(world: &World, origin: &Origin, service: &Value, port: u16) -> Result<Greeting, String> {
    let machine = &world.machines[&origin.node];
    let replaces = |m: &Machine| {
        m.agent.as_ref().is_some_and(|a| a.config.get("kube-proxy-replacement").is_some_and(|v| v == "true"))
    };
    if !replaces(machine) && !world.has_ready_pod(&origin.node, "k8s-app", "kube-proxy") {
        return Err(timed_out());
    }
    let Some(mapping) = list(service, "/spec/ports").iter().find(|p| int(p, "/port") == i64::from(port))
    else {
        return Err(refused());
    };
    if name(service) == "kubernetes" && text(service, "/metadata/namespace") == "default" {
        return to_api(world, origin);
    }
    let backends = backends(world, service);
    let mut last = "connection refused".to_owned();
    let step = backends.len().div_ceil(TRIED).max(1);
    for pod in backends.into_iter().step_by(step) {
        let target = mapping.get("targetPort").and_then(Value::as_u64).and_then(|p| u16::try_from(p).ok());
        match to_pod(world, origin, pod, target.unwrap_or(port)) {
            // Any backend may be chosen, so one that is out of reach is a fault even where others answer.
            Err(why) => return Err(why),
            Ok(greeting) => last = greeting,
        }
    }
    if last == "connection refused" { Err(last) } else { Ok(last) }
}

fn backends<'w>(world: &'w World, service: &Value) -> Vec<&'w Value> {
    let namespace = text(service, "/metadata/namespace");
    let own = world.index.services(namespace).find(|(key, _)| *key.name == *name(service));
    let Some((_, selector)) = own else { return Vec::new() };
    let pods = world.store.selected(namespace, selector).into_iter();
    pods.filter(|p| is_ready(p) && !is_deleting(p)).collect()
}

/// The API server runs on the nodes with its static pod, or outside of the cluster where no node has one.
fn to_api(world: &World, origin: &Origin) -> Result<Greeting, String> {
    let servers = world.api_servers.get_or_init(|| nodes_with_api_server(world));
    let is_up = |node: &str| world.machines.get(node).is_some_and(|m| m.up);
    if servers.is_empty() || servers.iter().any(|n| is_up(n) && !world.faults.is_cut(&origin.node, n)) {
        Ok(String::new())
    } else {
        Err(timed_out())
    }
}

/// Static pods are files: which node has one does not change.
fn nodes_with_api_server(world: &World) -> Vec<String> {
    let has_server = |m: &Machine| m.static_pods.iter().any(|p| name(p).starts_with("kube-apiserver"));
    world.machines.iter().filter(|(_, m)| has_server(m)).map(|(node, _)| node.clone()).collect()
}

fn to_node(
    world: &World,
    origin: &Origin,
    node: &str,
    machine: &Machine,
    port: u16,
) -> Result<Greeting, String> {
    if !machine.up || world.faults.is_cut(&origin.node, node) {
        return Err(timed_out());
    }
    if port == KUBELET_PORT {
        return Ok(String::new());
    }
    let pods = world.store.each_on(node).map(|(_, pod)| pod);
    let mut on_host = pods.filter(|p| flag(p, "/spec/hostNetwork") && is_ready(p));
    on_host.find_map(|p| greeting(p, port)).ok_or_else(refused)
}

fn to_pod(world: &World, origin: &Origin, pod: &Value, port: u16) -> Result<Greeting, String> {
    let node = text(pod, "/spec/nodeName");
    if flag(pod, "/spec/hostNetwork") {
        let machine = world.machines.get(node).ok_or_else(timed_out)?;
        return to_node(world, origin, node, machine, port);
    }
    let (Some(from), Some(to)) = (world.machines.get(&origin.node), world.machines.get(node)) else {
        return Err(timed_out());
    };
    let address = text(pod, "/status/podIP");
    let is_old = |ip: &str| ip.parse().is_ok_and(|ip: std::net::Ipv4Addr| world.network.pods.contains(&ip));
    let is_remote = origin.node != node;
    let leaves = origin.pod_ip.as_deref().is_none_or(|ip| has_local_path(from, is_old(ip)));
    let arrives = has_local_path(to, is_old(address));
    let crosses = !is_remote || has_tunnel(from, to, is_old(address));
    let is_cut = world.faults.is_cut(&origin.node, node);
    if !to.up || !leaves || !arrives || !crosses || is_cut {
        return Err(timed_out());
    }
    is_ready(pod).then(|| greeting(pod, port)).flatten().ok_or_else(refused)
}

/// The link that a node's own pods are behind.
fn has_local_path(machine: &Machine, is_old: bool) -> bool {
    machine.has_link(if is_old { "cni0" } else { "cilium_host" })
}

/// What carries a range between nodes: a link on both, or of the old one routes to each other; a hybrid node has
/// the old and the new.
fn has_tunnel(from: &Machine, to: &Machine, is_old: bool) -> bool {
    let routes =
        |one: &Machine, other: &Machine| one.routes.values().any(|gateway| *gateway == other.address);
    let link = if is_old { "flannel.1" } else { "cilium_vxlan" };
    let is_routed = is_old && routes(from, to) && routes(to, from);
    is_routed || (from.has_link(link) && to.has_link(link))
}

/// What answers at a port of a pod; `None` where nothing listens there.
fn greeting(pod: &Value, port: u16) -> Option<Greeting> {
    let of_server = match Program::of(pod) {
        Program::ProbeServer(name) => Some(name),
        _ => None,
    };
    let ports = list(pod, "/spec/containers").iter().flat_map(|c| list(c, "/ports"));
    let is_open = |at: &Value| int(at, "/containerPort") == i64::from(port);
    let listens = of_server.is_some() && port == PORT || ports.into_iter().any(is_open);
    listens.then(|| of_server.unwrap_or_else(|| name(pod).to_owned()))
}
