//! Values for a Flannel cluster: what is generated, how the user's part is merged, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod values_support;

use cni_migrate::exit;
use cni_migrate::model::{Intent, OverlayPort};
use cni_migrate::target::{Distribution, NodeConfig};
use cni_migrate::values::{Detected, Origin, Overlay, Phase, diff, generate};
use cni_migrate::yaml;
use serde_json::{Value, json};
use values_support::{flannel, intent};

fn tree(phase: Phase, user: &[Overlay]) -> Value {
    generate(phase, &flannel(), &intent("1.19.6"), user).unwrap().tree
}

/// The refusal's message and hints in one text.
fn refusal(phase: Phase, detected: &Detected, intent: &Intent, user: &[Overlay]) -> String {
    let error = generate(phase, detected, intent, user).unwrap_err();
    let text = format!("{}\n{}", error.message, error.hints.join("\n"));
    assert_eq!(exit::code(&Err(error)), exit::NO, "{text}");
    text
}

#[test]
fn flannel_vxlan() {
    for version in ["1.16.19", "1.19.6", "1.20.0"] {
        for phase in [Phase::Migration, Phase::Final] {
            let values = generate(phase, &flannel(), &intent(version), &[]).unwrap();
            let text = values.to_yaml().unwrap();
            assert_eq!(yaml::read(&text).unwrap(), values.tree);
            insta::assert_snapshot!(format!("{version}_{phase:?}").to_lowercase(), text);
        }
    }
}

#[test]
fn every_key_of_the_published_runbook_is_there() {
    // The values of Cilium's blog "Migrating from Flannel", with `tunnel` under its names since 1.15.
    let published = json!({
        "operator": {"unmanagedPodWatcher": {"restart": false}},
        "routingMode": "tunnel",
        "tunnelProtocol": "vxlan",
        "tunnelPort": 8473,
        "cni": {"customConf": true, "uninstall": false},
        "ipam": {"mode": "cluster-pool", "operator": {"clusterPoolIPv4PodCIDRList": ["10.245.0.0/16"]}},
        "policyEnforcementMode": "never",
        "bpf": {"hostLegacyRouting": true},
    });
    let generated = tree(Phase::Migration, &[]);
    let differing: Vec<_> =
        diff(&published, &generated).into_iter().filter(|row| row.from.is_some()).collect();
    assert_eq!(differing, []);
}

