//! What belongs to Flannel: API objects in the order of deletion, who owns them, and what it leaves on nodes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    ANNOTATIONS, CONFIG, DAEMON_SET, DISTRIBUTION_DAEMON_SET, NAMESPACE, OLD_NAMESPACE, daemon_sets,
};
use crate::model::{DaemonSet, Node, NodeResidue, ObjectRef, PodRoute, Snapshot};
use crate::source::{Parameters, others};
use crate::target::Distribution;

/// Name of Flannel's ServiceAccount, ClusterRole and ClusterRoleBinding.
const FLANNEL: &str = "flannel";
const CLUSTER_ROLE: &str = "ClusterRole";

/// Objects to look for, in the order of deletion: what runs, what it reads, what it may do.
pub(super) fn candidates() -> Vec<ObjectRef> {
    let rbac = "rbac.authorization.k8s.io/v1";
    let spaces = [NAMESPACE, OLD_NAMESPACE];
    let config = |space| object("v1", "ConfigMap", "configmaps", Some(space), CONFIG);
    let account = |space| object("v1", "ServiceAccount", "serviceaccounts", Some(space), FLANNEL);
    let mut all: Vec<ObjectRef> = spaces.into_iter().map(config).collect();
    all.extend(spaces.into_iter().map(account));
    all.push(object(rbac, "ClusterRoleBinding", "clusterrolebindings", None, FLANNEL));
    all.push(object(rbac, CLUSTER_ROLE, "clusterroles", None, FLANNEL));
    // Manifests up to v0.18 bring a PodSecurityPolicy; Kubernetes serves the kind before 1.25.
    let policies = "podsecuritypolicies";
    all.push(object("policy/v1beta1", "PodSecurityPolicy", policies, None, "psp.flannel.unprivileged"));
    all.push(object("v1", "Namespace", "namespaces", None, NAMESPACE));
    all
}

fn object(api_version: &str, kind: &str, resource: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        uid: String::new(),
    }
}

/// The objects that were seen; Canal uses the ClusterRole `flannel` too, so beside Canal it is left alone.
pub(super) fn objects(snapshot: &Snapshot) -> Vec<ObjectRef> {
    let canal = snapshot.daemon_sets.iter().any(|d| others::name_of(d) == Some("Canal"));
    let daemons = daemon_sets(snapshot).map(|daemon_set| ObjectRef {
        uid: daemon_set.uid.to_string(),
        ..object("apps/v1", "DaemonSet", "daemonsets", Some(&daemon_set.namespace), &daemon_set.name)
    });
    let rest = candidates()
        .into_iter()
        .filter(|candidate| candidate.kind != "Namespace" && !(canal && candidate.kind == CLUSTER_ROLE))
        .filter_map(|candidate| seen(snapshot, &candidate));
    daemons.chain(rest).collect()
}

/// The namespace that the manifest makes; `kube-system` and a chart's namespace are not Flannel's.
pub(super) fn namespace(snapshot: &Snapshot) -> Option<ObjectRef> {
    seen(snapshot, &object("v1", "Namespace", "namespaces", None, NAMESPACE))
}

fn seen(snapshot: &Snapshot, wanted: &ObjectRef) -> Option<ObjectRef> {
    let same =
        |o: &&ObjectRef| o.kind == wanted.kind && o.namespace == wanted.namespace && o.name == wanted.name;
    snapshot.objects.iter().find(same).cloned()
}

fn is_talos(snapshot: &Snapshot) -> bool {
    Distribution::of(&snapshot.nodes) == Distribution::Talos
}

fn is_kubespray(daemon_set: &DaemonSet) -> bool {
    &*daemon_set.namespace == OLD_NAMESPACE && &*daemon_set.name == DISTRIBUTION_DAEMON_SET
}

