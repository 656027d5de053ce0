//! Flannel: what its pod does to a node when it starts (flannel-io/flannel 0.28 `Documentation/kube-flannel.yml`,
//! `pkg/trafficmngr/iptables`), and the address plugin `flannel` with its delegate `bridge`.

use crate::sim::control;
use crate::sim::json::{entry, flag, set, set_condition, text};
use crate::sim::node::{Flavour, LinkKind, Machine, SUBNET_ENV};
use crate::sim::resource::id;
use crate::sim::store::Key;
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::{agent, write_conf};

/// The ConfigMap of every Flannel since v0.3.
const CONFIG: &str = "kube-flannel-cfg";
/// The bridge that pods hang on.
pub(crate) const BRIDGE: &str = "cni0";

/// Runs the init containers and flanneld on a node.
///
/// # Errors
/// Where the ConfigMap is missing or the node has no pod CIDR: the pod cannot start.
pub(crate) fn start(world: &mut World, node: &str, namespace: &str) -> Result<(), String> {
    let net = lay_down(world, node, namespace)?;
    let address = world.machines.get(node).ok_or("no such machine")?.address.clone();
    announce(world, node, &net, &address);
    add_routes(world);
    agent::hide_other_confs(world, node);
    control::nodes::look_at(world, node);
    Ok(())
}

/// Files, links and rules of a node with flanneld; gives its `net-conf.json`.
///
/// # Errors
/// Where the ConfigMap is missing or the node has no pod CIDR.
pub(crate) fn lay_down(world: &mut World, node: &str, namespace: &str) -> Result<Value, String> {
    let config = world.object(id::CONFIGMAPS, namespace, CONFIG);
    let config = config.ok_or(format!("configmap {CONFIG:?} not found"))?;
    let cni_conf = entry(config, "/data", "cni-conf.json").unwrap_or_default().to_owned();
    let net_conf = entry(config, "/data", "net-conf.json").unwrap_or_default();
    let net: Value =
        serde_json::from_str(net_conf).map_err(|e| format!("error parsing net-conf.json: {e}"))?;
    let object = world.node(node).ok_or(format!("node {node:?} not found"))?;
    let subnet = text(object, "/spec/podCIDR").to_owned();
    if subnet.is_empty() {
        return Err(format!("node {node:?} pod cidr not assigned"));
    }
    let machine = world.machines.get_mut(node).ok_or("no such machine")?;
    write_conf(machine, "10-flannel.conflist", &cni_conf);
    machine.files.insert("/opt/cni/bin/flannel".into(), String::new());
    machine.files.insert(SUBNET_ENV.into(), subnet_env(&net, &subnet));
    set_up(machine, &net, &subnet);
    Ok(net)
}

fn backend(net: &Value) -> &str {
    match text(net, "/Backend/Type") {
        "" => "udp",
        kind => kind,
    }
}

fn subnet_env(net: &Value, subnet: &str) -> String {
    let gateway = subnet.replace(".0/", ".1/");
    let network = text(net, "/Network");
    let mtu = if backend(net) == "host-gw" { 1500 } else { 1450 };
    format!("FLANNEL_NETWORK={network}\nFLANNEL_SUBNET={gateway}\nFLANNEL_MTU={mtu}\nFLANNEL_IPMASQ=true\n")
}

fn set_up(machine: &mut Machine, net: &Value, subnet: &str) {
    let number = |pointer: &str, default: u32| {
        net.pointer(pointer).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(default)
    };
    let id = number("/Backend/VNI", 1);
    let port = u16::try_from(number("/Backend/Port", 8472)).unwrap_or(8472);
    match backend(net) {
        "vxlan" => machine.add_link(&format!("flannel.{id}"), LinkKind::Vxlan { id, port }, 1450),
        "wireguard" => machine.add_link("flannel-wg", LinkKind::Wireguard, 1420),
        _ => {}
    }
    if flag(net, "/EnableNFTables") {
        machine.tables.insert(("ip".into(), "flannel-ipv4".into()));
    } else if let Some(firewall) = machine.firewalls.get_mut(&Flavour::Legacy4) {
        for (table, chain, rule) in rules(text(net, "/Network"), subnet) {
            firewall.append(table, chain, &rule);
        }
    }
}

