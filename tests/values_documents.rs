//! Published runbooks by hand, as data: what they set comes out of the tool the same in meaning.
//!
//! Each document is named by its title. What it sets under names of older charts is compared under today's, with the line
//! that says so; only facts are taken over.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod values_support;

use cni_migrate::model::{Encryption, Features, Intent, MIGRATION_LABEL};
use cni_migrate::target::{NodeConfig, Target, expected_agent_config, expected_operator_config, ipsec_key};
use cni_migrate::values::{Detected, Overlay, Phase, diff, generate, not_yet};
use serde_json::{Value, json};
use values_support::{VERSIONS, flannel, intent};

fn tree(phase: Phase, version: &str, detected: &Detected, features: &Features, user: &[Overlay]) -> Value {
    let wanted = Intent { features: features.clone(), ..intent(version) };
    generate(phase, detected, &wanted, user).unwrap().tree
}

/// Fails for every value of the document that the tool sets otherwise, or leaves to the chart's default.
fn holds(document: &str, published: &Value, generated: &Value) {
    let others: Vec<_> = diff(published, generated).into_iter().filter(|row| row.from.is_some()).collect();
    assert_eq!(others, [], "{document}");
}

/// "Tutorial: How to Migrate to Cilium (Part 1)", Isovalent, 2023, for Cilium 1.13 on kind with Flannel: its
/// `values-migration.yaml`, its CiliumNodeConfig and the three parameters that it changes at the end.
mod isovalent_tutorial {
    use super::*;

    fn published() -> Value {
        json!({
            "operator": {"unmanagedPodWatcher": {"restart": false}},
            // `tunnel: vxlan` until 1.14.
            "routingMode": "tunnel",
            "tunnelProtocol": "vxlan",
            "tunnelPort": 8473,
            "cni": {"customConf": true, "uninstall": false},
            // `clusterPoolIPv4PodCIDR` until 1.13.
            "ipam": {"mode": "cluster-pool", "operator": {"clusterPoolIPv4PodCIDRList": ["10.245.0.0/16"]}},
            "policyEnforcementMode": "never",
            "bpf": {"hostLegacyRouting": true},
        })
    }

    #[test]
    fn the_migration_has_its_values_in_every_minor() {
        for version in VERSIONS {
            let generated = tree(Phase::Migration, version, &flannel(), &Features::default(), &[]);
            holds(version, &published(), &generated);
        }
    }

    #[test]
    fn the_end_changes_its_three_parameters_and_one_of_ours() {
        for version in VERSIONS {
            let [first, last] = [Phase::Migration, Phase::Final]
                .map(|phase| tree(phase, version, &flannel(), &Features::default(), &[]));
            let rows = diff(&first, &last).into_iter().map(|row| (row.key, row.to.unwrap()));
            let wanted = [
                ("cni.customConf", json!(false)),
                // Not in the tutorial: while two CNIs run, nodes whose agent is not ready must take pods.
                ("operator.setNodeTaints", json!(true)),
                ("operator.unmanagedPodWatcher.restart", json!(true)),
                ("policyEnforcementMode", json!("default")),
            ];
            assert_eq!(rows.collect::<Vec<_>>(), wanted.map(|(key, to)| (key.to_owned(), to)), "{version}");
        }
    }

    #[test]
    fn nodes_switch_by_its_label_and_its_options() {
        let values = tree(Phase::Migration, "1.19.6", &flannel(), &Features::default(), &[]);
        let manifest = NodeConfig::for_values("kube-system", &values).manifest("cilium.io/v2");
        let spec = json!({
            "nodeSelector": {"matchLabels": {"io.cilium.migration/cilium-default": "true"}},
            "defaults": {
                "write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
                "custom-cni-conf": "false",
                "cni-chaining-mode": "none",
                "cni-exclusive": "true",
            },
        });
        assert_eq!(manifest["spec"], spec);
    }
}

/// "CNI Switch Kubespray cluster to Cilium at Dectris", Adfinis, 2023, and its talk "Switch CNI to Cilium - Our journey":
/// Flannel to Cilium with IPsec between nodes and Hubble; online by Multus and a label for the nodes that have Cilium.
mod adfinis {
    use super::*;

    #[test]
    fn encryption_and_hubble_are_there_in_the_end_and_not_before() {
        for (kind, name) in [(Encryption::Ipsec, "ipsec"), (Encryption::Wireguard, "wireguard")] {
            let features = Features { encryption: Some(kind), hubble: true, ..Features::default() };
            let published = json!({
                "encryption": {"enabled": true, "type": name},
                "hubble": {"enabled": true, "relay": {"enabled": true}, "ui": {"enabled": true}},
            });
            for version in VERSIONS {
                let last = tree(Phase::Final, version, &flannel(), &features, &[]);
                holds(version, &published, &last);
                let option =
                    (if name == "ipsec" { "enable-ipsec" } else { "enable-wireguard" }, "true".to_owned());
                assert!(expected_agent_config(&last).contains(&option), "{version}");
                let first = tree(Phase::Migration, version, &flannel(), &features, &[]);
                assert!(!expected_agent_config(&first).contains(&option), "{version}");
            }
        }
    }

