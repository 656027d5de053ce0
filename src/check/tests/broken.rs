//! For every check a cluster that is broken in its way, and one in which it cannot know.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use super::super::fixtures::{
    Case, api_service, budget, chart, config, daemon_set, map, network_policy, owner, pod, service, webhook,
};
use super::{release, with};
use crate::model::{
    CiliumNodeConfig, ConfigData, Encryption, LocalVolume, Namespace, Pod, Read, RebootMode, Selector, Taint,
    unread,
};

/// A healthy cluster, broken in the way that the check is for.
pub(super) fn broken(id: &str) -> Case {
    with(|case| {
        let changed = network(case, id)
            || nodes(case, id)
            || cilium(case, id)
            || surroundings(case, id)
            || pods(case, id);
        assert!(changed, "{id} has no broken fixture");
    })
}

fn network(case: &mut Case, id: &str) -> bool {
    let (snapshot, intent) = (&mut case.snapshot, &mut case.intent);
    let old_net =
        |backend: &str| format!(r#"{{"Network":"10.244.0.0/16","Backend":{{"Type":"{backend}"}}}}"#);
    match id {
        "SOURCE-001" => snapshot.daemon_sets.push(daemon_set("kube-system", "weave-net", "weave-kube:2.8")),
        "DISTRO-001" => snapshot.nodes[0].labels = map(&[("kops.k8s.io/instancegroup", "nodes")]),
        "VERSION-001" => intent.cilium_version = "1.19.2".to_owned(),
        "CIDR-001" => intent.pod_cidr = "192.168.0.0/16".parse().unwrap(),
        "CIDR-002" => intent.pod_cidr = "10.244.128.0/17".parse().unwrap(),
        "CIDR-003" => intent.pod_cidr = "10.100.0.0/16".parse().unwrap(),
        "CIDR-004" => intent.mask_size = 17,
        "CIDR-005" => snapshot.nodes[1].external_ips = vec!["10.245.7.7".parse().unwrap()],
        "IP-001" => snapshot.nodes[2].pod_cidrs.push("fd00:10:244:2::/64".parse().unwrap()),
        "PORT-001" => intent.overlay.port = 8472,
        "PORT-002" => snapshot.pods[0].host_ports = vec![9100, 4240],
        "MTU-001" => {
            snapshot.configs[0] = config("kube-flannel", &old_net("host-gw"));
        }
        "PORT-003" => {
            intent.features.encryption = Some(Encryption::Wireguard);
            let net = r#"{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","Port":51871}}"#;
            snapshot.configs[0] = config("kube-flannel", net);
        }
        _ => return false,
    }
    true
}

fn nodes(case: &mut Case, id: &str) -> bool {
    let snapshot = &mut case.snapshot;
    match id {
        "KERNEL-001" => snapshot.nodes[1].kernel = "5.4.0-150-generic".into(),
        "KERNEL-002" => {
            case.intent.features.encryption = Some(Encryption::Wireguard);
            snapshot.nodes[1].kernel = "5.4.0-150-generic".into();
        }
        "ARCH-001" => snapshot.nodes[2].architecture = "s390x".into(),
        "OS-001" => snapshot.nodes[1].os = "windows".into(),
        "OS-002" => snapshot.nodes[0].os_image = "Flatcar Container Linux by Kinvolk 4152.2.0".into(),
        "K8S-001" => snapshot.cluster.minor = (1, 20),
        "NODE-001" => snapshot.nodes[0].conditions[0].status = "Unknown".into(),
        "NODE-002" => snapshot.nodes[0].unschedulable = true,
        "NODE-003" => snapshot.nodes[1].conditions[0].kind = "DiskPressure".into(),
        "NODE-004" => snapshot.nodes[2].pod_cidrs.clear(),
        "NODE-005" => {
            case.intent.reboot = RebootMode::Pod;
            snapshot.nodes.iter_mut().skip(1).for_each(|node| node.labels.clear());
        }
        "NODE-006" => snapshot.nodes[1].kubelet_version = "v1.30.9".into(),
        _ => return false,
    }
    true
}

fn cilium(case: &mut Case, id: &str) -> bool {
    let snapshot = &mut case.snapshot;
    match id {
        "LEFT-001" => snapshot.release = release("pending-upgrade"),
        "LEFT-002" => snapshot.cilium.crds = vec!["ciliumnodes".to_owned()],
        "LEFT-003" => {
            let taint = Taint { key: "node.cilium.io/agent-not-ready".into(), effect: "NoSchedule".into() };
            snapshot.nodes[0].taints.push(taint);
        }
        "LEFT-004" => {
            snapshot.daemon_sets.push(daemon_set("kube-system", "cilium", "quay.io/cilium/cilium:v1.15.1"));
        }
        "CNC-001" => {
            case.intent.cilium_version = "1.20.0".to_owned();
            snapshot.cilium.node_config_stored = vec!["v2alpha1".to_owned(), "v2".to_owned()];
        }
        "CNC-002" => {
            let mut agents = daemon_set("kube-system", "cilium", "quay.io/cilium/cilium:v1.19.6");
            agents.args = vec!["--deny-config-keys=cni-exclusive,debug".into()];
            snapshot.daemon_sets.push(agents);
        }
        "CNC-003" => snapshot.cilium.node_configs.push(node_config("gpu", "mtu")),
        "KPROXY-001" => snapshot.pods.retain(|pod| pod.label("k8s-app") != Some("kube-proxy")),
        "KPROXY-002" => snapshot.configs.push(kube_proxy_config("clusterCIDR: 10.244.0.0/16")),
        "HELM-001" => case.helm = Read::Known(Some("v3.15.4+gfa9efb0".to_owned())),
        "CHART-001" => case.chart = chart(Err("no such host")),
        "RIGHTS-001" => case.rights = Read::Known(Vec::new()),
        _ => return false,
    }
    true
}

fn surroundings(case: &mut Case, id: &str) -> bool {
    let snapshot = &mut case.snapshot;
    match id {
        "CNI-001" => {
            snapshot.daemon_sets.push(daemon_set(
                "kube-system",
                "kube-multus-ds",
                "ghcr.io/k8snetworkplumbingwg/multus-cni:v4",
            ));
        }
        "CNI-002" => snapshot.daemon_sets.push(daemon_set(
            "istio-system",
            "istio-cni-node",
            "docker.io/istio/install-cni:1.27",
        )),
        "CNI-003" => snapshot.daemon_sets.push(daemon_set(
            "linkerd-cni",
            "linkerd-cni",
            "cr.l5d.io/linkerd/cni-plugin:v1.6",
        )),
        "CNI-004" => snapshot.daemon_sets.push(daemon_set(
            "elastic",
            "agent",
            "docker.elastic.co/elastic-agent/elastic-agent:9",
        )),
        "PSA-001" => {
            snapshot
                .namespaces
                .push(Namespace { name: "kube-system".into(), pod_security: Some("baseline".into()) });
        }
        "POLICY-001" => snapshot.policies.push(network_policy("shop", "deny", &[])),
        "POLICY-002" => {
            snapshot.policies.push(network_policy("shop", "deny", &[]));
            snapshot.daemon_sets.push(daemon_set(
                "kube-system",
                "policies",
                "registry.k8s.io/networking/kube-network-policies:v1",
            ));
        }
        "POLICY-003" => snapshot.policies.push(network_policy("shop", "old", &["10.244.1.0/24"])),
        "POLICY-004" => snapshot.policies.push(network_policy("shop", "nodes", &["192.168.1.0/24"])),
        "HOOK-001" => {
            snapshot.services.push(service("shop", "guard"));
            snapshot.webhooks.push(webhook("shop", "guard"));
        }
        "HOOK-002" => snapshot.webhooks.push(webhook("shop", "gone")),
        "API-001" => {
            snapshot.services.push(service("shop", "metrics"));
            snapshot.api_services.push(api_service("shop", "metrics"));
        }
        "API-002" => {
            snapshot.api_services.push(api_service("shop", "metrics"));
            snapshot.api_services[0].available = false;
        }
        "SVC-001" => {
            snapshot.services.push(service("shop", "web"));
            snapshot.pods.drain(1..3);
        }
        "SCALE-001" => snapshot.pods.push(app("cluster-autoscaler")),
        "ACTOR-001" => snapshot.pods.push(app("kured")),
        _ => return false,
    }
    true
}

fn pods(case: &mut Case, id: &str) -> bool {
    let snapshot = &mut case.snapshot;
    match id {
        "PDB-001" => snapshot.budgets[0].disruptions_allowed = 0,
        "PDB-002" => snapshot.budgets.push(budget("shop", "second")),
        "PDB-003" => {
            snapshot.budgets[0].current_healthy = 1;
            snapshot.pods[0].ready = false;
        }
        "POD-001" => snapshot.pods[0].owner = None,
        "POD-002" => snapshot.pods[0].empty_dir = true,
        "POD-003" => snapshot.pods[0].waiting = Some("CrashLoopBackOff".into()),
        "POD-004" => snapshot.pods[0].tolerates_all = true,
        "POD-005" => snapshot.pods[0].grace_seconds = 3600,
        "POD-006" => snapshot.pods[0].pinned = true,
        "POD-007" => {
            snapshot.pods[0].claims = vec!["data".into()].into();
            let volume = LocalVolume { name: "pv".into(), namespace: "shop".into(), claim: "data".into() };
            snapshot.local_volumes.push(volume);
        }
        "HOSTPORT-001" => snapshot.pods[0].host_ports = vec![8080],
        "DNS-001" => drop(snapshot.pods.pop()),
        _ => return false,
    }
    true
}

/// A CiliumNodeConfig that selects every node and sets one option.
pub(super) fn node_config(name: &str, option: &str) -> CiliumNodeConfig {
    CiliumNodeConfig {
        namespace: "kube-system".into(),
        name: name.into(),
        selector: Some(Selector::default()),
        defaults: [(option.to_owned(), "x".to_owned())].into(),
    }
}

/// kubeadm's ConfigMap of kube-proxy, with that line in it.
pub(super) fn kube_proxy_config(line: &str) -> ConfigData {
    let text = format!("apiVersion: kubeproxy.config.k8s.io/v1alpha1\n{line}\nmode: \"\"\n");
    let data = [("config.conf".to_owned(), text)].into();
    ConfigData { namespace: "kube-system".into(), name: "kube-proxy".into(), data }
}

fn app(name: &str) -> Pod {
    Pod {
        labels: map(&[("app.kubernetes.io/name", name)]).into(),
        owner: Some(owner("Deployment", name)),
        ..pod("kube-system", name, 0)
    }
}

/// A cluster in which the check cannot know; `None` for those that need nothing but nodes, pods and the wish.
pub(super) fn unknown(id: &str) -> Option<Case> {
    let mut case = Case::healthy();
    let snapshot = &mut case.snapshot;
    match id {
        "SOURCE-001" | "CIDR-002" | "PORT-001" | "MTU-001" | "IP-001" => {
            snapshot.daemon_sets.clear();
            snapshot.configs.clear();
            unknown_kind(&mut case, unread::DAEMON_SETS);
        }
        "PORT-003" => {
            case.intent.features.encryption = Some(Encryption::Wireguard);
            snapshot.daemon_sets.clear();
            snapshot.configs.clear();
        }
        "CIDR-001" => snapshot.nodes[0].internal_ips.clear(),
        "CIDR-003" => snapshot.service_cidrs = Read::Unknown("not served".to_owned()),
        "KERNEL-001" => snapshot.nodes[1].kernel = "unknown".into(),
        "KERNEL-002" => {
            case.intent.features.encryption = Some(Encryption::Wireguard);
            snapshot.nodes[1].kernel = "unknown".into();
        }
        "OS-001" => snapshot.nodes[1].os = "".into(),
        "NODE-006" => snapshot.nodes[1].kubelet_version = "unknown".into(),
        "K8S-001" | "VERSION-001" => case.intent.cilium_version = "1.99.0".to_owned(),
        "LEFT-001" => snapshot.release = Read::Unknown("helm was not found".to_owned()),
        "HELM-001" => case.helm = Read::Unknown("it did not answer".to_owned()),
        "CHART-001" => case.chart = Read::Unknown("helm was not found".to_owned()),
        "RIGHTS-001" => case.rights = Read::Unknown("incomplete".to_owned()),
        "DNS-001" => snapshot.pods.truncate(3),
        id => unknown_kind(&mut case, kind_of(id)?),
    }
    Some(case)
}

fn unknown_kind(case: &mut Case, kind: &str) {
    case.snapshot.unknown.push((kind.to_owned(), "forbidden".to_owned()));
}

/// The kind that a check asks for besides nodes and pods.
fn kind_of(id: &str) -> Option<&'static str> {
    Some(match id {
        "PDB-001" | "PDB-002" | "PDB-003" => unread::BUDGETS,
        "LEFT-004" | "CNC-002" | "CNI-001" | "CNI-002" | "CNI-003" | "CNI-004" | "POLICY-001" => {
            unread::DAEMON_SETS
        }
        "POLICY-002" | "POLICY-003" | "POLICY-004" => unread::NETWORK_POLICIES,
        "CNC-001" => unread::NODE_CONFIG_CRD,
        "KPROXY-002" => unread::CONFIG_MAPS,
        "PSA-001" => unread::NAMESPACES,
        "HOOK-001" | "HOOK-002" => unread::WEBHOOKS,
        "API-001" | "API-002" => unread::API_SERVICES,
        "CIDR-005" | "SVC-001" => unread::SERVICES,
        "POD-007" => unread::VOLUMES,
        _ => return None,
    })
}
