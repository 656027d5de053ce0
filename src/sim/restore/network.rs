//! Address ranges of a recorded cluster, from the objects that say them.

use ipnet::Ipv4Net;

use crate::sim::Objects;
use crate::sim::json::{entry, label, list, name, namespace, text};
use crate::sim::value::Value;
use crate::sim::world::Network;

/// What kubeadm takes where nothing else is said.
const PODS: &str = "10.244.0.0/16";
const SERVICES: &str = "10.96.0.0/12";

/// The ranges, the address of the cluster's DNS and the version of the API server, where `version` does not say it.
///
/// # Errors
/// A pod network that is no IPv4 range.
pub(in crate::sim) fn network(objects: &Objects, version: Option<&str>) -> Result<Network, String> {
    let pods = pod_network(objects).unwrap_or_else(|| PODS.to_owned());
    let pods = pods.parse().map_err(|_| format!("{pods:?} in Flannel's net-conf.json is no IPv4 range"))?;
    let of_kind = |kind: &'static str| objects.each().filter(move |o| text(o, "/kind") == kind);
    let is_dns = |s: &&Value| name(s) == "kube-dns" || label(s, "k8s-app") == Some("kube-dns");
    let dns = of_kind("Service").find(is_dns).map(|s| text(s, "/spec/clusterIP"));
    let kubelet = of_kind("Node").next().map(|n| text(n, "/status/nodeInfo/kubeletVersion"));
    Ok(Network {
        pods,
        services: services(objects),
        dns: dns.unwrap_or("10.96.0.10").to_owned(),
        version: version.or(kubelet).unwrap_or("v1.34.2").to_owned(),
    })
}

fn pod_network(objects: &Objects) -> Option<String> {
    let config = objects.each().find(|o| text(o, "/kind") == "ConfigMap" && name(o) == "kube-flannel-cfg")?;
    let net: Value = serde_json::from_str(entry(config, "/data", "net-conf.json")?).ok()?;
    Some(text(&net, "/Network").to_owned()).filter(|n| !n.is_empty())
}

/// From the ServiceCIDR, or around the address of the API server's own Service.
fn services(objects: &Objects) -> Ipv4Net {
    let said =
        objects.each().filter(|o| text(o, "/kind") == "ServiceCIDR").flat_map(|o| list(o, "/spec/cidrs"));
    let said = said.filter_map(Value::as_str).find_map(|c| c.parse().ok());
    let is_api =
        |o: &&Value| text(o, "/kind") == "Service" && name(o) == "kubernetes" && namespace(o) == "default";
    let around = || {
        let address = text(objects.each().find(is_api)?, "/spec/clusterIP").parse().ok()?;
        Some(Ipv4Net::new(address, 12).ok()?.trunc())
    };
    said.or_else(around).or_else(|| SERVICES.parse().ok()).unwrap_or_default()
}