#[test]
fn the_phases_differ_in_what_the_guide_changes() {
    let rows: Vec<_> = diff(&tree(Phase::Migration, &[]), &tree(Phase::Final, &[]))
        .into_iter()
        .map(|row| format!("{}: {} -> {}  {}", row.key, row.from.unwrap(), row.to.unwrap(), row.effect))
        .collect();
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn the_users_values_win_and_are_booked_on_them() {
    let file = "hubble: {relay: {enabled: true}}\noperator: {replicas: 1}\ndevices: [eth0]\n";
    let user = [
        Overlay::set_string("cluster.name=blue"),
        Overlay::set("operator.replicas=3,image.pullPolicy=Always,MTU=null"),
        Overlay::file("site.yaml", file).unwrap(),
    ];
    let values = generate(Phase::Migration, &flannel(), &intent("1.20.0"), &user).unwrap();
    assert_eq!(values.tree["operator"]["replicas"], 3, "--set comes after files");
    assert_eq!(values.tree["operator"]["setNodeTaints"], false, "maps are merged");
    assert_eq!(values.tree["devices"], json!(["eth0"]), "lists are replaced");
    assert_eq!(values.tree["MTU"], Value::Null, "a null is for Helm to act on");
    let from = |path: &str| match &values.provenance[path] {
        Origin::User { from } => from.clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(from("hubble.relay.enabled"), "-f site.yaml");
    assert_eq!(from("operator.replicas"), "--set");
    assert_eq!(from("cluster.name"), "--set-string");
    assert!(matches!(values.provenance["tunnelPort"], Origin::Required { .. }));
    let text = values.to_yaml().unwrap();
    assert!(text.contains("  # user: --set\n  replicas: 3\n"), "{text}");
    assert_eq!(values.to_json()["provenance"]["devices"], json!({"origin": "user", "from": "-f site.yaml"}));
}

#[test]
fn unsafe_values_are_refused_while_both_networks_run() {
    let cases = [
        ("kubeProxyReplacement=true", "two service proxies"),
        ("cni.customConf=false", "no node may switch before its label"),
        ("cni.customConf=null", "no node may switch before its label"),
        ("policyEnforcementMode=default", "has no identity and would be dropped"),
        ("operator.unmanagedPodWatcher.restart=true", "would delete pods"),
        ("operator.setNodeTaints=true", "whose agent is not ready"),
        ("routingMode=native", "tunnels of their own"),
        ("tunnelPort=8472", "UDP port 8472, which flannel vxlan uses on every node"),
        ("tunnelPort=0", "UDP port 8472"),
        ("ipam.operator.clusterPoolIPv4PodCIDRList={10.244.128.0/17}", "overlaps 10.244.0.0/16"),
        ("ipam.operator.clusterPoolIPv4PodCIDRList={10.9.0.0/16}", "pods on flannel have 10.244.0.0/16"),
        ("ipam.operator.clusterPoolIPv4PodCIDRList={ten}", "is not an address range"),
        ("daemon.configSources=config-map:kube-system/cilium-config", "would ignore the CiliumNodeConfig"),
        ("daemon.allowedConfigOverrides=none", "would ignore the CiliumNodeConfig"),
        ("daemon.blockedConfigOverrides=debug\\,cni-exclusive", "would ignore the CiliumNodeConfig"),
    ];
    for (expression, why) in cases {
        let text = refusal(Phase::Migration, &flannel(), &intent("1.19.6"), &[Overlay::set(expression)]);
        let key = expression.split('=').next().unwrap();
        assert!(text.contains(key) && text.contains(why), "{expression}: {text}");
    }
}

#[test]
fn what_the_chart_takes_for_the_same_is_not_refused() {
    for expression in ["kubeProxyReplacement=false", "policyEnforcementMode=Never", "tunnelPort=8473"] {
        tree(Phase::Migration, &[Overlay::set(expression)]);
    }
    tree(Phase::Migration, &[Overlay::set("daemon.blockedConfigOverrides=debug")]);
}

#[test]
fn the_final_phase_leaves_more_to_the_user() {
    for expression in [
        "kubeProxyReplacement=true,k8sServiceHost=10.0.0.1",
        "policyEnforcementMode=always",
        "bpf.hostLegacyRouting=false",
    ] {
        tree(Phase::Final, &[Overlay::set(expression)]);
    }
    let text = refusal(Phase::Final, &flannel(), &intent("1.19.6"), &[Overlay::set("tunnelPort=8475")]);
    assert!(text.contains("tunnelPort (--set) is 8475, this phase needs 8473"), "{text}");
}

#[test]
fn every_fault_is_named_at_once() {
    let user = [Overlay::set("cni.customConf=false,policyEnforcementMode=always")];
    let text = refusal(Phase::Migration, &flannel(), &intent("1.19.6"), &user);
    assert!(text.starts_with("2 values make this phase of the migration unsafe"), "{text}");
    assert!(text.contains("cni.customConf") && text.contains("policyEnforcementMode"), "{text}");
}

#[test]
fn a_plan_that_clashes_is_refused_whoever_made_it() {
    let mut same_port = intent("1.19.6");
    same_port.overlay = OverlayPort { protocol: "geneve".to_owned(), port: 8472 };
    assert!(refusal(Phase::Final, &flannel(), &same_port, &[]).contains("UDP port 8472"));

    let mut within = intent("1.19.6");
    within.pod_cidr = "10.0.0.0/8".parse().unwrap();
    assert!(
        refusal(Phase::Migration, &flannel(), &within, &[]).contains("10.0.0.0/8 overlaps 10.244.0.0/16")
    );

    let mut dual = flannel();
    dual.networks.push("fd00:10:244::/56".parse().unwrap());
    assert!(refusal(Phase::Migration, &dual, &intent("1.19.6"), &[]).contains("IPv6 is not supported"));
}

#[test]
fn host_ports_keep_working_with_kube_proxy() {
    for (host_ports, kube_proxy, expected) in
        [(true, true, "portmap"), (true, false, "none"), (false, true, "none")]
    {
        let detected = Detected { host_ports, kube_proxy, ..flannel() };
        for phase in [Phase::Migration, Phase::Final] {
            let values = generate(phase, &detected, &intent("1.19.6"), &[]).unwrap();
            let node_config = NodeConfig::for_values("kube-system", &values.tree);
            assert_eq!(node_config.defaults["cni-chaining-mode"], expected);
        }
    }
}

#[test]
fn the_cluster_shapes_the_values() {
    let detected = Detected {
        backend: "host-gw".to_owned(),
        overlay_port: None,
        mtu: Some(1400),
        schedulable_nodes: 1,
        distribution: Distribution::K3s,
        ..flannel()
    };
    let mut default_port = intent("1.20.0");
    default_port.overlay.port = 8472;
    let values = generate(Phase::Migration, &detected, &default_port, &[]).unwrap();
    assert_eq!(values.tree["operator"]["replicas"], 1);
    assert_eq!(values.tree["MTU"], 1400);
    assert_eq!(values.tree["tunnelPort"], 8472, "nothing else sends UDP");
    assert_eq!(values.tree["cni"]["confPath"], "/var/lib/rancher/k3s/agent/etc/cni/net.d");
    let from = Origin::Detected { from: "nodes run k3s".to_owned() };
    assert_eq!(values.provenance["cni.confPath"], from);
}

#[test]
fn comments_cannot_be_broken_out_of() {
    let detected = Detected { cluster_name: "a\nevil: true".to_owned(), ..flannel() };
    let values = generate(Phase::Migration, &detected, &intent("1.19.6"), &[]).unwrap();
    assert_eq!(yaml::read(&values.to_yaml().unwrap()).unwrap(), values.tree);
}

#[test]
fn another_minor_is_a_usage_error() {
    let error = generate(Phase::Migration, &flannel(), &intent("1.15.2"), &[]).unwrap_err();
    assert!(error.message.contains("1.15.2"));
    assert_eq!(exit::code(&Err(error)), exit::USAGE);
}
