//! Checks on NetworkPolicies, webhooks, aggregated APIs and Services.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::super::Level;
use super::super::fixtures::{api_service, network_policy, service, webhook};
use super::{check, levels, with};
use crate::model::Webhook;

#[test]
fn a_policy_over_no_pod_begins_nothing() {
    let case = with(|case| case.snapshot.policies.push(network_policy("empty", "deny", &[])));
    assert_eq!(levels(&case, "POLICY-001"), [Level::Ok]);
    let case = with(|case| case.snapshot.policies.push(network_policy("shop", "deny", &[])));
    let findings = case.run(check("POLICY-001"));
    assert_eq!(findings[0].message, "begins to be enforced at finalize: shop/deny (on 3 pods)");
}

#[test]
fn k3s_enforces_policies_already() {
    let case = with(|case| {
        case.snapshot.policies.push(network_policy("shop", "deny", &[]));
        case.snapshot.nodes[0].kubelet_version = "v1.34.1+k3s1".into();
    });
    assert_eq!(levels(&case, "POLICY-001"), [Level::Ok]);
    assert_eq!(levels(&case, "POLICY-002"), [Level::Warning]);
}

#[test]
fn blocks_mean_pods_nodes_or_the_world() {
    let block = |block: &str| {
        let case = with(|case| case.snapshot.policies.push(network_policy("shop", "p", &[block])));
        ["POLICY-003", "POLICY-004"].map(|id| levels(&case, id)[0])
    };
    assert_eq!(block("10.245.3.0/24"), [Level::Warning, Level::Ok], "the new network");
    assert_eq!(block("10.0.0.0/8"), [Level::Warning, Level::Ok]);
    assert_eq!(block("192.168.1.1/32"), [Level::Ok, Level::Warning]);
    assert_eq!(
        block("0.0.0.0/0"),
        [Level::Ok, Level::Warning],
        "the world, which held nodes and holds them no more"
    );
    assert_eq!(block("203.0.113.0/24"), [Level::Ok, Level::Ok]);
}

#[test]
fn webhooks_count_by_policy_place_and_readiness() {
    let hook = |change: fn(&mut Webhook), host_network| {
        let case = with(|case| {
            let mut hook = webhook("shop", "guard");
            change(&mut hook);
            case.snapshot.services.push(service("shop", "guard"));
            case.snapshot.webhooks.push(hook);
            case.snapshot.pods.iter_mut().for_each(|pod| pod.host_network = host_network);
        });
        ["HOOK-001", "HOOK-002"].map(|id| levels(&case, id)[0])
    };
    assert_eq!(hook(|_| (), false), [Level::Warning, Level::Ok]);
    assert_eq!(hook(|_| (), true), [Level::Ok, Level::Ok]);
    assert_eq!(hook(|hook| hook.fail_closed = false, false), [Level::Ok, Level::Ok]);
    assert_eq!(hook(|hook| hook.service.name = "gone".into(), false), [Level::Ok, Level::Warning]);
    let kept = with(|case| {
        let mut guard = service("shop", "guard");
        guard.selector.clear();
        case.snapshot.services.push(guard);
        case.snapshot.webhooks.push(webhook("shop", "guard"));
    });
    assert_eq!(levels(&kept, "HOOK-002"), [Level::Ok], "endpoints that somebody else keeps");
}

#[test]
fn a_managed_control_plane_is_told_of_routes() {
    let case = with(|case| {
        case.snapshot.nodes.iter_mut().for_each(|node| node.labels.clear());
        case.snapshot.services.push(service("shop", "guard"));
        case.snapshot.webhooks.push(webhook("shop", "guard"));
    });
    assert!(case.run(check("HOOK-001"))[0].hint.starts_with("the control plane is managed"));
}

#[test]
fn aggregated_apis_on_the_host_network_stay() {
    let case = with(|case| {
        case.snapshot.services.push(service("shop", "metrics"));
        case.snapshot.api_services.push(api_service("shop", "metrics"));
        case.snapshot.pods.iter_mut().for_each(|pod| pod.host_network = true);
    });
    assert_eq!(levels(&case, "API-001"), [Level::Ok]);
    assert_eq!(levels(&case, "API-002"), [Level::Ok]);
}

#[test]
fn services_with_more_than_one_pod_or_none_are_not_alone() {
    let pods = |keep: usize| {
        let case = with(|case| {
            case.snapshot.services.push(service("shop", "web"));
            case.snapshot.pods.drain(keep..3);
        });
        levels(&case, "SVC-001")
    };
    assert_eq!([pods(0), pods(1), pods(2)], [[Level::Ok], [Level::Info], [Level::Ok]]);
}