/// How Flannel was installed, in words.
pub(super) fn layout(snapshot: &Snapshot) -> String {
    let Some(daemon_set) = daemon_sets(snapshot).next() else { return "unknown".to_owned() };
    match (&daemon_set.helm_release, &*daemon_set.namespace, &*daemon_set.name) {
        (Some(release), ..) => format!("Helm release {release}"),
        _ if is_talos(snapshot) => "Talos".to_owned(),
        (_, OLD_NAMESPACE, DISTRIBUTION_DAEMON_SET) => "Kubespray".to_owned(),
        (_, OLD_NAMESPACE, DAEMON_SET) => "manifest of v0.13 to v0.18".to_owned(),
        (_, OLD_NAMESPACE, name) if name.starts_with(DAEMON_SET) => "manifest up to v0.12".to_owned(),
        (_, NAMESPACE, DAEMON_SET) => "manifest since v0.19".to_owned(),
        (_, namespace, name) => format!("DaemonSet {namespace}/{name}"),
    }
}

/// Who would bring Flannel back after a deletion, and what to do there instead (rules 1 of the clean-up research:
/// never delete what a reconciler owns).
pub(super) fn owner_advice(snapshot: &Snapshot) -> Option<String> {
    let daemon_set = daemon_sets(snapshot).next()?;
    let (namespace, name) = (&daemon_set.namespace, &daemon_set.name);
    let label = |key: &str| daemon_set.labels.get(key);
    let kubelet = |part: &str| snapshot.nodes.iter().any(|node| node.kubelet_version.contains(part));
    if kubelet("+rke2") {
        return Some(
            "RKE2 re-applies its CNI: set `cni: none` on all servers and remove its manifest".to_owned(),
        );
    }
    if let Some(release) = &daemon_set.helm_release {
        return Some(format!(
            "Helm release {release} owns DaemonSet {namespace}/{name}: run `helm uninstall {release} -n {namespace}`"
        ));
    }
    if is_talos(snapshot) {
        return Some(
            "Talos re-applies Flannel from its machine configuration: set cluster.network.cni.name to none \
             on the control plane first"
                .to_owned(),
        );
    }
    if let Some(owner) =
        label("kustomize.toolkit.fluxcd.io/name").or_else(|| label("helm.toolkit.fluxcd.io/name"))
    {
        return Some(format!(
            "Flux ({owner}) re-applies DaemonSet {namespace}/{name}: remove it from its source"
        ));
    }
    if let Some(owner) = label("argocd.argoproj.io/instance") {
        return Some(format!(
            "Argo CD ({owner}) re-applies DaemonSet {namespace}/{name}: remove it from its source"
        ));
    }
    elsewhere(daemon_set)
}

/// Objects that this tool does not look for, or that a later run of the installer brings back.
fn elsewhere(daemon_set: &DaemonSet) -> Option<String> {
    let (namespace, name) = (&daemon_set.namespace, &daemon_set.name);
    if is_kubespray(daemon_set) {
        return Some(
            "Kubespray's next run brings Flannel back: set kube_network_plugin to cni in its inventory first"
                .to_owned(),
        );
    }
    (![NAMESPACE, OLD_NAMESPACE].contains(&&**namespace)).then(|| {
        format!(
            "DaemonSet {name} lives in namespace {namespace}, where this tool knows no other object of Flannel: \
             delete its manifest with `kubectl delete -f`"
        )
    })
}

/// What flanneld and its CNI plugin leave on a node: deleting the DaemonSet removes none of it.
pub(super) fn residue(snapshot: &Snapshot, parameters: &Parameters) -> NodeResidue {
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let files = ["10-flannel.conflist", "10-flannel.conf"];
    NodeResidue {
        links: links(parameters),
        bridges: [parameters.bridge.clone()].into_iter().filter(|name| !name.is_empty()).collect(),
        // Since v0.20 (pkg/trafficmngr/iptables); flanneld's own clean-up looks for FLANNEL-FWD in the wrong table.
        chains: pairs(&[("nat", "FLANNEL-POSTRTG"), ("filter", "FLANNEL-FWD")]),
        rule_comments: vec!["flanneld masq".to_owned(), "flanneld forward".to_owned()],
        networks: parameters.networks.clone(),
        nft_tables: pairs(&[("ip", "flannel-ipv4"), ("ip6", "flannel-ipv6")]),
        // `.conf` up to v0.9.1; Cilium renames what it supersedes to `.cilium_bak` (daemon/cmd/cni/config.go).
        cni_files: files.iter().flat_map(|f| [(*f).to_owned(), format!("{f}.cilium_bak")]).collect(),
        paths: paths(parameters),
        annotations: annotations(),
        routes: if parameters.direct_routes { routes(snapshot, &parameters.networks) } else { Vec::new() },
    }
}

