//! Every check passes on a healthy cluster, fails on one that is broken in its way, and says so when it cannot know.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeSet;

use super::fixtures::{Case, config, daemon_set, map, owner, pod};
use super::{CHECKS, Check, Level, Phase, Severity};
use crate::model::{CiliumNode, Owner, Pod, Read, Release, Taint};

fn check(id: &str) -> &'static dyn Check {
    *CHECKS.iter().find(|check| check.id() == id).unwrap()
}

fn levels(case: &Case, id: &str) -> Vec<Level> {
    case.run(check(id)).into_iter().map(|finding| finding.result).collect()
}

fn with(change: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::healthy();
    change(&mut case);
    case
}

fn release(status: &str) -> Read<Option<Release>> {
    Read::Known(Some(Release {
        name: "cilium".to_owned(),
        namespace: "kube-system".to_owned(),
        revision: 2,
        status: status.to_owned(),
        chart: "cilium-1.18.0".to_owned(),
        values: serde_json::json!({}),
    }))
}

/// A healthy cluster, broken in the way that the check is for.
fn broken(id: &str) -> Case {
    with(|case| match id {
        "SOURCE-001" => {
            case.snapshot.daemon_sets.push(daemon_set("kube-system", "weave-net", "weave-kube:2.8"));
        }
        "CIDR-001" => case.intent.pod_cidr = "192.168.0.0/16".parse().unwrap(),
        "CIDR-002" => case.intent.pod_cidr = "10.244.128.0/17".parse().unwrap(),
        "CIDR-003" => case.intent.pod_cidr = "10.100.0.0/16".parse().unwrap(),
        "CIDR-004" => case.intent.mask_size = 17,
        "PORT-001" => case.intent.overlay.port = 8472,
        "KERNEL-001" => case.snapshot.nodes[1].kernel = "5.4.0-150-generic".into(),
        "ARCH-001" => case.snapshot.nodes[2].architecture = "s390x".into(),
        "K8S-001" => case.snapshot.cluster.minor = (1, 20),
        "LEFT-001" => case.snapshot.release = release("pending-upgrade"),
        "HELM-001" => case.helm = Read::Known(Some("v3.15.4+gfa9efb0".to_owned())),
        "RIGHTS-001" => case.rights = Read::Known(Vec::new()),
        "PDB-001" => case.snapshot.budgets[0].disruptions_allowed = 0,
        "PDB-002" => case.snapshot.budgets.push(super::fixtures::budget("shop", "second")),
        "POD-001" => case.snapshot.pods[0].owner = None,
        "POD-002" => case.snapshot.pods[0].empty_dir = true,
        "HOSTPORT-001" => case.snapshot.pods[0].host_ports = vec![8080],
        "DNS-001" => drop(case.snapshot.pods.pop()),
        _ => panic!("{id} has no broken fixture"),
    })
}

/// A cluster in which the check cannot know.
fn unknown(id: &str) -> Option<Case> {
    let unread = |what: &str| (what.to_owned(), "forbidden".to_owned());
    let nowhere = |case: &mut Case| {
        case.snapshot.daemon_sets.clear();
        case.snapshot.configs.clear();
        case.snapshot.unknown.push(("DaemonSets".to_owned(), "forbidden".to_owned()));
    };
    Some(with(|case| match id {
        "SOURCE-001" | "CIDR-002" | "PORT-001" => nowhere(case),
        "CIDR-001" => case.snapshot.nodes[0].internal_ips.clear(),
        "CIDR-003" => case.snapshot.service_cidrs = Read::Unknown("not served".to_owned()),
        "KERNEL-001" => case.snapshot.nodes[1].kernel = "unknown".into(),
        "K8S-001" => case.intent.cilium_version = "1.99.0".to_owned(),
        "LEFT-001" => case.snapshot.release = Read::Unknown("helm was not found".to_owned()),
        "HELM-001" => case.helm = Read::Unknown("it did not answer".to_owned()),
        "RIGHTS-001" => case.rights = Read::Unknown("incomplete".to_owned()),
        "PDB-001" | "PDB-002" => case.snapshot.unknown.push(unread("PodDisruptionBudgets")),
        "DNS-001" => case.snapshot.pods.truncate(3),
        _ => (),
    }))
    .filter(|_| !["CIDR-004", "ARCH-001", "POD-001", "POD-002", "HOSTPORT-001"].contains(&id))
}

#[test]
fn ids_are_unique_and_titles_are_there() {
    let ids: BTreeSet<_> = CHECKS.iter().map(|check| check.id()).collect();
    assert_eq!(ids.len(), CHECKS.len());
    assert!(CHECKS.iter().all(|check| !check.title().is_empty() && !check.title().ends_with('.')));
}

#[test]
fn every_check_passes_on_a_healthy_cluster() {
    for check in CHECKS {
        let findings = Case::healthy().run(*check);
        assert!(!findings.is_empty(), "{}", check.id());
        assert!(findings.iter().all(|f| f.result == Level::Ok && f.id == check.id()), "{findings:?}");
    }
}

#[test]
fn every_check_fails_on_its_broken_cluster_and_says_what_to_do() {
    for check in CHECKS {
        let findings = broken(check.id()).run(*check);
        let bad: Vec<_> = findings.iter().filter(|f| f.result >= Level::Warning).collect();
        assert!(!bad.is_empty(), "{}: {findings:?}", check.id());
        assert!(bad.iter().all(|f| !f.hint.is_empty()), "{bad:?}");
        let worst = if check.severity() == Severity::Blocker { Level::Blocker } else { Level::Warning };
        assert!(bad.iter().any(|f| f.result >= worst), "{bad:?}");
    }
}

