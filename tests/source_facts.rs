//! The parsers of what a node says, on the outputs of the real commands.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use cni_migrate::source::{Route, lines, link_names, nft_tables, routes};

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
fn routes_of_both_families() {
    // ip -j route show table main, iproute2 6.1; `boot`, which flanneld's routes have, is not printed.
    let v4 = r#"[{"dst":"default","gateway":"172.30.0.1","dev":"eth0","protocol":"dhcp","metric":100,"flags":[]},
        {"dst":"10.244.1.0/24","gateway":"172.30.0.12","dev":"eth0","flags":[]},
        {"dst":"10.244.0.0/24","dev":"cni0","protocol":"kernel","scope":"link","prefsrc":"10.244.0.1","flags":["linkdown"]},
        {"dst":"10.245.1.9","dev":"lxc1f","protocol":"kernel","scope":"link","flags":[]},
        {"type":"blackhole","dst":"10.9.0.0/16","protocol":"bird","flags":[]},
        {"dst":"10.8.0.0/16","protocol":"static","flags":[],"nexthops":[{"gateway":"172.30.0.2","dev":"eth0","weight":1,"flags":[]}]}]"#;
    let route = |dst: &str, gateway: Option<&str>, dev: Option<&str>, protocol: Option<&str>| Route {
        dst: dst.parse().unwrap(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
        dev: dev.map(str::to_owned),
        protocol: protocol.map(str::to_owned),
    };
    assert_eq!(
        routes(v4).unwrap(),
        [
            route("10.244.1.0/24", Some("172.30.0.12"), Some("eth0"), None),
            route("10.244.0.0/24", None, Some("cni0"), Some("kernel")),
            route("10.245.1.9/32", None, Some("lxc1f"), Some("kernel")),
            route("10.9.0.0/16", None, None, Some("bird")),
            route("10.8.0.0/16", None, None, Some("static")),
        ]
    );
    // ip -6 -j route show table main, iproute2 6.1.
    let v6 = r#"[{"dst":"fd00:1::/64","gateway":"fd00::12","dev":"eth0","metric":1024,"flags":[],"pref":"medium"},
        {"dst":"fe80::/64","dev":"eth0","protocol":"kernel","metric":256,"flags":[],"pref":"medium"},
        {"dst":"default","gateway":"fe80::1","dev":"eth0","protocol":"ra","metric":1024,"flags":[],"pref":"medium"}]"#;
    assert_eq!(
        routes(v6).unwrap(),
        [
            route("fd00:1::/64", Some("fd00::12"), Some("eth0"), None),
            route("fe80::/64", None, Some("eth0"), Some("kernel")),
        ]
    );
    assert!(routes("[ ]\n").unwrap().is_empty());
    assert!(routes("Error: argument \"main\" is wrong").is_err());
    let odd = routes(r#"[{"dst":"10.244/16","dev":"eth0","flags":[]}]"#).unwrap_err();
    assert!(odd.to_string().starts_with("destination 10.244/16: "), "{odd}");
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