/// The routes of `host-gw` and `DirectRouting`: flanneld writes each from the other node's lease, which is its pod
/// range and announced address (pkg/backend/hostgw/hostgw.go, pkg/backend/vxlan/vxlan_network.go).
fn routes(snapshot: &Snapshot, networks: &[IpNet]) -> Vec<PodRoute> {
    let is_flannels = |range: &&IpNet| networks.iter().any(|network| network.contains(*range));
    let of_node = |node: &Node| -> Vec<PodRoute> {
        let ranges = node.pod_cidrs.iter().filter(is_flannels);
        ranges.filter_map(|range| Some(PodRoute { dst: *range, gateway: announced(node, range)? })).collect()
    };
    snapshot.nodes.iter().flat_map(of_node).collect()
}

/// The node's address of the range's family: as flanneld announced it, else the InternalIP (flanneld can be started
/// with another prefix for its annotations).
fn announced(node: &Node, range: &IpNet) -> Option<IpAddr> {
    let is_v4 = matches!(range, IpNet::V4(_));
    let key = format!("{ANNOTATIONS}{}", if is_v4 { "public-ip" } else { "public-ipv6" });
    let written = node.annotations.get(key.as_str()).and_then(|address| address.parse().ok());
    written.or_else(|| node.internal_ips.iter().find(|address| address.is_ipv4() == is_v4).copied())
}

/// Links that carry the network between nodes.
pub(super) fn links(parameters: &Parameters) -> Vec<String> {
    let dual = parameters.networks.iter().any(|network| matches!(network, IpNet::V6(_)));
    let vni = parameters.vni.unwrap_or_default();
    let (v4, v6) = match parameters.backend.as_str() {
        "vxlan" => (format!("flannel.{vni}"), format!("flannel-v6.{vni}")),
        "wireguard" => ("flannel-wg".to_owned(), "flannel-wg-v6".to_owned()),
        "udp" => ("flannel0".to_owned(), String::new()),
        "ipip" => ("flannel.ipip".to_owned(), String::new()),
        _ => (String::new(), String::new()),
    };
    let v6 = if dual { v6 } else { String::new() };
    [v4, v6].into_iter().filter(|name| !name.is_empty()).collect()
}

/// `/var/lib/cni/results` is the runtime's cache for every CNI, so only this network's entries are named; the
/// plugins bridge, host-local, loopback and portmap stay, others use them.
fn paths(parameters: &Parameters) -> Vec<String> {
    let name = &parameters.cni_name;
    let run = ["/run/flannel/subnet.env", "/run/flannel/wgkey", "/var/lib/cni/flannel"];
    let mut paths: Vec<String> = run.into_iter().map(str::to_owned).collect();
    if !name.is_empty() {
        paths.push(format!("/var/lib/cni/networks/{name}"));
        paths.push(format!("/var/lib/cni/results/{name}-*"));
    }
    paths.push("/opt/cni/bin/flannel".to_owned());
    paths
}

fn annotations() -> Vec<String> {
    let names = [
        "backend-data",
        "backend-type",
        "backend-v6-data",
        "kube-subnet-manager",
        "node-public-ip",
        "node-public-ipv6",
        "public-ip",
        "public-ip-overwrite",
        "public-ipv6",
        "public-ipv6-overwrite",
    ];
    names.iter().map(|name| format!("{ANNOTATIONS}{name}")).collect()
}
