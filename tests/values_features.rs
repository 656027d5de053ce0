//! What flags ask for: the values of each phase, by whom they are asked for, and what is refused when.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod values_support;

use cni_migrate::model::{Encryption, Features};
use cni_migrate::target::{Distribution, NodeConfig};
use cni_migrate::values::{Detected, Origin, Overlay, Phase, generate, not_yet};
use serde_json::{Value, json};
use values_support::{VERSIONS, flannel, intent};

fn encryption(kind: Encryption) -> Features {
    Features { encryption: Some(kind), ..Features::default() }
}

fn kpr() -> Features {
    Features { kube_proxy_replacement: true, ..Features::default() }
}

fn tree(phase: Phase, detected: &Detected, features: &Features, user: &[Overlay]) -> Value {
    let intent = cni_migrate::model::Intent { features: features.clone(), ..intent("1.19.6") };
    generate(phase, detected, &intent, user).unwrap().tree
}

fn refusal(phase: Phase, detected: &Detected, features: &Features, set: &str) -> String {
    let intent = cni_migrate::model::Intent { features: features.clone(), ..intent("1.19.6") };
    let user: Vec<_> = (!set.is_empty()).then(|| Overlay::set(set)).into_iter().collect();
    generate(phase, detected, &intent, &user).unwrap_err().message
}

#[test]
fn every_feature_begins_with_the_final_values_and_names_its_flag() {
    let features =
        Features { encryption: Some(Encryption::Wireguard), kube_proxy_replacement: true, hubble: true };
    let wanted = cni_migrate::model::Intent { features, ..intent("1.18.12") };
    let user = [Overlay::set("k8sServiceHost=10.0.0.1,k8sServicePort=6443")];
    let first = generate(Phase::Migration, &flannel(), &wanted, &user).unwrap();
    assert_eq!(first.tree["encryption"], json!({"enabled": false}));
    assert_eq!(first.tree["kubeProxyReplacement"], "false");
    assert_eq!(first.tree.get("hubble"), None);
    let last = generate(Phase::Final, &flannel(), &wanted, &user).unwrap();
    for (path, flag) in [
        ("encryption.enabled", "--encryption wireguard"),
        ("encryption.type", "--encryption wireguard"),
        ("kubeProxyReplacement", "--kube-proxy-replacement"),
        ("hubble.relay.enabled", "--hubble"),
        ("hubble.ui.enabled", "--hubble"),
        ("k8sServiceHost", "--set"),
    ] {
        assert_eq!(last.provenance[path], Origin::User { from: flag.to_owned() }, "{path}");
    }
}

#[test]
fn encryption_waits_until_no_pod_is_left_on_the_old_network() {
    for features in [encryption(Encryption::Ipsec), Features::default()] {
        let text = refusal(Phase::Migration, &flannel(), &features, "encryption.enabled=true");
        assert!(text.contains("pods of the old CNI do not take part"), "{text}");
    }
    let text = refusal(Phase::Final, &flannel(), &encryption(Encryption::Ipsec), "encryption.type=wireguard");
    assert!(text.contains("needs \"ipsec\": --encryption ipsec"), "{text}");
}

#[test]
fn wireguard_needs_its_port() {
    let taken = Detected { backend: "vxlan".to_owned(), overlay_port: Some(51871), ..flannel() };
    for phase in [Phase::Migration, Phase::Final] {
        let text = refusal(phase, &taken, &encryption(Encryption::Wireguard), "");
        assert!(text.contains("UDP port 51871, which flannel vxlan uses on every node"), "{phase:?}: {text}");
    }
    tree(Phase::Final, &taken, &encryption(Encryption::Ipsec), &[]);
    // Flannel's own WireGuard has another port.
    let flannel_wireguard =
        Detected { backend: "wireguard".to_owned(), overlay_port: Some(51820), ..flannel() };
    tree(Phase::Final, &flannel_wireguard, &encryption(Encryption::Wireguard), &[]);
}

