//! The values that the tool sets, per phase, each with its reason; this list is the whole of it.

use serde_json::{Value, json};

use super::{Detected, Origin, Phase, features};
use crate::model::Intent;
use crate::target::Dialect;

/// One value of the chart.
pub(super) struct Setting {
    pub(super) path: &'static str,
    pub(super) value: Value,
    pub(super) origin: Origin,
    /// The phase is not safe with another value.
    pub(super) locked: bool,
}

const GUIDE: &str = "Cilium guide \"Migrating a cluster to Cilium\"";
/// Cilium requires the name to be of this length at most (templates/validate.yaml).
const CLUSTER_NAME_LENGTH: usize = 32;

/// Names of the links by which nodes usually reach each other, for agents that cannot exclude any.
const UPLINKS: [&str; 5] = ["eth+", "en+", "bond+", "team+", "ib+"];

/// Everything that the tool sets in a phase; of two settings of one path the later one counts.
pub(super) fn all(phase: Phase, detected: &Detected, intent: &Intent, dialect: &Dialect) -> Vec<Setting> {
    let mut settings = switch(phase);
    settings.extend(network(detected, intent));
    settings.extend(devices(detected, dialect));
    settings.extend(cluster(detected));
    for setting in features::settings(phase, detected, &intent.features) {
        settings.retain(|earlier| earlier.path != setting.path);
        settings.push(setting);
    }
    settings
}

/// Cannot be changed by the user in this phase.
pub(super) fn locked(path: &'static str, value: Value, reason: &str, source: &str) -> Setting {
    Setting { locked: true, ..required(path, value, reason, source) }
}

/// Can be changed by the user.
pub(super) fn required(path: &'static str, value: Value, reason: &str, source: &str) -> Setting {
    let origin = Origin::Required { reason: reason.to_owned(), source: source.to_owned() };
    Setting { path, value, origin, locked: false }
}

/// Follows from the cluster; can be changed by the user.
pub(super) fn detected_as(path: &'static str, value: Value, from: impl Into<String>) -> Setting {
    Setting { path, value, origin: Origin::Detected { from: from.into() }, locked: false }
}

/// The user asked for it by a flag, and it holds against other values of the user's.
pub(super) fn asked(path: &'static str, value: Value, flag: &str) -> Setting {
    Setting { path, value, origin: Origin::User { from: flag.to_owned() }, locked: true }
}

/// The values that are different once every node is migrated.
fn switch(phase: Phase) -> Vec<Setting> {
    match phase {
        Phase::Migration => vec![
            locked(
                "operator.unmanagedPodWatcher.restart",
                json!(false),
                "the operator would delete pods that the old CNI still serves",
                GUIDE,
            ),
            locked(
                "operator.setNodeTaints",
                json!(false),
                "a node whose agent is not ready takes pods all the same: the old CNI serves them",
                "operator/watchers/node_taint.go",
            ),
            locked("cni.customConf", json!(true), "no node may switch before its label says so", GUIDE),
            locked(
                "policyEnforcementMode",
                json!("never"),
                "traffic from pods of the old CNI has no identity and would be dropped",
                GUIDE,
            ),
            locked(
                "bpf.hostLegacyRouting",
                json!(true),
                "pods of both CNIs reach each other through the host's routing",
                GUIDE,
            ),
            locked(
                "kubeProxyReplacement",
                json!("false"),
                "two service proxies would translate the same connections while both CNIs run",
                "cilium/cilium issue 21579",
            ),
            locked(
                "rollOutCiliumPods",
                json!(false),
                "agents are restarted node by node, not by Helm",
                "chart values.yaml",
            ),
            required(
                "updateStrategy.rollingUpdate.maxUnavailable",
                json!(1),
                "values that change the agents' pods replace them one at a time",
                "chart values.yaml",
            ),
        ],
        Phase::Final => vec![
            required(
                "operator.unmanagedPodWatcher.restart",
                json!(true),
                "the operator restarts DNS pods that Cilium does not manage",
                GUIDE,
            ),
            required(
                "operator.setNodeTaints",
                json!(true),
                "a node takes no pods before its agent is ready",
                "chart values.yaml",
            ),
            required("cni.customConf", json!(false), "agents write the CNI file on every node", GUIDE),
            required("policyEnforcementMode", json!("default"), "network policies take effect", GUIDE),
            required(
                "bpf.hostLegacyRouting",
                json!(true),
                "eBPF host routing needs kube-proxy's replacement and eBPF masquerading as well",
                "Documentation/operations/performance/tuning.rst",
            ),
            required(
                "kubeProxyReplacement",
                json!("false"),
                "kube-proxy keeps serving; replacing it is a step of its own",
                "Documentation/network/kubernetes/kubeproxy-free.rst",
            ),
            required(
                "rollOutCiliumPods",
                json!(false),
                "agents are restarted node by node, not by Helm",
                "chart values.yaml",
            ),
            required(
                "updateStrategy.rollingUpdate.maxUnavailable",
                json!(1),
                "values that change the agents' pods replace them one at a time",
                "chart values.yaml",
            ),
        ],
    }
}

