//! The Cilium agent of a node: its configuration, its CNI file, and the endpoints of its pods
//! (cilium/cilium `pkg/option/resolver`, `daemon/cmd/cni/config.go`, `pkg/k8s/watchers`).

use std::collections::BTreeMap;

use crate::model::MIGRATION_LABEL;
use crate::sim::control;
use crate::sim::json::{entry, is_ready, label, list, namespace, set, text, uid};
use crate::sim::lifecycle::Deletion;
use crate::sim::node::{Agent, CNI_DIR, Flavour, LinkKind, Machine, is_cni_conf};
use crate::sim::resource::id;
use crate::sim::selector::Labels;
use crate::sim::store::Key;
use crate::sim::value::{Value, json};
use crate::sim::world::World;

/// API group of Cilium.
pub(crate) const GROUP: &str = "cilium.io";
/// The link that its pods are behind.
pub(crate) const ROUTER: &str = "cilium_host";

/// Reads the configuration as the init container `config` does, and announces the node.
///
/// # Errors
/// Without ConfigMap or CRDs: the agent cannot start.
pub(crate) fn start(world: &mut World, node: &str, pod: &Value) -> Result<(), String> {
    let config = configuration(world, node, namespace(pod))?;
    announce(world, node)?;
    let machine = world.machines.get_mut(node).ok_or("no such machine")?;
    machine.agent = Some(Agent { pod: uid(pod).to_owned(), config, serving: false });
    Ok(())
}

/// ConfigMap `cilium-config`, then every CiliumNodeConfig whose selector matches, in the order of names.
fn configuration(world: &World, node: &str, namespace: &str) -> Result<BTreeMap<String, String>, String> {
    let config = world.object(id::CONFIGMAPS, namespace, "cilium-config");
    let config = config.ok_or("configmap \"cilium-config\" not found")?;
    let labels = world.node(node).and_then(|n| n.pointer("/metadata/labels")).cloned().unwrap_or_default();
    let mut merged = string_map(&config["data"]);
    if let Some(resource) = world.registry.find(GROUP, "ciliumnodeconfigs") {
        for object in world.store.list(resource, Some(namespace)) {
            let selector = object.pointer("/spec/nodeSelector").and_then(Labels::from_object);
            if selector.is_some_and(|s| s.matches_map(&labels)) {
                merged.extend(string_map(&object["spec"]["defaults"]));
            }
        }
    }
    Ok(merged)
}

fn string_map(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(k, v)| Some((k.to_string(), v.as_str()?.to_owned()))).collect()
}

/// Creates the CiliumNode that the operator gives a range to.
fn announce(world: &mut World, node: &str) -> Result<(), String> {
    let resource =
        world.registry.find(GROUP, "ciliumnodes").ok_or("waiting for CRD ciliumnodes.cilium.io")?;
    if world.object(resource, "", node).is_some() {
        return Ok(());
    }
    let owner = world.node(node).ok_or("no such node")?;
    let object = json!({
        "apiVersion": "cilium.io/v2", "kind": "CiliumNode",
        "metadata": {"name": node, "labels": owner["metadata"]["labels"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid(owner)}]},
        "spec": {"addresses": [{"type": "InternalIP", "ip": world.machines[node].address}], "ipam": {}},
    });
    world.create(resource, object, false).map(drop).map_err(|r| text(&r.body, "/message").to_owned())
}

/// Whether a fault ends the agent of a node again and again.
pub(crate) fn crashes(world: &World, node: &str) -> bool {
    world.faults.crashing_agents.contains(node) && is_switched(world, node)
}

/// Whether a fault ends the node when its agent takes the network over.
pub(crate) fn kills_node(world: &World, node: &str) -> bool {
    world.faults.lost_nodes.contains(node) && is_switched(world, node)
}

fn is_switched(world: &World, node: &str) -> bool {
    world.node(node).is_some_and(|n| label(n, MIGRATION_LABEL) == Some("true"))
}

