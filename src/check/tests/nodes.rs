//! Checks on nodes and distributions.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::super::Level;
use super::super::fixtures::{map, pod};
use super::{check, levels, with};
use crate::model::{Condition, Node, Pod, RebootMode};
use crate::target::Distribution;

type Change = fn(&mut Node);

#[test]
fn a_node_that_this_tool_cordoned_is_not_foreign() {
    let case = with(|case| {
        let node = &mut case.snapshot.nodes[0];
        node.unschedulable = true;
        node.annotations = map(&[(crate::model::PHASE_ANNOTATION, "Draining")]);
    });
    assert_eq!(levels(&case, "NODE-002"), [Level::Ok]);
}

#[test]
fn every_trouble_of_a_node_is_named() {
    let case = with(|case| {
        let bad = |kind: &str| Condition { kind: kind.into(), status: "True".into(), reason: "".into() };
        case.snapshot.nodes[1].conditions.extend([bad("MemoryPressure"), bad("NetworkUnavailable")]);
    });
    let findings = case.run(check("NODE-003"));
    assert_eq!(findings[0].message, "in trouble: node-1 (MemoryPressure, NetworkUnavailable)");
}

#[test]
fn control_planes() {
    let plane = |count: usize, reboot| {
        levels(
            &with(|case| {
                case.intent.reboot = reboot;
                case.snapshot.nodes.iter_mut().skip(count).for_each(|node| node.labels.clear());
            }),
            "NODE-005",
        )
    };
    assert_eq!(plane(0, RebootMode::Pod), [Level::Info], "managed: nothing of it is rebooted");
    assert_eq!(plane(1, RebootMode::Never), [Level::Info]);
    assert_eq!(plane(1, RebootMode::Manual), [Level::Warning]);
    assert_eq!(plane(2, RebootMode::Manual), [Level::Ok]);
}

#[test]
fn kubelets_follow_the_skew_policy() {
    let kubelet = |version: &str| {
        levels(&with(|case| case.snapshot.nodes[0].kubelet_version = version.into()), "NODE-006")
    };
    assert_eq!(kubelet("v1.34.0+k3s1"), [Level::Ok]);
    assert_eq!(kubelet("v1.31.0"), [Level::Info]);
    assert_eq!(kubelet("v1.30.0"), [Level::Warning]);
    assert_eq!(kubelet("v1.35.0"), [Level::Warning]);
}

#[test]
fn distributions_are_recognised_and_judged() {
    let nodes = |change: Change| with(|case| change(&mut case.snapshot.nodes[1]));
    let table: [(Change, Distribution, Level); 10] = [
        (|n| n.kubelet_version = "v1.34.1+k3s1".into(), Distribution::K3s, Level::Blocker),
        (|n| n.kubelet_version = "v1.34.1+rke2r1".into(), Distribution::Rke2, Level::Warning),
        (|n| n.labels = map(&[("microk8s.io/cluster", "true")]), Distribution::MicroK8s, Level::Warning),
        (|n| n.os_image = "Talos (v1.11.0)".into(), Distribution::Talos, Level::Warning),
        (|n| n.labels = map(&[("kops.k8s.io/instancegroup", "n")]), Distribution::Kops, Level::Blocker),
        (|n| n.kubelet_version = "v1.34.1-eks-3cfe0ce".into(), Distribution::Eks, Level::Warning),
        (|n| n.kubelet_version = "v1.34.1-gke.1000".into(), Distribution::Gke, Level::Warning),
        (|n| n.labels = map(&[("kubernetes.azure.com/cluster", "x")]), Distribution::Aks, Level::Warning),
        (|n| n.labels = map(&[("node.openshift.io/os_id", "rhel")]), Distribution::OpenShift, Level::Blocker),
        (|n| n.provider = "kind".into(), Distribution::Kind, Level::Ok),
    ];
    for (change, distribution, level) in table {
        let case = nodes(change);
        assert_eq!(Distribution::of_cluster(&case.snapshot), distribution);
        assert_eq!(levels(&case, "DISTRO-001"), [level], "{}", distribution.name());
    }
    let bare = with(|case| case.snapshot.configs.truncate(1));
    assert_eq!(Distribution::of_cluster(&bare.snapshot), Distribution::Generic);
    assert_eq!(levels(&bare, "DISTRO-001"), [Level::Info]);
}

#[test]
fn kubespray_is_told_from_kubeadm_by_its_nginx() {
    let case = with(|case| {
        let nginx = Pod {
            labels: map(&[("k8s-app", "kube-nginx")]).into(),
            mirror: true,
            ..pod("kube-system", "nginx-proxy", 1)
        };
        case.snapshot.pods.push(nginx);
    });
    assert_eq!(Distribution::of_cluster(&case.snapshot), Distribution::Kubespray);
}
