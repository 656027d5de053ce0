//! Network links and the routes that follow from them, as `ip -j` shows them.

use crate::sim::value::{Value, json};

use super::Machine;

/// What sort of link it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    Loopback,
    Ethernet,
    Bridge,
    Veth,
    Vxlan { id: u32, port: u16 },
    Wireguard,
}

/// One link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) kind: LinkKind,
    pub(crate) mtu: u32,
}

/// `ip -j link show`, with `-d` also what sort of link it is.
pub(crate) fn show(machine: &Machine, details: bool) -> Value {
    let mut all: Vec<_> = machine.links.iter().collect();
    all.sort_by_key(|(_, link)| link.index);
    let show = |(name, link): (&String, &super::Link)| {
        let is_loopback = link.kind == LinkKind::Loopback;
        let mut shown = json!({
            "ifindex": link.index, "ifname": name, "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
            "mtu": link.mtu, "operstate": if is_loopback { "UNKNOWN" } else { "UP" },
            "link_type": if is_loopback { "loopback" } else { "ether" },
            "address": format!("02:00:00:00:00:{:02x}", link.index),
        });
        if let Some(info) = link_info(link.kind).filter(|_| details) {
            shown["linkinfo"] = info;
        }
        shown
    };
    all.into_iter().map(show).collect()
}

fn link_info(kind: LinkKind) -> Option<Value> {
    match kind {
        LinkKind::Loopback | LinkKind::Ethernet => None,
        LinkKind::Bridge => Some(json!({"info_kind": "bridge"})),
        LinkKind::Veth => Some(json!({"info_kind": "veth"})),
        LinkKind::Wireguard => Some(json!({"info_kind": "wireguard"})),
        LinkKind::Vxlan { id, port } => {
            Some(json!({"info_kind": "vxlan", "info_data": {"id": id, "port": port}}))
        }
    }
}

/// `ip -j route show`: a default route, one for each address range that a link of the node carries, and what was
/// added; of those `ip` prints no protocol, since it is `boot`.
pub(crate) fn routes(machine: &Machine) -> Value {
    let mut all = vec![json!({"dst": "default", "gateway": "192.168.10.1", "dev": "eth0", "flags": []})];
    // The bridge's range is its for good: the route goes with the bridge, not over to Cilium's router link.
    for (range, device) in machine.pools.iter().map(|(range, pool)| (range, pool.link)) {
        if machine.has_link(device) {
            all.push(
                json!({"dst": range, "dev": device, "protocol": "kernel", "scope": "link", "flags": []}),
            );
        }
    }
    let added = |(dst, gateway): (&String, &String)| json!({"dst": dst, "gateway": gateway, "dev": "eth0", "flags": []});
    all.extend(machine.routes.iter().map(added));
    all.into()
}
