//! Every check passes on a healthy cluster, fails on one that is broken in its way, and says so when it cannot know.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeSet;

mod broken;
mod cilium;
mod exposure;
mod network;
mod nodes;
mod pods;

use super::fixtures::{Case, daemon_set, map};
use super::{CHECKS, Check, Level, Phase, Severity};
use crate::model::{Read, Release};
use broken::{broken, unknown};

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
        let is_bad = |level: Level| !matches!(level, Level::Ok | Level::Unknown);
        let bad: Vec<_> = findings.iter().filter(|f| is_bad(f.result)).collect();
        assert!(!bad.is_empty(), "{}: {findings:?}", check.id());
        assert!(bad.iter().all(|f| !f.hint.is_empty()), "{bad:?}");
        let worst = match check.severity() {
            Severity::Blocker => Level::Blocker,
            Severity::Warning => Level::Warning,
            Severity::Info => Level::Info,
        };
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
        chart: case.chart.clone(),
        ours: false,
    };
    assert_eq!(super::run(Phase::Preflight, &facts).len(), CHECKS.len());
    assert_eq!(super::run(Phase::Verify, &facts).len(), 0);
}

#[test]
fn an_untested_kubernetes_is_a_warning() {
    assert_eq!(levels(&with(|case| case.snapshot.cluster.minor = (1, 36)), "K8S-001"), [Level::Warning]);
}

#[test]
fn rights_may_be_wider_than_needed_and_missing_ones_are_named() {
    let all = super::Right {
        verb: "*".to_owned(),
        group: "*".to_owned(),
        resource: "*".to_owned(),
        namespace: None,
        name: None,
    };
    assert_eq!(levels(&with(|case| case.rights = Read::Known(vec![all])), "RIGHTS-001"), [Level::Ok]);
    let lacking =
        with(|case| case.change_rights(|all| all.retain(|right| right.resource != "pods/eviction")));
    let findings = lacking.run(check("RIGHTS-001"));
    assert!(findings[0].message.ends_with("create pods/eviction"), "{findings:?}");
    let hint = "grant: create pods/eviction; or a role with all of them: kubectl cni-migrate rbac";
    assert_eq!(findings[0].hint, hint);
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
fn other_cnis_are_named_with_what_is_not_supported() {
    let table = [
        ("calico-system/calico-node", "quay.io/calico/node:v3.32.1", "Calico"),
        ("kube-system/canal", "docker.io/flannel/flannel:v0.28", "Canal"),
        ("kube-system/kube-router", "docker.io/cloudnativelabs/kube-router:v2", "kube-router"),
        ("kube-system/weave-net", "weaveworks/weave-kube:2.8", "Weave Net"),
        ("kube-system/antrea-agent", "antrea/antrea-agent-ubuntu:v2", "Antrea"),
        ("kube-system/aws-node", "amazon-k8s-cni:v1.20", "AWS VPC CNI"),
        ("kube-system/kindnet", "docker.io/kindest/kindnetd:v2025", "kindnet"),
        ("openshift-sdn/sdn", "quay.io/openshift/sdn:4.14", "OpenShift SDN"),
        ("openshift-ovn-kubernetes/ovnkube-node", "quay.io/ovn-kubernetes:4.20", "OVN-Kubernetes"),
        ("kube-system/cilium", "quay.io/cilium/cilium:v1.19.6", "Cilium"),
    ];
    for (set, image, name) in table {
        let (namespace, set) = set.split_once('/').unwrap();
        let case = with(|case| {
            case.snapshot.daemon_sets = vec![daemon_set(namespace, set, image)];
            case.snapshot.configs.clear();
            case.snapshot.nodes.iter_mut().for_each(|node| node.annotations = map(&[]));
        });
        let findings = case.run(check("SOURCE-001"));
        assert!(
            findings[0].message.starts_with(&format!("seen, not supported as a source yet: {name} (")),
            "{findings:?}"
        );
        assert!(findings[0].hint.starts_with(&format!("{name}: ")), "{findings:?}");
    }
}