/// The second network; it stays as it is for good, so these are locked in both phases.
fn network(detected: &Detected, intent: &Intent) -> Vec<Setting> {
    let old_port = detected.overlay_port.map_or_else(
        || format!("{} {} sends no UDP", detected.source, detected.backend),
        |port| format!("{} {} uses UDP port {port}", detected.source, detected.backend),
    );
    let old_networks: Vec<_> = detected.networks.iter().map(ToString::to_string).collect();
    let pool = format!("pods on {} have {}", detected.source, old_networks.join(" and "));
    vec![
        locked(
            "routingMode",
            json!("tunnel"),
            "both networks cross the nodes in tunnels of their own",
            GUIDE,
        ),
        locked(
            "tunnelProtocol",
            json!(intent.overlay.protocol),
            "the overlay that this migration was planned with",
            GUIDE,
        ),
        locked("tunnelPort", json!(intent.overlay.port), &old_port, GUIDE),
        locked(
            "cni.uninstall",
            json!(false),
            "an agent that stops must not take the node's CNI with it",
            GUIDE,
        ),
        locked(
            "ipam.mode",
            json!("cluster-pool"),
            "Cilium's addresses must not come from the old ranges",
            GUIDE,
        ),
        locked(
            "ipam.operator.clusterPoolIPv4PodCIDRList",
            json!([intent.pod_cidr.to_string()]),
            &pool,
            GUIDE,
        ),
        locked(
            "ipam.operator.clusterPoolIPv4MaskSize",
            json!(intent.mask_size),
            "a node's block of the range; cannot be changed later",
            "Documentation/network/concepts/ipam/cluster-pool.rst",
        ),
        detected_as("ipv6.enabled", json!(false), format!("{} gives IPv4 addresses only", detected.source)),
    ]
}

/// Keeps agents off the old CNI's links, whose MTU and addresses they would take for the node's.
///
/// Exclusions alone select nothing, so detection is forced beside them. Any filter also switches off the rule
/// that skips veths without a default route, so pods' veths are excluded by name. Bridges and `cni*` are never
/// detected. (pkg/datapath/linux/devices_controller.go `isSelectedDevice` of Cilium 1.19.6.) Older agents know no
/// exclusions: for them the list is the whole selection.
fn devices(detected: &Detected, dialect: &Dialect) -> Vec<Setting> {
    let mut settings = if dialect.excludes_devices {
        let links = detected.links.iter().map(String::as_str).chain(["veth+"]);
        let links: Vec<_> = links.map(|link| format!("!{link}")).collect();
        let from = format!("links of {}, which Cilium's detection would choose too", detected.source);
        vec![
            detected_as("devices", json!(links), from),
            required(
                "forceDeviceDetection",
                json!(true),
                "exclusions alone select no device",
                "pkg/datapath/linux/devices_controller.go",
            ),
        ]
    } else {
        vec![required(
            "devices",
            json!(UPLINKS),
            &format!(
                "without it agents would choose links of {} too; give the nodes' own, if they are others",
                detected.source
            ),
            "cilium/cilium issues 14339 and 14829",
        )]
    };
    if let Some(mtu) = detected.mtu {
        settings.push(detected_as(
            "MTU",
            json!(mtu),
            format!("{} was given this MTU by hand", detected.source),
        ));
    }
    settings
}

/// What depends on the cluster's size, name, pods and distribution.
fn cluster(detected: &Detected) -> Vec<Setting> {
    let nodes = detected.schedulable_nodes;
    let mut settings = vec![
        detected_as("operator.replicas", json!(nodes.clamp(1, 2)), format!("{nodes} schedulable nodes")),
        exclusive(&detected.other_cnis),
    ];
    if let Some(name) = cluster_name(&detected.cluster_name) {
        settings.push(detected_as(
            "cluster.name",
            json!(name),
            format!("kubeconfig: {}", detected.cluster_name),
        ));
    }
    if detected.host_ports && (detected.kube_proxy || detected.distribution.has_kube_proxy_inside()) {
        // Without kube-proxy's replacement only the portmap plugin serves hostPorts. The mode is the same in
        // both phases and in the CiliumNodeConfig, so that no change of phase rewrites a node's CNI file.
        settings.push(detected_as(
            "cni.chainingMode",
            json!("portmap"),
            "pods with hostPort, and kube-proxy stays",
        ));
    }
    let name = detected.distribution.name();
    for (path, value) in detected.distribution.values() {
        settings.push(detected_as(path, value, format!("nodes run {name}")));
    }
    settings
}

/// Whether agents rename all CNI files but their own. The directories stay what they are, since CNIs beside Cilium look
/// for its file and its plugin there; Cilium's file is the first by name but for Multus' own `00-multus.conf`, which
/// hands pods on to the next one (k8snetworkplumbingwg/multus-cni issues 972 and 1132).
fn exclusive(others: &[String]) -> Setting {
    if others.is_empty() {
        return required(
            "cni.exclusive",
            json!(true),
            "other CNIs' files are renamed on a node that switched",
            "daemon/cmd/cni/config.go",
        );
    }
    let from = format!("{} runs, whose CNI files must keep their names", others.join(" and "));
    detected_as("cni.exclusive", json!(false), from)
}

/// A name that Cilium accepts: lower case letters, digits and dashes, no dash at the ends; `None` where nothing
/// is left of it, so that the chart's default holds.
fn cluster_name(name: &str) -> Option<String> {
    let clean: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(CLUSTER_NAME_LENGTH)
        .collect();
    Some(clean.trim_matches('-').to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_names_fit_cilium() {
        let cases = [
            ("prod-eu", Some("prod-eu")),
            ("kind_Kind", Some("kind-kind")),
            ("arn:aws:eks:eu-west-1:123456789012:cluster/prod", Some("arn-aws-eks-eu-west-1-1234567890")),
            ("admin@-", Some("admin")),
            ("***", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(cluster_name(name).as_deref(), expected, "{name}");
        }
    }
}
