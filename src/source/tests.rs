//! Detection, parameters and inventory over the layouts that Flannel has had, and over clusters that contradict.

use super::{
    Detection, EvidenceKind, Leftover, NodeFacts, Parameters, SOURCES, detect, lives_in_any_namespace, scan,
};
use crate::check::fixtures::{config, daemon_set, flannel, map, objects, pod};
use crate::model::{CiliumEndpoint, CiliumNode, Inventory, Snapshot};

fn with(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = flannel();
    change(&mut snapshot);
    snapshot
}

fn net(text: &str) -> Snapshot {
    with(|snapshot| snapshot.configs = vec![config("kube-flannel", text)])
}

fn parameters(snapshot: &Snapshot) -> Parameters {
    match detect(snapshot) {
        Detection::One { parameters, .. } => parameters,
        other => panic!("{other:?}"),
    }
}

fn problems(snapshot: &Snapshot) -> Vec<String> {
    match detect(snapshot) {
        Detection::Unreadable { problems, .. } => problems.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn claims(snapshot: &Snapshot) -> Vec<(String, String)> {
    match detect(snapshot) {
        Detection::Contradiction { claims } => {
            claims.into_iter().map(|c| (c.by, c.evidence.iter().map(ToString::to_string).collect())).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn inventory(snapshot: &Snapshot) -> Inventory {
    SOURCES[0].inventory(snapshot)
}

/// The layouts of research: namespace, DaemonSet, and how it is called.
fn layouts() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    vec![
        (
            "kube-system",
            "kube-flannel-ds-amd64",
            "quay.io/coreos/flannel:v0.12.0-amd64",
            "manifest up to v0.12",
        ),
        ("kube-system", "kube-flannel-ds", "quay.io/coreos/flannel:v0.14.0", "manifest of v0.13 to v0.18"),
        (
            "kube-flannel",
            "kube-flannel-ds",
            "docker.io/rancher/mirrored-flannelcni-flannel:v0.19.0",
            "manifest since v0.19",
        ),
        ("kube-system", "kube-flannel", "docker.io/flannel/flannel:v0.26.7", "Kubespray"),
        ("net", "kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.28.9", "DaemonSet net/kube-flannel-ds"),
    ]
}

fn layout(namespace: &str, name: &str, image: &str) -> Snapshot {
    with(|snapshot| {
        snapshot.daemon_sets = vec![daemon_set(namespace, name, image)];
        snapshot.configs[0].namespace = namespace.into();
        snapshot.objects = objects(namespace);
    })
}

#[test]
fn every_layout_is_one_source() {
    for (namespace, name, image, expected) in layouts() {
        let found = parameters(&layout(namespace, name, image));
        assert_eq!(found.layout, expected);
        assert_eq!(found.version.as_deref(), image.rsplit(':').next());
        assert_eq!(found.to_string(), "vxlan · 10.244.0.0/16 · udp 8472");
    }
    let talos = with(|snapshot| {
        *snapshot = layout("kube-system", "kube-flannel", "ghcr.io/siderolabs/flannel:v0.27.4");
        snapshot.nodes[0].os_image = "Talos (v1.11.2)".into();
        snapshot.configs[0] = config(
            "kube-system",
            r#"{"Network":"10.244.0.0/16","EnableNFTables":true,"Backend":{"Type":"vxlan","Port":4789}}"#,
        );
    });
    let found = parameters(&talos);
    assert_eq!((found.layout.as_str(), found.port, found.nftables), ("Talos", Some(4789), true));
}

#[test]
fn a_daemon_set_is_known_by_its_command_too() {
    let built = with(|snapshot| {
        snapshot.daemon_sets[0].images = vec!["registry.example/base:1".into()];
        snapshot.daemon_sets[0].args = vec!["/opt/bin/flanneld".into(), "--kube-subnet-mgr".into()];
    });
    assert_eq!(parameters(&built).version, None);
    let exporter = with(|snapshot| {
        let exporter = daemon_set("monitoring", "flannel-exporter", "example/flannel-exporter:1");
        snapshot.daemon_sets.push(exporter);
    });
    assert_eq!(inventory(&exporter).objects.iter().filter(|o| o.kind == "DaemonSet").count(), 1);
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
    assert_eq!(SOURCES[0].residue(&found).links, ["flannel.1", "flannel-v6.1"]);
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
fn one_kind_of_evidence_is_not_enough() {
    let annotated = with(|snapshot| {
        snapshot.daemon_sets.clear();
        snapshot.configs.clear();
    });
    match detect(&annotated) {
        Detection::None { seen } => {
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].evidence[0].kind, EvidenceKind::NodeAnnotation);
            assert_eq!(
                seen[0].evidence[0].to_string(),
                "3 of 3 nodes have annotations flannel.alpha.coreos.com/*"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_nothing() {
    let empty = Snapshot::empty(flannel().cluster);
    assert!(matches!(detect(&empty), Detection::None { seen } if seen.is_empty()));
}

#[test]
fn a_cluster_after_its_clean_up_has_no_source() {
    let clean = with(|snapshot| {
        snapshot.daemon_sets = vec![daemon_set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.6")];
        snapshot.configs.clear();
        snapshot.objects.clear();
        for node in &mut snapshot.nodes {
            node.annotations = map(&[]);
        }
    });
    assert!(matches!(detect(&clean), Detection::None { seen } if seen[0].by == "Cilium"));
}

#[test]
fn missing_parts_are_problems() {
    let no_config = with(|snapshot| snapshot.configs.clear());
    assert!(problems(&no_config)[0].starts_with("ConfigMap kube-flannel/kube-flannel-cfg: was not found"));
    let no_daemon = with(|snapshot| snapshot.daemon_sets.clear());
    assert!(problems(&no_daemon)[0].starts_with("DaemonSet kube-flannel-ds: was not found"));
    let k3s = with(|snapshot| {
        snapshot.daemon_sets.clear();
        snapshot.nodes[0].kubelet_version = "v1.35.1+k3s1".into();
    });
    assert!(problems(&k3s)[0].contains("k3s runs Flannel inside its own process"));
    let upgraded = with(|snapshot| {
        snapshot.daemon_sets.push(daemon_set(
            "kube-system",
            "kube-flannel-ds",
            "quay.io/coreos/flannel:v0.14.0",
        ));
    });
    assert!(problems(&upgraded)[0].contains("kube-flannel and kube-system"));
}

#[test]
fn other_cnis_beside_flannel_contradict() {
    let others = [
        ("calico-node", "quay.io/calico/node:v3.32.1", "Calico"),
        ("mesh", "docker.io/rancher/mirrored-calico/node:v3.30.0", "Calico"),
        ("canal", "docker.io/calico/node:v3.32.1", "Canal"),
        ("rke2-canal", "rancher/hardened-calico:v3", "Canal"),
        ("kube-router", "cloudnativelabs/kube-router:v2", "kube-router"),
        ("weave-net", "weaveworks/weave-kube:2.8", "Weave Net"),
        ("antrea-agent", "antrea/antrea-agent-ubuntu:v2", "Antrea"),
        ("aws-node", "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1", "AWS VPC CNI"),
        ("kindnet", "docker.io/kindest/kindnetd:v2025", "kindnet"),
    ];
    for (name, image, expected) in others {
        let both = with(|snapshot| snapshot.daemon_sets.push(daemon_set("kube-system", name, image)));
        let claims = claims(&both);
        assert_eq!(claims.iter().map(|(by, _)| by.as_str()).collect::<Vec<_>>(), ["flannel", expected]);
        assert!(claims[1].1.contains(&format!("DaemonSet kube-system/{name}")), "{claims:?}");
    }
}

#[test]
fn canal_alone_is_not_flannel() {
    let canal = with(|snapshot| {
        let mut canal = daemon_set("kube-system", "canal", "docker.io/calico/node:v3.32.1");
        canal.images.push("docker.io/flannel/flannel:v0.24.4".into());
        canal.args.push("/opt/bin/flanneld".into());
        snapshot.daemon_sets = vec![canal];
        snapshot.configs.clear();
    });
    assert!(matches!(detect(&canal), Detection::None { seen } if seen[0].by == "Canal"));
}

#[test]
fn strange_addresses_contradict_and_ciliums_do_not() {
    let strange = with(|snapshot| snapshot.pods[0].ips = vec!["172.16.0.9".parse().unwrap()]);
    let found = claims(&strange);
    assert_eq!(found[1].0, "another pod network");
    assert!(found[1].1.contains("shop/web-0 (172.16.0.9)"), "{found:?}");
    let host = with(|snapshot| {
        snapshot.pods[0].ips = vec!["192.168.1.0".parse().unwrap()];
        snapshot.pods[0].host_network = true;
    });
    assert!(detect(&host).one().is_some());
    let migrating = with(|snapshot| {
        snapshot.daemon_sets.push(daemon_set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.6"));
        snapshot.pods[0].ips = vec!["10.245.0.9".parse().unwrap()];
        snapshot.pods[1].ips = vec!["10.250.7.1".parse().unwrap()];
        snapshot.pods.push(pod("shop", "new", 1));
        snapshot.cilium.nodes = vec![CiliumNode {
            name: "node-0".into(),
            pod_cidrs: vec!["10.245.0.0/24".parse().unwrap()],
            internal_ips: Vec::new(),
            error: None,
        }];
        snapshot.cilium.endpoints = vec![CiliumEndpoint {
            namespace: "shop".into(),
            name: "web-1".into(),
            pod_uid: None,
            ips: vec!["10.250.7.1".parse().unwrap()],
            state: "ready".into(),
        }];
    });
    assert!(detect(&migrating).one().is_some());
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

#[test]
fn the_residue_follows_the_parameters() {
    let residue = |backend: &str| {
        let snapshot = net(&format!(r#"{{"Network":"10.244.0.0/16","Backend":{backend}}}"#));
        SOURCES[0].residue(&parameters(&snapshot))
    };
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
    let residue = SOURCES[0].residue(&parameters(&flannel()));
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
