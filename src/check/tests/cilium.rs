//! Checks on what there is of Cilium, of kube-proxy and of other programs around the CNI.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::super::Level;
use super::super::fixtures::{Case, daemon_set, map};
use super::broken::{kube_proxy_config, node_config};
use super::{check, levels, release, with};
use crate::model::{CiliumNode, Selector, Taint};

fn traces(ours: bool) -> Case {
    with(|case| {
        case.ours = ours;
        case.snapshot.release = release("deployed");
        case.snapshot.cilium.crds = vec!["ciliumnodes.cilium.io".to_owned()];
        case.snapshot.cilium.nodes = vec![CiliumNode {
            name: "node-0".into(),
            pod_cidrs: vec!["10.245.0.0/24".parse().unwrap()],
            internal_ips: Vec::new(),
            error: None,
        }];
        let taint = Taint { key: "node.cilium.io/agent-not-ready".into(), effect: "NoSchedule".into() };
        case.snapshot.nodes[0].taints.push(taint);
    })
}

#[test]
fn leftovers_of_others_and_of_our_own_migration() {
    for (id, of_others) in
        [("LEFT-001", Level::Blocker), ("LEFT-002", Level::Warning), ("LEFT-003", Level::Warning)]
    {
        assert_eq!(levels(&traces(false), id), [of_others], "{id}");
        assert_eq!(levels(&traces(true), id), [Level::Ok], "{id}");
    }
    let failed = with(|case| {
        case.ours = true;
        case.snapshot.release = release("failed");
    });
    assert_eq!(levels(&failed, "LEFT-001"), [Level::Blocker]);
}

#[test]
fn agents_of_a_release_are_known() {
    let case = with(|case| {
        let mut agents = daemon_set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.6");
        agents.helm_release = Some("cilium".into());
        case.snapshot.daemon_sets.push(agents);
    });
    assert_eq!(levels(&case, "LEFT-004"), [Level::Ok]);
}

#[test]
fn a_stored_old_version_stops_only_the_release_that_dropped_it() {
    let stored = |version: &str| {
        with(|case| {
            case.intent.cilium_version = version.to_owned();
            case.snapshot.cilium.node_config_stored = vec!["v2alpha1".to_owned()];
        })
    };
    assert_eq!(levels(&stored("1.20.1"), "CNC-001"), [Level::Ok]);
    assert_eq!(levels(&stored("1.19.6"), "CNC-001"), [Level::Ok]);
    assert_eq!(levels(&stored("v1.20.0"), "CNC-001"), [Level::Blocker]);
}

#[test]
fn overrides_are_allowed_blocked_or_not_read_at_all() {
    let args = |args: &[&str]| {
        with(|case| {
            let mut agents = daemon_set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.6");
            agents.args = args.iter().map(|arg| (*arg).into()).collect();
            case.snapshot.daemon_sets.push(agents);
        })
    };
    let every =
        "--allow-config-keys=write-cni-conf-when-ready,custom-cni-conf,cni-chaining-mode,cni-exclusive";
    assert_eq!(levels(&args(&[every]), "CNC-002"), [Level::Ok]);
    assert_eq!(
        levels(&args(&[every, "--deny-config-keys=cni-exclusive"]), "CNC-002"),
        [Level::Ok],
        "allowed wins"
    );
    assert_eq!(levels(&args(&["--allow-config-keys=debug"]), "CNC-002"), [Level::Blocker]);
    assert_eq!(levels(&args(&["--deny-config-keys=debug"]), "CNC-002"), [Level::Ok]);
    assert_eq!(levels(&args(&["--source=config-map:cilium-config"]), "CNC-002"), [Level::Blocker]);
    let values = with(|case| {
        case.snapshot.release = release("deployed");
        if let crate::model::Read::Known(Some(release)) = &mut case.snapshot.release {
            release.values = serde_json::json!({"daemon": {"allowedConfigOverrides": "none"}});
        }
    });
    assert_eq!(levels(&values, "CNC-002"), [Level::Blocker]);
}

#[test]
fn other_node_configs_count_by_what_they_select_and_set() {
    let others = |change: fn(&mut crate::model::CiliumNodeConfig), option: &str| {
        let mut config = node_config("gpu", option);
        change(&mut config);
        levels(&with(|case| case.snapshot.cilium.node_configs.push(config)), "CNC-003")
    };
    assert_eq!(others(|_| (), "cni-exclusive"), [Level::Blocker]);
    assert_eq!(others(|_| (), "mtu"), [Level::Warning]);
    assert_eq!(
        others(|config| config.selector = None, "mtu"),
        [Level::Ok],
        "an absent selector selects nothing"
    );
    assert_eq!(
        others(|config| config.namespace = "other".into(), "mtu"),
        [Level::Ok],
        "agents do not read it"
    );
    assert_eq!(others(|config| config.name = "cilium-default".into(), "cni-exclusive"), [Level::Ok]);
    let gpu = |config: &mut crate::model::CiliumNodeConfig| {
        config.selector = Some(Selector { labels: map(&[("gpu", "true")]), expressions: Vec::new() });
    };
    assert_eq!(others(gpu, "mtu"), [Level::Ok], "no node has that label");
}

#[test]
fn kube_proxy_may_run_inside_of_the_distribution() {
    let case = with(|case| {
        case.snapshot.pods.retain(|pod| !pod.host_network);
        case.snapshot.nodes[0].kubelet_version = "v1.34.1+k3s1".into();
    });
    assert_eq!(levels(&case, "KPROXY-001"), [Level::Ok]);
}

#[test]
fn cluster_cidrs_of_kube_proxy() {
    let line =
        |line: &str| levels(&with(|case| case.snapshot.configs.push(kube_proxy_config(line))), "KPROXY-002");
    assert_eq!(line("clusterCIDR: 10.240.0.0/12"), [Level::Ok], "covers both networks");
    assert_eq!(line("clusterCIDR: \"\""), [Level::Ok]);
    assert_eq!(line("clusterCIDR: \"10.244.0.0/16,10.245.0.0/16\""), [Level::Ok]);
    assert_eq!(line("clusterCIDR: 10.244.0.0/16"), [Level::Info]);
}

#[test]
fn only_the_namespaces_of_privileged_pods_must_admit_them() {
    let namespace = |name: &str, level: Option<&str>| {
        with(|case| {
            let pod_security = level.map(Into::into);
            case.snapshot.namespaces.push(crate::model::Namespace { name: name.into(), pod_security });
        })
    };
    assert_eq!(levels(&namespace("shop", Some("restricted")), "PSA-001"), [Level::Ok]);
    assert_eq!(levels(&namespace("kube-system", Some("privileged")), "PSA-001"), [Level::Ok]);
    assert_eq!(levels(&namespace("kube-system", None), "PSA-001"), [Level::Ok]);
    let elsewhere = with(|case| {
        case.intent.namespace = "cilium".to_owned();
        let restricted =
            crate::model::Namespace { name: "cilium".into(), pod_security: Some("restricted".into()) };
        case.snapshot.namespaces.push(restricted);
    });
    assert_eq!(elsewhere.run(check("PSA-001"))[0].message, "refuses privileged pods: cilium (restricted)");
}
