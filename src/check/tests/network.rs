//! Checks on ranges, ports, MTU and versions.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::super::Level;
use super::super::fixtures::{config, map, service};
use super::{check, levels, with};
use crate::model::{Encryption, Intent};

#[test]
fn pod_ranges_are_compared_with_nodes_blocks_too() {
    let case = with(|case| case.snapshot.nodes[2].pod_cidrs = vec!["10.245.3.0/24".parse().unwrap()]);
    let findings = case.run(check("CIDR-002"));
    assert_eq!(findings[0].message, "overlaps the nodes' pod ranges 10.245.3.0/24 of node-2");
    assert_eq!(findings[0].result, Level::Blocker);
}

#[test]
fn pool_sizes() {
    let size = |cidr: &str, mask| {
        levels(
            &with(|case| {
                case.intent.pod_cidr = cidr.parse().unwrap();
                case.intent.mask_size = mask;
            }),
            "CIDR-004",
        )
    };
    assert_eq!(size("10.245.0.0/22", 24), [Level::Ok]);
    assert_eq!(size("10.245.0.0/23", 24), [Level::Blocker]);
    assert_eq!(size("10.245.0.0/16", 26), [Level::Warning]);
    assert_eq!(size("10.245.0.0/24", 16), [Level::Blocker]);
    let exact = with(|case| {
        case.snapshot.nodes.push(super::super::fixtures::node(3));
        case.intent.pod_cidr = "10.245.0.0/22".parse().unwrap();
    });
    assert_eq!(levels(&exact, "CIDR-004"), [Level::Warning]);
}