/// `masqRules` and `forwardRules` of flannel's traffic manager.
fn rules<'a>(network: &'a str, subnet: &'a str) -> Vec<(&'static str, &'static str, Vec<&'a str>)> {
    let nat = |matches: &[&'a str], target: &[&'a str]| {
        let comment = ["-m", "comment", "--comment", "flanneld masq"];
        ("nat", "FLANNEL-POSTRTG", [matches, comment.as_slice(), target].concat())
    };
    let filter = |side: &'a str| {
        let rule = vec![side, network, "-m", "comment", "--comment", "flanneld forward", "-j", "ACCEPT"];
        ("filter", "FLANNEL-FWD", rule)
    };
    let jump = |comment: &'a str, to: &'a str| vec!["-m", "comment", "--comment", comment, "-j", to];
    vec![
        ("nat", "POSTROUTING", jump("flanneld masq", "FLANNEL-POSTRTG")),
        nat(&["-m", "mark", "--mark", "0x4000/0x4000"], &["-j", "RETURN"]),
        nat(&["-s", subnet, "-d", network], &["-j", "RETURN"]),
        nat(&["-s", network, "-d", subnet], &["-j", "RETURN"]),
        nat(&["!", "-s", network, "-d", subnet], &["-j", "RETURN"]),
        nat(&["-s", network, "!", "-d", "224.0.0.0/4"], &["-j", "MASQUERADE", "--random-fully"]),
        nat(&["!", "-s", network, "-d", network], &["-j", "MASQUERADE", "--random-fully"]),
        ("filter", "FORWARD", jump("flanneld forward", "FLANNEL-FWD")),
        filter("-s"),
        filter("-d"),
    ]
}

/// Annotations and the condition that flanneld writes (`pkg/subnet/kube/kube.go`).
fn announce(world: &mut World, node: &str, net: &Value, address: &str) {
    let now = world.clock.now();
    let kind = backend(net).to_owned();
    let data = json!({"VNI": 1, "VtepMAC": "02:00:00:00:00:03"}).to_string();
    world.modify(&Key::new(id::NODES, "", node), |node| {
        for (key, value) in [
            ("backend-data", if kind == "vxlan" { data.as_str() } else { "null" }),
            ("backend-type", kind.as_str()),
            ("kube-subnet-manager", "true"),
            ("public-ip", address),
        ] {
            set(node, &format!("/metadata/annotations/flannel.alpha.coreos.com~1{key}"), value);
        }
        let message = "Flannel is running on this node";
        set_condition(node, "NetworkUnavailable", "False", "FlannelIsUp", message, &now);
    });
}

/// What `host-gw` has in place of an overlay (`pkg/backend/hostgw`): wherever flanneld runs, a route to the pods of
/// every other node that has announced itself so. Nobody takes them back when flanneld goes.
pub(crate) fn add_routes(world: &mut World) {
    let said = |node: &Value, key: &str| {
        text(node, &format!("/metadata/annotations/flannel.alpha.coreos.com~1{key}")).to_owned()
    };
    let nodes = world.store.list(id::NODES, None).filter(|node| said(node, "backend-type") == "host-gw");
    let ends: Vec<_> =
        nodes.map(|node| (text(node, "/spec/podCIDR").to_owned(), said(node, "public-ip"))).collect();
    for machine in world.machines.values_mut().filter(|machine| machine.files.contains_key(SUBNET_ENV)) {
        let others = ends.iter().filter(|(_, address)| *address != machine.address);
        machine.routes.extend(others.cloned().collect::<Vec<_>>());
    }
}

/// Gives a pod an address from the node's subnet.
///
/// # Errors
/// Without flanneld's file, as the plugin says it.
pub(crate) fn attach(world: &mut World, key: &Key, node: &str) -> Result<String, String> {
    let machine = world.machines.get_mut(node).ok_or("no such machine")?;
    let env = machine.files.get(SUBNET_ENV).ok_or(format!(
        "plugin type=\"flannel\" failed (add): loadFlannelSubnetEnv failed: open {SUBNET_ENV}: no such file or directory"
    ))?;
    let subnet = env.lines().find_map(|l| l.strip_prefix("FLANNEL_SUBNET=")).unwrap_or_default();
    let range = subnet.replace(".1/", ".0/");
    let address = machine
        .take_address(&range, BRIDGE, key)
        .ok_or(format!("no IP addresses available in range set: {range}"))?;
    add_bridge(machine);
    Ok(address)
}

/// What the first pod of a node brings.
pub(crate) fn add_bridge(machine: &mut Machine) {
    machine.add_link(BRIDGE, LinkKind::Bridge, 1450);
    for path in ["/var/lib/cni/networks/cbr0", "/var/lib/cni/flannel"] {
        machine.files.insert(path.into(), String::new());
    }
}
