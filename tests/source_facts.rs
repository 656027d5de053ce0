//! The parsers of what a node says, on the outputs of the real commands.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use cni_migrate::source::{lines, link_names, nft_tables};

#[test]
fn links() {
    // ip -j link show, iproute2 6.1.
    let json = r#"[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536},
        {"ifindex":4,"ifname":"flannel.1","flags":["BROADCAST"],"mtu":1450},
        {"ifindex":7,"link_index":2,"ifname":"veth1f","master":"cni0","mtu":1450,"link_netnsid":1}]"#;
    assert_eq!(link_names(json).unwrap(), ["lo", "flannel.1", "veth1f"]);
    assert!(link_names("Object \"link\" is unknown").is_err());
}

#[test]
fn tables() {
    // nft -j list tables, nftables 1.0.6.
    let json = r#"{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "ip", "name": "flannel-ipv4", "handle": 1}}]}"#;
    assert_eq!(nft_tables(json).unwrap(), [("ip".to_owned(), "flannel-ipv4".to_owned())]);
    assert!(nft_tables("").is_err());
}

#[test]
fn names() {
    assert_eq!(lines("05-cilium.conflist\n\n10-flannel.conflist.cilium_bak\n").len(), 2);
    assert!(lines("").is_empty());
}
