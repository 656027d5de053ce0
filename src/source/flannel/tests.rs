//! Flannel's configuration, inventory and residue.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use crate::check::fixtures::{config, daemon_set, flannel, map};
use crate::model::{NodeResidue, PodRoute, Snapshot};
use crate::source::tests::{inventory, layout, parameters, problems, with};
use crate::source::{Leftover, NodeFacts, Route, SOURCES, lives_in_any_namespace, scan};

fn net(text: &str) -> Snapshot {
    with(|snapshot| snapshot.configs = vec![config("kube-flannel", text)])
}

#[test]
fn backends_have_flannels_defaults() {
    let table = [
        (r#"{"Type":"vxlan"}"#, "vxlan", Some(8472), Some(1), None),
        (
            r#"{"type":"vxlan","vni":4096,"port":4789,"MTU":1400}"#,
            "vxlan",
            Some(4789),
            Some(4096),
            Some(1400),
        ),
        (r#"{"Type":"vxlan","Port":0,"MTU":0,"DirectRouting":true}"#, "vxlan", Some(8472), Some(1), None),
        (r#"{"Type":"host-gw"}"#, "host-gw", None, None, None),
        (r#"{"Type":"wireguard","PSK":"x","ListenPort":5000}"#, "wireguard", Some(5000), None, None),
        (r#"{"Type":"wireguard"}"#, "wireguard", Some(51820), None, None),
        (r#"{"Type":"udp"}"#, "udp", Some(8285), None, None),
        (r#"{"Type":"ipip"}"#, "ipip", None, None, None),
    ];
    for (backend, name, port, vni, mtu) in table {
        let found = parameters(&net(&format!(r#"{{"Network":"10.244.0.0/16","Backend":{backend}}}"#)));
        assert_eq!(
            (found.backend.as_str(), found.port, found.vni, found.mtu),
            (name, port, vni, mtu),
            "{backend}"
        );
    }
    assert_eq!(parameters(&net(r#"{"Network":"10.244.0.0/16"}"#)).backend, "udp", "Flannel's default");
}

#[test]
fn networks_of_both_families() {
    let dual = r#"{"Network":"10.244.0.0/16","IPv6Network":"fd00::/56","EnableIPv6":true,"Backend":{"Type":"vxlan"}}"#;
    let found = parameters(&net(dual));
    assert_eq!(found.networks, ["10.244.0.0/16".parse().unwrap(), "fd00::/56".parse().unwrap()]);
    assert_eq!(SOURCES[0].links(&found), ["flannel.1", "flannel-v6.1"]);
    let off = r#"{"Network":"10.244.3.0/16","IPv6Network":"fd00::/56","Backend":{"Type":"vxlan"}}"#;
    assert_eq!(parameters(&net(off)).networks, ["10.244.0.0/16".parse().unwrap()], "IPv6 is off by default");
}

#[test]
fn what_is_not_understood_is_named_not_guessed() {
    let table = [
        ("{", "net-conf.json is not JSON"),
        (r#"{"Backend":{"Type":"vxlan"}}"#, "network is missing, expected an IPv4 range"),
        (
            r#"{"Network":"10.244","Backend":{"Type":"vxlan"}}"#,
            "network is \"10.244\", expected an IPv4 range",
        ),
        (r#"{"Network":"fd00::/56","Backend":{"Type":"vxlan"}}"#, "expected an IPv4 range"),
        (
            r#"{"Network":"10.244.0.0/16","Backend":{"Type":"ipsec"}}"#,
            "Backend.type is \"ipsec\", this tool knows vxlan",
        ),
        (
            r#"{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","Port":"8472"}}"#,
            "Backend.port is \"8472\", expected a port",
        ),
        (
            r#"{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","Port":70000}}"#,
            "Backend.port is 70000, expected a port",
        ),
        (
            r#"{"Network":"10.244.0.0/16","Backend":{"Type":"host-gw","Port":1}}"#,
            "Backend.port is not a field",
        ),
        (r#"{"Network":"10.244.0.0/16","Netwrok":1,"Backend":{"Type":"udp"}}"#, "netwrok is not a field"),
        (
            r#"{"Network":"10.244.0.0/16","EnableNFTables":"yes","Backend":{"Type":"udp"}}"#,
            "enablenftables is \"yes\"",
        ),
        (r#"{"EnableIPv4":false,"Backend":{"Type":"vxlan"}}"#, "both off"),
        (r#"{"Network":"10.244.0.0/16","Backend":"vxlan"}"#, "is not an object"),
    ];
    for (text, expected) in table {
        let found = problems(&net(text));
        assert!(found.iter().any(|p| p.contains(expected)), "{text}: {found:?}");
        assert!(
            found.iter().all(|p| p.starts_with("ConfigMap kube-flannel/kube-flannel-cfg: ")),
            "{found:?}"
        );
    }
}

#[test]
fn the_cni_configuration_names_network_and_bridge() {
    let cni = |text: &str| {
        with(|snapshot| drop(snapshot.configs[0].data.insert("cni-conf.json".to_owned(), text.to_owned())))
    };
    let list =
        r#"{"name":"net","plugins":[{"type":"flannel","delegate":{"bridge":"br-pods"}},{"type":"portmap"}]}"#;
    let found = parameters(&cni(list));
    assert_eq!((found.cni_name.as_str(), found.bridge.as_str()), ("net", "br-pods"));
    let old = parameters(&cni(r#"{"name":"cbr0","type":"flannel","delegate":{"isDefaultGateway":true}}"#));
    assert_eq!((old.cni_name.as_str(), old.bridge.as_str()), ("cbr0", "cni0"));
    for text in [
        "{}",
        r#"{"name":"x","plugins":[]}"#,
        r#"{"name":"x","type":"flannel","delegate":{"type":"macvlan"}}"#,
    ] {
        assert!(problems(&cni(text))[0].contains("cni-conf.json"), "{text}");
    }
}

#[test]
fn objects_are_deleted_in_order_and_the_namespace_last() {
    let found = inventory(&flannel());
    let names: Vec<_> = found.objects.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "DaemonSet kube-flannel/kube-flannel-ds",
            "ConfigMap kube-flannel/kube-flannel-cfg",
            "ServiceAccount kube-flannel/flannel",
            "ClusterRoleBinding flannel",
            "ClusterRole flannel",
        ]
    );
    assert!(found.objects.iter().all(|object| !object.uid.is_empty()));
    assert_eq!(found.namespace.unwrap().name, "kube-flannel");
    assert_eq!(found.owner_advice, None);
    assert!(lives_in_any_namespace("ConfigMap", "kube-root-ca.crt"));
    assert!(!lives_in_any_namespace("ConfigMap", "anything-else"));
}

#[test]
fn only_what_was_seen_is_in_the_inventory() {
    let bare = with(|snapshot| snapshot.objects.clear());
    let found = inventory(&bare);
    assert_eq!(found.objects.len(), 1, "the DaemonSet was seen");
    assert_eq!(found.namespace, None);
    let old = inventory(&layout("kube-system", "kube-flannel-ds", "quay.io/coreos/flannel:v0.14.0"));
    assert!(old.objects.iter().all(|o| o.namespace.as_deref().is_none_or(|n| n == "kube-system")));
}

#[test]
fn the_cluster_role_is_shared_with_canal() {
    let canal = daemon_set("kube-system", "canal", "docker.io/calico/node:v3.32.1");
    let found = inventory(&with(|snapshot| snapshot.daemon_sets.push(canal)));
    assert!(found.objects.iter().all(|object| object.kind != "ClusterRole"));
}

#[test]
fn owners_are_named_with_the_way_to_remove_flannel_there() {
    let advice = |change: fn(&mut Snapshot)| inventory(&with(change)).owner_advice.unwrap();
    assert!(
        advice(|s| s.daemon_sets[0].helm_release = Some("flannel".into())).contains("helm uninstall flannel")
    );
    assert!(advice(|s| s.nodes[0].kubelet_version = "v1.34.2+rke2r1".into()).contains("cni: none"));
    assert!(advice(|s| s.nodes[0].os_image = "Talos (v1.11.2)".into()).contains("cluster.network.cni.name"));
    let flux = advice(|s| s.daemon_sets[0].labels = map(&[("kustomize.toolkit.fluxcd.io/name", "net")]));
    assert!(flux.contains("Flux (net)"));
    let argo = advice(|s| s.daemon_sets[0].labels = map(&[("argocd.argoproj.io/instance", "net")]));
    assert!(argo.contains("Argo CD (net)"));
    let kubespray = inventory(&layout("kube-system", "kube-flannel", "docker.io/flannel/flannel:v0.26.7"));
    assert!(kubespray.owner_advice.unwrap().contains("kube_network_plugin"));
    let elsewhere = inventory(&layout("net", "kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.28.9"));
    assert!(elsewhere.owner_advice.unwrap().contains("namespace net"));
}

fn residue_of(backend: &str, change: impl FnOnce(&mut Snapshot)) -> NodeResidue {
    let mut snapshot = net(&format!(r#"{{"Network":"10.244.0.0/16","Backend":{backend}}}"#));
    change(&mut snapshot);
    inventory(&snapshot).residue
}

#[test]
fn the_residue_follows_the_parameters() {
    let residue = |backend: &str| residue_of(backend, |_| {});
    assert_eq!(residue(r#"{"Type":"vxlan","VNI":42}"#).links, ["flannel.42"]);
    assert_eq!(residue(r#"{"Type":"wireguard"}"#).links, ["flannel-wg"]);
    assert_eq!(residue(r#"{"Type":"udp"}"#).links, ["flannel0"]);
    assert!(residue(r#"{"Type":"host-gw"}"#).links.is_empty());
    let vxlan = residue(r#"{"Type":"vxlan"}"#);
    assert_eq!(vxlan.bridges, ["cni0"]);
    assert!(vxlan.paths.contains(&"/var/lib/cni/networks/cbr0".to_owned()));
    assert!(vxlan.cni_files.contains(&"10-flannel.conflist.cilium_bak".to_owned()));
}

#[test]
fn of_a_node_only_flannels_own_things_are_left_over() {
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let residue = inventory(&flannel()).residue;
    let facts = NodeFacts {
        links: names(&["lo", "eth0", "flannel.1", "flannel.2", "cilium_vxlan", "cni0", "cni1"]),
        nft_tables: vec![("ip".into(), "flannel-ipv4".into()), ("ip".into(), "kube-proxy".into())],
        cni_files: names(&[
            "05-cilium.conflist",
            "10-flannel.conflist.cilium_bak",
            "10-calico.conflist.cilium_bak",
        ]),
        paths: names(&[
            "/run/flannel/subnet.env",
            "/var/lib/cni/results/cbr0-4f-eth0",
            "/var/lib/cni/results/cbr0-a/b",
            "/etc",
        ]),
        annotations: names(&["flannel.alpha.coreos.com/public-ip", "example.com/flannel"]),
        ..NodeFacts::default()
    };
    let found = scan(&residue, &facts);
    let text: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "nftables table ip flannel-ipv4",
            "link flannel.1",
            "bridge cni0",
            "CNI configuration 10-flannel.conflist.cilium_bak",
            "/run/flannel/subnet.env",
            "/var/lib/cni/results/cbr0-4f-eth0",
            "annotation flannel.alpha.coreos.com/public-ip",
        ]
    );
    let commands: Vec<_> = found.iter().flat_map(Leftover::removal).map(|argv| argv.join(" ")).collect();
    assert_eq!(
        commands,
        [
            "nft delete table ip flannel-ipv4",
            "ip link delete flannel.1",
            "ip link delete cni0",
            "rm -f /host/etc/cni/net.d/10-flannel.conflist.cilium_bak",
        ]
    );
    assert!(scan(&residue, &NodeFacts::default()).is_empty());
}

fn shown(routes: &[PodRoute]) -> Vec<String> {
    routes.iter().map(|route| format!("{} via {}", route.dst, route.gateway)).collect()
}

#[test]
fn direct_routes_are_noted_for_each_node_as_it_announced_itself() {
    let announce = |snapshot: &mut Snapshot| {
        let annotations = &mut snapshot.nodes[1].annotations;
        annotations.insert("flannel.alpha.coreos.com/public-ip".into(), "172.30.0.12".into());
    };
    let expected =
        ["10.244.0.0/24 via 192.168.1.0", "10.244.1.0/24 via 172.30.0.12", "10.244.2.0/24 via 192.168.1.2"];
    for backend in [
        r#"{"Type":"host-gw"}"#,
        r#"{"Type":"vxlan","DirectRouting":true}"#,
        r#"{"Type":"ipip","directRouting":true}"#,
    ] {
        assert_eq!(shown(&residue_of(backend, announce).routes), expected, "{backend}");
    }
    for backend in [r#"{"Type":"vxlan"}"#, r#"{"Type":"ipip","DirectRouting":false}"#, r#"{"Type":"udp"}"#] {
        assert!(residue_of(backend, announce).routes.is_empty(), "{backend}");
    }
}

#[test]
fn each_family_has_its_own_address_and_ranges_of_others_are_not_noted() {
    let dual = r#"{"Network":"10.244.0.0/16","IPv6Network":"fd00::/56","EnableIPv6":true,"Backend":{"Type":"host-gw"}}"#;
    let mut snapshot = net(dual);
    snapshot.nodes.truncate(2);
    let ranges = ["10.244.1.0/24", "fd00:0:0:1::/64", "10.9.0.0/24"];
    snapshot.nodes[1].pod_cidrs = ranges.iter().map(|range| range.parse().unwrap()).collect();
    snapshot.nodes[1].annotations = map(&[("flannel.alpha.coreos.com/public-ipv6", "fd01::12")]);
    snapshot.nodes[0].pod_cidrs = vec!["fd00::/64".parse().unwrap()];
    let expected = ["10.244.1.0/24 via 192.168.1.1", "fd00:0:0:1::/64 via fd01::12"];
    assert_eq!(shown(&inventory(&snapshot).residue.routes), expected, "node-0 has no IPv6 address");
}

#[test]
fn a_journal_from_before_routes_were_noted_still_loads() {
    let residue = residue_of(r#"{"Type":"host-gw"}"#, |_| {});
    let mut old = serde_json::to_value(&residue).unwrap();
    old.as_object_mut().unwrap().remove("routes").unwrap();
    let loaded: NodeResidue = serde_json::from_value(old).unwrap();
    assert_eq!(loaded, NodeResidue { routes: Vec::new(), ..residue });
}

#[test]
fn only_routes_that_were_noted_are_removed() {
    const NOT_NOTED: &str =
        "it leads into the old pod network, but not to a node as it was noted at detection";
    let other_owner =
        |name: &str| format!("it leads where the source's did, but has protocol {name} of another owner");
    let mut residue = residue_of(r#"{"Type":"vxlan","DirectRouting":true}"#, |_| {});
    residue.networks.push("fd00::/56".parse().unwrap());
    residue
        .routes
        .push(PodRoute { dst: "fd00:0:0:1::/64".parse().unwrap(), gateway: "fd01::12".parse().unwrap() });
    let table = [
        (
            "10.244.1.0/24",
            Some("192.168.1.1"),
            Some("eth0"),
            None,
            Ok("ip route delete 10.244.1.0/24 via 192.168.1.1 dev eth0"),
        ),
        (
            "10.244.2.0/24",
            Some("192.168.1.2"),
            Some("bond0"),
            Some("boot"),
            Ok("ip route delete 10.244.2.0/24 via 192.168.1.2 dev bond0"),
        ),
        (
            "fd00:0:0:1::/64",
            Some("fd01::12"),
            Some("eth0"),
            None,
            Ok("ip -6 route delete fd00:0:0:1::/64 via fd01::12 dev eth0"),
        ),
        // Another protocol, another gateway, a part of the range, a node that came later, no gateway.
        ("10.244.1.0/24", Some("192.168.1.1"), Some("eth0"), Some("static"), Err(other_owner("static"))),
        ("10.244.1.0/24", Some("192.168.1.1"), Some("eth0"), Some("kernel"), Err(other_owner("kernel"))),
        ("10.244.1.0/24", Some("192.168.1.2"), Some("eth0"), None, Err(NOT_NOTED.to_owned())),
        ("10.244.1.0/25", Some("192.168.1.1"), Some("eth0"), None, Err(NOT_NOTED.to_owned())),
        ("10.244.9.0/24", Some("192.168.1.9"), Some("eth0"), None, Err(NOT_NOTED.to_owned())),
        ("10.244.0.0/16", None, None, None, Err(NOT_NOTED.to_owned())),
    ];
    for (dst, gateway, dev, protocol, expected) in table {
        let found = scan(
            &residue,
            &NodeFacts { routes: vec![route(dst, gateway, dev, protocol)], ..NodeFacts::default() },
        );
        let [leftover] = found.as_slice() else { panic!("{dst}: {found:?}") };
        let outcome = match leftover {
            Leftover::Unknown { why, .. } => Err(why.clone()),
            _ => Ok(leftover.removal()[0].join(" ")),
        };
        assert_eq!(outcome, expected.map(str::to_owned), "{leftover}");
    }
}

#[test]
fn routes_elsewhere_and_those_that_go_with_a_link_are_no_leftovers() {
    let residue = residue_of(r#"{"Type":"vxlan","DirectRouting":true}"#, |_| {});
    let routes = vec![
        route("10.244.0.0/24", None, Some("cni0"), Some("kernel")),
        route("10.244.9.0/24", Some("10.244.9.0"), Some("flannel.1"), None),
        route("10.0.0.0/8", Some("192.168.1.1"), Some("eth0"), None),
        route("10.245.1.0/24", Some("192.168.1.1"), Some("eth0"), None),
    ];
    assert_eq!(scan(&residue, &NodeFacts { routes, ..NodeFacts::default() }), []);
}

fn route(dst: &str, gateway: Option<&str>, dev: Option<&str>, protocol: Option<&str>) -> Route {
    Route {
        dst: dst.parse().unwrap(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
        dev: dev.map(str::to_owned),
        protocol: protocol.map(str::to_owned),
    }
}