/// Brings links and the CNI file up.
///
/// # Errors
/// What the agent waits for or dies of; it is tried again.
pub(crate) fn become_ready(world: &mut World, node: &str) -> Result<(), String> {
    if world.faults.stuck_agents.contains(node) || crashes(world, node) {
        return Err("told to never become ready".to_owned());
    }
    if ranges(world, node).is_empty() {
        return Err(format!("waiting for the operator to give CiliumNode {node:?} a pod CIDR"));
    }
    bring_up(world.machines.get_mut(node).ok_or("no such machine")?)?;
    hide_other_confs(world, node);
    control::nodes::look_at(world, node);
    Ok(())
}

/// The state of a node on which an agent was recorded: its configuration is taken for the one it was started with.
///
/// # Errors
/// Without ConfigMap, or where such an agent could not run.
pub(crate) fn resume(world: &mut World, node: &str, pod: &Value) -> Result<(), String> {
    let config = configuration(world, node, namespace(pod))?;
    let machine = world.machines.get_mut(node).ok_or("no such machine")?;
    machine.agent = Some(Agent { pod: uid(pod).to_owned(), config, serving: false });
    if !is_ready(pod) {
        return Ok(());
    }
    bring_up(machine)?;
    hide_other_confs(world, node);
    Ok(())
}

fn bring_up(machine: &mut Machine) -> Result<(), String> {
    let Some(agent) = machine.agent.clone() else { return Err("not started".to_owned()) };
    let option = |key: &str| agent.config.get(key).map(String::as_str).unwrap_or_default();
    if option("routing-mode") == "tunnel" && option("tunnel-protocol") == "vxlan" {
        let port = option("tunnel-port").parse().ok().filter(|p| *p != 0).unwrap_or(8472);
        if port_is_taken(machine, port) {
            return Err("creating cilium_vxlan: address already in use".to_owned());
        }
        machine.add_link("cilium_vxlan", LinkKind::Vxlan { id: 0, port }, 1450);
    }
    machine.add_link("cilium_net", LinkKind::Veth, 1500);
    machine.add_link(ROUTER, LinkKind::Veth, 1500);
    if let Some(firewall) = machine.firewalls.get_mut(&Flavour::Legacy4) {
        let comment = ["-m", "comment", "--comment", "cilium-feeder: CILIUM_FORWARD", "-j", "CILIUM_FORWARD"];
        firewall.append("filter", "FORWARD", &comment);
        firewall.append("filter", "CILIUM_FORWARD", &["-o", "cilium_host", "-j", "ACCEPT"]);
    }
    if let Some(agent) = &mut machine.agent {
        agent.serving = true;
    }
    write_conf(machine);
    Ok(())
}

/// Two VXLAN devices of external mode cannot share a UDP port.
fn port_is_taken(machine: &Machine, wanted: u16) -> bool {
    machine.links.iter().any(|(name, link)| {
        name != "cilium_vxlan" && matches!(link.kind, LinkKind::Vxlan { port, .. } if port == wanted)
    })
}

fn managed_file(machine: &Machine) -> Option<String> {
    let config = &machine.agent.as_ref().filter(|a| a.serving)?.config;
    let path = config.get("write-cni-conf-when-ready").filter(|p| !p.is_empty())?;
    let is_custom = config.get("custom-cni-conf").is_some_and(|v| v == "true");
    (!is_custom).then(|| path.rsplit('/').next().unwrap_or_default().to_owned())
}

fn write_conf(machine: &mut Machine) {
    if let Some(file) = managed_file(machine) {
        let conf = json!({"cniVersion": "0.3.1", "name": "cilium", "plugins": [
            {"type": "cilium-cni", "enable-debug": false, "log-file": "/var/run/cilium/cilium-cni.log"}]});
        super::write_conf(machine, &file, &conf.to_string());
    }
}

/// With `cni-exclusive` every other configuration is renamed, also one that comes later: the agent watches the folder.
pub(crate) fn hide_other_confs(world: &mut World, node: &str) {
    let Some(machine) = world.machines.get_mut(node) else { return };
    let Some(own) = managed_file(machine) else { return };
    let exclusive = |a: &Agent| a.config.get("cni-exclusive").is_some_and(|v| v == "true");
    if !machine.agent.as_ref().is_some_and(exclusive) {
        return;
    }
    let others: Vec<String> =
        machine.cni_files().into_iter().filter(|f| *f != own && is_cni_conf(f)).map(str::to_owned).collect();
    for file in others {
        let path = format!("{CNI_DIR}/{file}");
        if let Some(content) = machine.files.remove(&path) {
            machine.files.insert(format!("{path}.cilium_bak"), content);
        }
    }
}

