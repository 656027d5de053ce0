//! The Cilium operator: definitions, pod ranges, the taint and the condition of nodes, unmanaged pods
//! (cilium/cilium `operator/`, `pkg/ipam/allocator/clusterpool`, `operator/watchers/node_taint.go`).

use std::time::Duration;

use ipnet::Ipv4Net;

use crate::sim::json::{
    condition, flag, is_deleting, is_ready, label, list, name, namespace, set, set_condition, set_list, text,
};
use crate::sim::lifecycle::Deletion;
use crate::sim::resource::{ResourceId, id};
use crate::sim::store::{Change, Key};
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::agent::{GROUP, option};
use super::definitions;

const TAINT: &str = "node.cilium.io/agent-not-ready";

/// The node of whatever changed; every node when an operator comes.
pub(crate) fn keys(world: &World, change: &Change) -> Vec<Key> {
    let object = change.object();
    let node = |name: &str| vec![Key::new(id::NODES, "", name)];
    match change.key.resource {
        id::NODES => vec![change.key.clone()],
        id::PODS if label(object, "io.cilium/app") == Some("operator") => all_nodes(world),
        id::PODS if matches!(label(object, "k8s-app"), Some("cilium" | "kube-dns")) => {
            node(text(object, "/spec/nodeName"))
        }
        id::CONFIGMAPS if &*change.key.name == "cilium-config" => all_nodes(world),
        _ if text(object, "/kind") == "CiliumNode" => node(&change.key.name),
        _ => Vec::new(),
    }
}

fn all_nodes(world: &World) -> Vec<Key> {
    world.store.keys(id::NODES, None).cloned().collect()
}

/// Looks after one node.
pub(crate) fn reconcile(world: &mut World, key: &Key) -> Option<Duration> {
    let namespace = namespace_of_operator(world)?;
    definitions::ensure(world);
    let nodes = world.registry.find(GROUP, "ciliumnodes")?;
    give_range(world, nodes, &namespace, &key.name);
    mark_node(world, &namespace, key);
    restart_unmanaged(world, &namespace, &key.name)
}

/// The namespace of a Ready operator.
fn namespace_of_operator(world: &World) -> Option<String> {
    let serves = |key: &&Key| world.store.get(key).is_some_and(|p| is_ready(p) && !is_deleting(p));
    world.index.operators().find(serves).map(|key| key.namespace.to_string())
}

fn give_range(world: &mut World, nodes: ResourceId, namespace: &str, node: &str) {
    let Some(object) = world.object(nodes, "", node) else { return };
    if !list(object, "/spec/ipam/podCIDRs").is_empty() {
        return;
    }
    let taken = world.index.ranges();
    let pools = option(world, namespace, "cluster-pool-ipv4-cidr");
    let mask: u8 = option(world, namespace, "cluster-pool-ipv4-mask-size").parse().unwrap_or(24);
    let pools = pools.split_whitespace().filter_map(|p| p.parse::<Ipv4Net>().ok());
    let all = || pools.clone().filter_map(|p| p.subnets(mask).ok()).flatten();
    // Most likely as many are taken as were given out.
    let free = all().skip(taken.len()).chain(all()).find(|range| !taken.contains(&range.to_string()));
    world.modify(&Key::new(nodes, "", node), |object| match free {
        Some(range) => set(object, "/spec/ipam/podCIDRs", json!([range.to_string()])),
        None => set(object, "/status/ipam/operator-status/error", "No available CIDR in the pools"),
    });
}

/// Taint while the agent is not Ready, condition once it is; a node without an agent's pod is left alone.
fn mark_node(world: &mut World, namespace: &str, key: &Key) {
    let is_agent = |pod: &Value| label(pod, "k8s-app") == Some("cilium");
    let agent = world.store.each_on(&key.name).find(|(_, pod)| is_agent(pod));
    let Some(is_up) = agent.map(|(_, agent)| is_ready(agent)) else { return };
    let now = world.clock.now();
    let sets_taints = option(world, namespace, "set-cilium-node-taints") == "true";
    let key_of_taint = match option(world, namespace, "agent-not-ready-taint-key") {
        own if own.is_empty() => TAINT.to_owned(),
        own => own,
    };
    world.modify(key, |node| {
        let mut taints = list(node, "/spec/taints").to_vec();
        let before = taints.len();
        let is_there = taints.iter().any(|t| text(t, "/key") == key_of_taint);
        if is_up {
            taints.retain(|t| text(t, "/key") != key_of_taint);
        } else if sets_taints && !is_there {
            taints.push(json!({"key": key_of_taint, "effect": "NoSchedule"}));
        }
        if taints.len() != before {
            set_list(node, "/spec", "taints", taints);
        }
        let reason = condition(node, "NetworkUnavailable").map(|c| text(c, "/reason").to_owned());
        if is_up && reason.as_deref() != Some("CiliumIsUp") {
            let message = "Cilium is running on this node";
            set_condition(node, "NetworkUnavailable", "False", "CiliumIsUp", message, &now);
        }
    });
}

/// Deletes kube-dns pods that Cilium does not manage, once they have run for the interval; looks again where one has not.
fn restart_unmanaged(world: &mut World, namespace: &str, node: &str) -> Option<Duration> {
    let interval = option(world, namespace, "unmanaged-pod-watcher-interval");
    let seconds: i64 = interval.trim_end_matches('s').parse().ok().filter(|s| *s > 0)?;
    let endpoints = world.registry.find(GROUP, "ciliumendpoints")?;
    let mut is_left = false;
    for (key, pod) in world.store.pods_on(node) {
        let is_meant = label(&pod, "k8s-app") == Some("kube-dns") && !flag(&pod, "/spec/hostNetwork");
        if !is_meant || world.object(endpoints, self::namespace(&pod), name(&pod)).is_some() {
            continue;
        }
        let age = world.clock.seconds_since(text(&pod, "/status/startTime")).unwrap_or_default();
        if age >= seconds {
            drop(world.delete(&key, &Deletion::default()));
        } else {
            is_left = true;
        }
    }
    let interval = u64::try_from(seconds).ok().map(Duration::from_secs);
    interval.filter(|_| is_left)
}