#[test]
fn what_cannot_be_known_is_unknown() {
    for check in CHECKS {
        let Some(case) = unknown(check.id()) else { continue };
        let findings = case.run(*check);
        assert!(findings.iter().any(|f| f.result == Level::Unknown), "{}: {findings:?}", check.id());
        assert!(findings.iter().all(|f| f.result != Level::Ok), "{findings:?}");
    }
}

#[test]
fn a_phase_runs_its_checks_only() {
    let case = Case::healthy();
    let detection = crate::source::detect(&case.snapshot);
    let facts = super::Facts {
        snapshot: &case.snapshot,
        detection: &detection,
        intent: &case.intent,
        rights: case.rights.clone(),
        helm: case.helm.clone(),
        ours: false,
    };
    assert_eq!(super::run(Phase::Preflight, &facts).len(), CHECKS.len());
    assert_eq!(super::run(Phase::Verify, &facts).len(), 0);
}

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
        case.snapshot.nodes.push(super::fixtures::node(3));
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
fn an_untested_kubernetes_is_a_warning() {
    assert_eq!(levels(&with(|case| case.snapshot.cluster.minor = (1, 36)), "K8S-001"), [Level::Warning]);
}

#[test]
fn leftovers_of_others_and_of_our_own_migration() {
    let traces = |ours| {
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
    };
    assert_eq!(levels(&traces(false), "LEFT-001"), [Level::Blocker, Level::Warning, Level::Warning]);
    assert_eq!(levels(&traces(true), "LEFT-001"), [Level::Ok]);
    let failed = with(|case| {
        case.ours = true;
        case.snapshot.release = release("failed");
    });
    assert_eq!(levels(&failed, "LEFT-001"), [Level::Blocker]);
}

#[test]
fn rights_may_be_wider_than_needed_and_missing_ones_are_named() {
    let all = super::Right {
        verb: "*".to_owned(),
        group: "*".to_owned(),
        resource: "*".to_owned(),
        namespace: None,
    };
    assert_eq!(levels(&with(|case| case.rights = Read::Known(vec![all])), "RIGHTS-001"), [Level::Ok]);
    let lacking =
        with(|case| case.change_rights(|all| all.retain(|right| right.resource != "pods/eviction")));
    let findings = lacking.run(check("RIGHTS-001"));
    assert!(findings[0].message.ends_with("create pods/eviction"), "{findings:?}");
    assert_eq!(findings[0].hint, "grant: create pods/eviction");
    let blind = with(|case| case.change_rights(|all| all.retain(|right| right.resource != "apiservices")));
    assert_eq!(levels(&blind, "RIGHTS-001"), [Level::Warning], "no step of the migration reads APIServices");
    let narrow = with(|case| {
        case.change_rights(|all| {
            let evictions = all.iter_mut().filter(|right| right.resource == "pods/eviction");
            evictions.for_each(|right| right.namespace = Some("shop".to_owned()));
        });
    });
    assert_eq!(levels(&narrow, "RIGHTS-001"), [Level::Blocker], "one namespace is not all");
}

#[test]
fn a_budget_that_can_never_be_met_is_a_blocker() {
    let full = with(|case| {
        let budget = &mut case.snapshot.budgets[0];
        (budget.disruptions_allowed, budget.desired_healthy) = (0, 3);
    });
    let findings = full.run(check("PDB-001"));
    assert_eq!(findings[0].result, Level::Blocker);
    assert_eq!(findings[0].message, "never lets a pod go (needs 3 healthy of 3, has 3: covers 3 pods)");
    let idle = with(|case| {
        case.snapshot.budgets[0].disruptions_allowed = 0;
        case.snapshot.pods.retain(|pod| &*pod.namespace != "shop");
    });
    assert_eq!(levels(&idle, "PDB-001"), [Level::Ok], "a budget over no pod stops nothing");
}

#[test]
fn only_pods_that_a_drain_moves_count() {
    let still = |change: fn(&mut Pod)| {
        with(|case| {
            let mut still = pod("shop", "still", 0);
            still.owner = None;
            still.empty_dir = true;
            change(&mut still);
            case.snapshot.pods.push(still);
        })
    };
    let daemon: fn(&mut Pod) = |pod| pod.owner = Some(Owner { ..owner("DaemonSet", "agent") });
    let static_pod: fn(&mut Pod) = |pod| pod.mirror = true;
    let finished: fn(&mut Pod) = |pod| pod.phase = crate::model::Phase::Succeeded;
    for change in [daemon, static_pod, finished] {
        for id in ["POD-001", "POD-002"] {
            assert_eq!(levels(&still(change), id), [Level::Ok], "{id}");
        }
    }
}

#[test]
fn a_release_of_flannel_is_named_as_owner() {
    let helm = with(|case| case.snapshot.daemon_sets[0].helm_release = Some("flannel".into()));
    let findings = helm.run(check("SOURCE-001"));
    assert_eq!(
        findings[0].message,
        "flannel v0.28.9 · vxlan · 10.244.0.0/16 · udp 8472, Helm release flannel"
    );
    assert_eq!(findings[1].result, Level::Warning);
    assert!(findings[1].hint.ends_with("`helm uninstall flannel -n kube-flannel`"), "{findings:?}");
}

#[test]
fn other_cnis_are_named_as_not_supported_yet() {
    let calico = with(|case| {
        case.snapshot.daemon_sets =
            vec![daemon_set("calico-system", "calico-node", "quay.io/calico/node:v3.32.1")];
        case.snapshot.configs.clear();
        for node in &mut case.snapshot.nodes {
            node.annotations = map(&[]);
        }
    });
    let findings = calico.run(check("SOURCE-001"));
    assert!(findings[0].message.starts_with("seen, not supported as a source yet: Calico ("), "{findings:?}");
}