/// The agent's pod is gone: links and files stay; with `cni-uninstall` its preStop hook has removed the CNI file.
pub(crate) fn stopped(machine: &mut Machine) {
    let Some(agent) = machine.agent.take() else { return };
    let is = |key: &str, value: &str| agent.config.get(key).is_some_and(|v| v == value);
    if is("cni-uninstall", "true") && !is("custom-cni-conf", "true") {
        machine.files.retain(|path, _| !(path.starts_with(CNI_DIR) && path.contains("cilium.conf")));
    }
}

/// The ranges that the operator gave a node.
pub(crate) fn ranges(world: &World, node: &str) -> Vec<String> {
    let resource = world.registry.find(GROUP, "ciliumnodes");
    let object = resource.and_then(|r| world.object(r, "", node));
    let ranges = object.map(|o| list(o, "/spec/ipam/podCIDRs")).unwrap_or_default().iter();
    ranges.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Gives a pod an address and an endpoint.
///
/// # Errors
/// Where no agent serves on the node, as the plugin says it.
pub(crate) fn attach(world: &mut World, key: &Key, pod: &Value, node: &str) -> Result<String, String> {
    let range = ranges(world, node).into_iter().next();
    let machine = world.machines.get_mut(node).ok_or("no such machine")?;
    let is_serving = machine.agent.as_ref().is_some_and(|a| a.serving);
    let (Some(range), true) = (range, is_serving) else {
        return Err("plugin type=\"cilium-cni\" failed (add): unable to connect to Cilium agent: \
                    dial unix /var/run/cilium/cilium.sock: connect: no such file or directory"
            .to_owned());
    };
    let address = machine.take_address(&range, ROUTER, key).ok_or(format!("range {range} is full"))?;
    let host = machine.address.clone();
    put_endpoint(world, pod, &address, &host);
    Ok(address)
}

fn put_endpoint(world: &mut World, pod: &Value, address: &str, host: &str) {
    let Some(resource) = world.registry.find(GROUP, "ciliumendpoints") else { return };
    let number = world.store.revision();
    // Made where it is put: the store shares no part that is also held here.
    let status = || {
        json!({
            "id": number % 65_536, "state": "ready", "identity": {"id": number},
            "networking": {"addressing": [{"ipv4": address}], "node": host},
        })
    };
    let key = Key::of(resource, pod);
    if world.modify(&key, |endpoint| set(endpoint, "/status", status())).is_some() {
        return;
    }
    let metadata = &pod["metadata"];
    let object = json!({
        "apiVersion": "cilium.io/v2", "kind": "CiliumEndpoint", "status": status(),
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "labels": metadata["labels"],
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"],
            }]},
    });
    // An endpoint of a replaced pod under the same name is collected with its owner and made anew then.
    drop(world.create(resource, object, false));
}

/// Removes the endpoint of a pod that is gone.
pub(crate) fn drop_endpoint(world: &mut World, pod: &Key, pod_uid: &str) {
    let Some(resource) = world.registry.find(GROUP, "ciliumendpoints") else { return };
    let key = Key::new(resource, &pod.namespace, &pod.name);
    let owner = world.store.get(&key).map(|e| text(e, "/metadata/ownerReferences/0/uid").to_owned());
    if owner.as_deref() == Some(pod_uid) {
        drop(world.delete(&key, &Deletion::default()));
    }
}

/// An option of `cilium-config`; empty where it is not set.
pub(crate) fn option(world: &World, namespace: &str, key: &str) -> String {
    let config = world.object(id::CONFIGMAPS, namespace, "cilium-config");
    config.and_then(|c| entry(c, "/data", key)).unwrap_or_default().to_owned()
}