#[test]
fn without_kube_proxy_agents_need_the_address_of_the_api_server() {
    for phase in [Phase::Migration, Phase::Final] {
        let text = refusal(phase, &flannel(), &kpr(), "");
        assert!(text.contains("--set k8sServiceHost=HOST,k8sServicePort=6443"), "{phase:?}: {text}");
        let talos = Detected { distribution: Distribution::Talos, ..flannel() };
        assert_eq!(tree(phase, &talos, &kpr(), &[])["k8sServiceHost"], "localhost");
    }
    let text = refusal(Phase::Final, &flannel(), &Features::default(), "kubeProxyReplacement=true");
    assert!(text.starts_with("k8sServiceHost is missing"), "{text}");
}

#[test]
fn two_service_proxies_are_not_rolled_out() {
    let host = [Overlay::set("k8sServiceHost=10.0.0.1")];
    let values = tree(Phase::Final, &flannel(), &kpr(), &host);
    let refusal = not_yet(Phase::Final, &flannel(), &values).unwrap();
    assert!(refusal.message.contains("kube-proxy still runs"), "{refusal}");
    let gone = Detected { kube_proxy: false, ..flannel() };
    assert!(not_yet(Phase::Final, &gone, &values).is_none());
    let kept = tree(Phase::Final, &flannel(), &Features::default(), &[]);
    assert!(not_yet(Phase::Final, &flannel(), &kept).is_none());
}

#[test]
fn retired_values_are_refused_by_minor_with_what_is_said_instead() {
    let cases = [
        ("1.16.19", "tunnel=vxlan", Some("give routingMode and tunnelProtocol")),
        ("1.20.0", "ipam.operator.clusterPoolIPv4PodCIDR=10.9.0.0/16", Some("give --target-pod-cidr")),
        ("1.17.18", "hostPort.enabled=true", None),
        ("1.18.12", "hostPort.enabled=true", Some("cni.chainingMode=portmap")),
        ("1.19.6", "encryption.ipsec.encryptedOverlay=true", None),
        ("1.20.0", "encryption.ipsec.encryptedOverlay=true", Some("leave it out")),
    ];
    for (version, set, expected) in cases {
        let result = generate(Phase::Migration, &flannel(), &intent(version), &[Overlay::set(set)]);
        let message = result.err().map(|error| error.message);
        match expected {
            Some(advice) => assert!(message.unwrap().contains(advice), "{version} {set}"),
            None => assert_eq!(message, None, "{version} {set}"),
        }
    }
}

#[test]
fn agents_before_1_19_are_told_the_nodes_links_since_they_cannot_exclude_any() {
    for version in VERSIONS {
        let values = generate(Phase::Migration, &flannel(), &intent(version), &[]).unwrap().tree;
        let excludes = ["1.19", "1.20"].iter().any(|minor| version.starts_with(minor));
        assert_eq!(values["devices"][0], if excludes { "!flannel+" } else { "eth+" }, "{version}");
        assert_eq!(values.get("forceDeviceDetection").is_some(), excludes, "{version}");
    }
}

#[test]
fn other_cnis_keep_their_files() {
    let detected = Detected { other_cnis: vec!["Multus".to_owned()], ..flannel() };
    for phase in [Phase::Migration, Phase::Final] {
        let values = generate(phase, &detected, &intent("1.19.6"), &[]).unwrap();
        assert_eq!(values.tree["cni"]["exclusive"], false);
        assert!(
            matches!(&values.provenance["cni.exclusive"], Origin::Detected { from } if from.contains("Multus"))
        );
        let node_config = NodeConfig::for_values("kube-system", &values.tree);
        assert_eq!(node_config.defaults["cni-exclusive"], "false");
    }
}

#[test]
fn a_kube_proxy_inside_the_distribution_serves_host_ports_by_portmap_too() {
    let k3s = Detected { distribution: Distribution::K3s, kube_proxy: false, host_ports: true, ..flannel() };
    assert_eq!(tree(Phase::Final, &k3s, &Features::default(), &[])["cni"]["chainingMode"], "portmap");
}