#[test]
fn ports_of_backends() {
    let port = |net_conf: &str, port| {
        levels(
            &with(|case| {
                case.snapshot.configs = vec![config("kube-flannel", net_conf)];
                case.intent.overlay.port = port;
            }),
            "PORT-001",
        )
    };
    let backend = |backend: &str| format!(r#"{{"Network":"10.244.0.0/16","Backend":{backend}}}"#);
    assert_eq!(port(&backend(r#"{"Type":"host-gw"}"#), 8472), [Level::Ok]);
    assert_eq!(port(&backend(r#"{"Type":"vxlan","Port":4789}"#), 8472), [Level::Ok]);
    assert_eq!(port(&backend(r#"{"Type":"vxlan","Port":4789}"#), 4789), [Level::Blocker]);
    assert_eq!(port(&backend(r#"{"Type":"wireguard"}"#), 51820), [Level::Blocker]);
}

#[test]
fn external_addresses_of_services_count() {
    let case = with(|case| {
        let external_ips = vec!["203.0.113.4".parse().unwrap(), "10.245.0.9".parse().unwrap()];
        case.snapshot.services.push(crate::model::Service { external_ips, ..service("shop", "web") });
    });
    let findings = case.run(check("CIDR-005"));
    assert_eq!(findings[0].message, "inside of 10.245.0.0/16: 10.245.0.9 of Service shop/web");
}

#[test]
fn the_overlay_port_is_one_of_the_ports_that_must_be_free() {
    let on = |port, host_network| {
        with(|case| {
            let pod = &mut case.snapshot.pods[0];
            (pod.host_ports, pod.host_network) = (vec![port], host_network);
        })
    };
    assert_eq!(levels(&on(8473, true), "PORT-002"), [Level::Warning]);
    assert_eq!(levels(&on(8473, false), "PORT-002"), [Level::Warning]);
    assert_eq!(levels(&on(8474, true), "PORT-002"), [Level::Ok]);
    let ours = with(|case| {
        case.snapshot.pods[0].host_ports = vec![9879];
        case.snapshot.pods[0].labels = map(&[("app.kubernetes.io/part-of", "cilium")]).into();
    });
    assert_eq!(levels(&ours, "PORT-002"), [Level::Ok], "Cilium's own pods may have Cilium's ports");
}

#[test]
fn backends_that_take_less_than_cilium_send_larger_packets() {
    let backend = |backend: &str| {
        let net_conf = format!(r#"{{"Network":"10.244.0.0/16","Backend":{backend}}}"#);
        with(|case| case.snapshot.configs[0] = config("kube-flannel", &net_conf))
    };
    let table = [
        (r#"{"Type":"vxlan","MTU":1400}"#, Level::Ok),
        (r#"{"Type":"wireguard"}"#, Level::Ok),
        (r#"{"Type":"udp"}"#, Level::Warning),
        (r#"{"Type":"ipip"}"#, Level::Warning),
        (r#"{"Type":"host-gw"}"#, Level::Warning),
    ];
    for (text, expected) in table {
        assert_eq!(levels(&backend(text), "MTU-001"), [expected], "{text}");
    }
    let told = backend(r#"{"Type":"vxlan","MTU":1400}"#).run(check("MTU-001"));
    assert_eq!(told[0].message, "takes 50 bytes off the configured MTU of 1400; Cilium's vxlan takes 50");
}

#[test]
fn newer_patches_and_test_releases() {
    let version = |version: &str| {
        levels(
            &with(|case| case.intent = Intent { cilium_version: version.to_owned(), ..case.intent.clone() }),
            "VERSION-001",
        )
    };
    assert_eq!(version("1.19.7"), [Level::Ok], "a newer one than this tool knows");
    assert_eq!(version("v1.20.0"), [Level::Ok]);
    assert_eq!(version("1.20.0-rc.1"), [Level::Warning]);
    assert_eq!(version("1.18.3"), [Level::Warning]);
}

#[test]
fn wireguard_wants_its_port_and_a_kernel_only_where_it_is_wanted() {
    let case = |encryption, overlay, host_port, backend_port, version: &str, kernel: &str| {
        with(|case| {
            case.intent.features.encryption = encryption;
            case.intent.overlay.port = overlay;
            case.intent.cilium_version = version.to_owned();
            let net = format!(
                r#"{{"Network":"10.244.0.0/16","Backend":{{"Type":"vxlan","Port":{backend_port}}}}}"#
            );
            case.snapshot.configs[0] = config("kube-flannel", &net);
            case.snapshot.pods[0].host_ports = vec![host_port];
            case.snapshot.nodes[1].kernel = kernel.into();
        })
    };
    let port = |encryption, overlay, host, source| {
        levels(&case(encryption, overlay, host, source, "1.19.6", "6.8.0"), "PORT-003")
    };
    let (wireguard, ipsec) = (Some(Encryption::Wireguard), Some(Encryption::Ipsec));
    assert_eq!(port(wireguard, 8473, 8080, 8472), [Level::Ok]);
    assert_eq!(port(wireguard, 8473, 8080, 51871), [Level::Blocker], "the source's overlay");
    assert_eq!(port(wireguard, 51871, 8080, 8472), [Level::Blocker], "Cilium's own overlay");
    assert_eq!(port(wireguard, 8473, 51871, 8472), [Level::Blocker], "a pod");
    assert_eq!(port(wireguard, 51871, 51871, 51871), [Level::Blocker; 3]);
    assert_eq!(port(ipsec, 8473, 51871, 51871), [Level::Ok]);
    assert_eq!(port(None, 8473, 51871, 51871), [Level::Ok]);
    assert_eq!(
        levels(&case(None, 8473, 51871, 8472, "1.19.6", "6.8.0"), "PORT-002"),
        [Level::Ok],
        "nobody wants WireGuard"
    );

    let kernel = |encryption, version, kernel| {
        let case = case(encryption, 8473, 8080, 8472, version, kernel);
        ["KERNEL-001", "KERNEL-002"].map(|id| levels(&case, id)[0])
    };
    assert_eq!(kernel(wireguard, "1.16.19", "5.6.0"), [Level::Ok, Level::Ok]);
    assert_eq!(kernel(wireguard, "1.17.18", "5.4.0-150-generic"), [Level::Ok, Level::Warning]);
    assert_eq!(kernel(None, "1.17.18", "5.4.0-150-generic"), [Level::Ok, Level::Ok]);
    assert_eq!(kernel(wireguard, "1.19.6", "4.18.0-553.el8_10.x86_64"), [Level::Ok, Level::Warning]);
}
