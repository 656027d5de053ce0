//! Detection over the layouts that Flannel has had, and over clusters that contradict.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::{Detection, EvidenceKind, Parameters, SOURCES, detect};
use crate::check::fixtures::{config, daemon_set, flannel, map, objects, pod};
use crate::model::{CiliumEndpoint, CiliumNode, Inventory, Snapshot};

pub(super) fn with(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = flannel();
    change(&mut snapshot);
    snapshot
}

pub(super) fn parameters(snapshot: &Snapshot) -> Parameters {
    match detect(snapshot) {
        Detection::One { parameters, .. } => parameters,
        other => panic!("{other:?}"),
    }
}

pub(super) fn problems(snapshot: &Snapshot) -> Vec<String> {
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

pub(super) fn inventory(snapshot: &Snapshot) -> Inventory {
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

pub(super) fn layout(namespace: &str, name: &str, image: &str) -> Snapshot {
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
                "3 of 3 nodes with annotations flannel.alpha.coreos.com/*"
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