    #[test]
    fn the_key_has_the_form_that_every_minor_reads() {
        let key = ipsec_key(&[0xab; 20]);
        let parts: Vec<_> = key.split(' ').collect();
        assert_eq!(parts[..2], ["3+", "rfc4106(gcm(aes))"], "keys of node pairs are derived, as 1.17 wants");
        assert_eq!((parts[2].len(), parts[3]), (40, "128"));
    }

    #[test]
    fn multus_keeps_its_file_and_its_directories() {
        let beside_multus = Detected { other_cnis: vec!["Multus".to_owned()], ..flannel() };
        for version in VERSIONS {
            for phase in [Phase::Migration, Phase::Final] {
                let values = tree(phase, version, &beside_multus, &Features::default(), &[]);
                assert_eq!(values["cni"]["exclusive"], false, "{version}");
                // Multus hands on to what lies in the same two directories: the chart's defaults.
                assert_eq!((values.pointer("/cni/confPath"), values.pointer("/cni/binPath")), (None, None));
                let defaults = NodeConfig::for_values("kube-system", &values).defaults;
                assert_eq!(defaults["cni-exclusive"], "false");
                assert_eq!(defaults["write-cni-conf-when-ready"], "/host/etc/cni/net.d/05-cilium.conflist");
            }
        }
    }

    #[test]
    fn only_labelled_nodes_have_cilium() {
        // The document selects nodes for the DaemonSet; here agents run everywhere and the label decides about pods.
        let values = tree(Phase::Migration, "1.19.6", &flannel(), &Features::default(), &[]);
        assert_eq!(values.get("nodeSelector"), None);
        let manifest = NodeConfig::for_values("kube-system", &values).manifest("cilium.io/v2");
        assert_eq!(manifest["spec"]["nodeSelector"]["matchLabels"][MIGRATION_LABEL], "true");
    }
}

/// "Manual CNI Migration", Kubermatic: Canal to Cilium, kube-proxy kept (iptables, ipvs) or replaced (ebpf) in a step of
/// its own after the migration.
mod kubermatic {
    use super::*;

    #[test]
    fn kube_proxy_is_kept_unless_it_is_asked_away() {
        for version in VERSIONS {
            for phase in [Phase::Migration, Phase::Final] {
                let values = tree(phase, version, &flannel(), &Features::default(), &[]);
                holds(version, &json!({"kubeProxyReplacement": "false"}), &values);
            }
        }
    }

    #[test]
    fn kube_proxy_is_replaced_at_the_end_and_not_beside_itself() {
        let features = Features { kube_proxy_replacement: true, ..Features::default() };
        let address = [Overlay::set("k8sServiceHost=192.0.2.10,k8sServicePort=6443")];
        for version in VERSIONS {
            let first = tree(Phase::Migration, version, &flannel(), &features, &address);
            assert_eq!(first["kubeProxyReplacement"], "false");
            let last = tree(Phase::Final, version, &flannel(), &features, &address);
            holds(version, &json!({"kubeProxyReplacement": "true", "k8sServiceHost": "192.0.2.10"}), &last);
            assert!(not_yet(Phase::Final, &flannel(), &last).is_some());
            let gone = Detected { kube_proxy: false, ..flannel() };
            assert!(not_yet(Phase::Final, &gone, &last).is_none());
        }
    }
}

/// "Migrating CNI plugins of a running cluster" (Calico to Cilium, Canal on kind): `fromNode` and `toNode` of
/// CiliumClusterwideNetworkPolicies need `nodeSelectorLabels`, and a restart of agents and operator.
mod node_selectors {
    use super::*;

    #[test]
    fn both_readers_of_the_option_are_proven() {
        let user = [Overlay::set("nodeSelectorLabels=true")];
        let wanted = ("enable-node-selector-labels", "true".to_owned());
        for version in VERSIONS {
            let values = tree(Phase::Final, version, &flannel(), &Features::default(), &user);
            let dialect = Target::of(version).unwrap().dialect;
            assert!(expected_agent_config(&values).contains(&wanted), "{version}");
            assert!(expected_operator_config(&values, dialect).contains(&wanted), "{version}");
        }
    }

    #[test]
    fn the_effect_says_who_restarts() {
        let [before, after] = [&[][..], &[Overlay::set("nodeSelectorLabels=true")]]
            .map(|user| tree(Phase::Final, "1.19.6", &flannel(), &Features::default(), user));
        let rows = diff(&before, &after);
        assert_eq!(rows.len(), 1);
        assert!(rows[0].effect.contains("agents and operator must restart"), "{}", rows[0].effect);
    }

    #[test]
    fn which_labels_make_identities_is_the_users_to_say() {
        let user = [Overlay::set_string("labels=k8s:app k8s:io\\.kubernetes\\.pod\\.namespace")];
        let values = tree(Phase::Final, "1.20.0", &flannel(), &Features::default(), &user);
        assert_eq!(values["labels"], "k8s:app k8s:io.kubernetes.pod.namespace");
    }
}
