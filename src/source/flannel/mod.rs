//! Flannel as a source: every layout of its manifest since v0.8, its Helm chart, Kubespray and Talos.
//!
//! Names are those of flannel-io/flannel Documentation/kube-flannel.yml at each release and of chart/kube-flannel.

mod inventory;
mod netconf;
#[cfg(test)]
mod tests;

use super::{Evidence, EvidenceKind, Parameters, Problem, SourceCni, others, some};
use crate::model::{ConfigData, DaemonSet, Inventory, Node, ObjectRef, Snapshot};
use crate::report::count;
use crate::target::Distribution;

const CONFIG: &str = "kube-flannel-cfg";
/// Namespace of the manifest since v0.19.
const NAMESPACE: &str = "kube-flannel";
/// Namespace of the manifest before, and of distributions.
const OLD_NAMESPACE: &str = "kube-system";
const DAEMON_SET: &str = "kube-flannel-ds";
/// DaemonSet of Talos and Kubespray.
const DISTRIBUTION_DAEMON_SET: &str = "kube-flannel";
/// Name of the network in Flannel's own `cni-conf.json`, since its first release.
const DEFAULT_CNI_NAME: &str = "cbr0";
/// Bridge that the bridge plugin makes when no name is given (containernetworking/plugins plugins/main/bridge).
const DEFAULT_BRIDGE: &str = "cni0";
/// Prefix of the annotations that flanneld writes on its node (pkg/subnet/kube/annotations.go, default prefix).
const ANNOTATIONS: &str = "flannel.alpha.coreos.com/";

/// The Flannel source.
#[derive(Debug)]
pub(super) struct Flannel;

impl SourceCni for Flannel {
    fn id(&self) -> &'static str {
        "flannel"
    }

    fn candidates(&self) -> Vec<ObjectRef> {
        inventory::candidates()
    }

    fn configs(&self) -> &'static [(&'static str, &'static str)] {
        &[("*", CONFIG)]
    }

    fn evidence(&self, snapshot: &Snapshot) -> Vec<Evidence> {
        let daemon_sets = daemon_sets(snapshot).map(daemon_set_evidence);
        let configs = snapshot.configs.iter().filter(|c| &*c.name == CONFIG).map(|config| Evidence {
            kind: EvidenceKind::ConfigMap,
            object: config_name(config),
            says: "holds Flannel's configuration".to_owned(),
        });
        daemon_sets.chain(configs).chain(annotations(snapshot)).chain(self.addresses(snapshot)).collect()
    }

    fn parameters(&self, snapshot: &Snapshot) -> Result<Parameters, Vec<Problem>> {
        let config = config(snapshot).map_err(|problem| vec![problem])?;
        let (net, cni) = (net(config), cni(config));
        match (net, cni) {
            (Ok(net), Ok((cni_name, bridge))) => Ok(Parameters {
                backend: net.backend,
                port: net.port,
                vni: net.vni,
                networks: net.networks,
                mtu: net.mtu,
                direct_routes: net.direct_routes,
                nftables: net.nftables,
                cni_name,
                bridge,
                layout: inventory::layout(snapshot),
                version: daemon_sets(snapshot).find_map(version),
            }),
            (net, cni) => {
                let messages = net.err().unwrap_or_default().into_iter().chain(cni.err());
                Err(messages.map(|message| Problem { object: config_name(config), message }).collect())
            }
        }
    }

    fn inventory(&self, snapshot: &Snapshot) -> Inventory {
        let parameters = self.parameters(snapshot).unwrap_or_default();
        Inventory {
            source: self.id().to_owned(),
            objects: inventory::objects(snapshot),
            namespace: inventory::namespace(snapshot),
            owner_advice: inventory::owner_advice(snapshot),
            residue: inventory::residue(snapshot, &parameters),
        }
    }

    fn links(&self, parameters: &Parameters) -> Vec<String> {
        inventory::links(parameters)
    }
}

impl Flannel {
    /// Pods with addresses of the configured networks.
    fn addresses(&self, snapshot: &Snapshot) -> Option<Evidence> {
        let networks = self.parameters(snapshot).ok()?.networks;
        let inside = |ip| networks.iter().any(|network| network.contains(ip));
        let pods =
            snapshot.pods.iter().filter(|pod| pod.on_pod_network() && pod.ips.iter().any(inside)).count();
        (pods > 0).then(|| Evidence {
            kind: EvidenceKind::PodAddress,
            object: count(pods, "pod"),
            says: format!("with addresses in {}", some(&networks)),
        })
    }
}

/// The DaemonSets that run Flannel alone; Canal runs flanneld too, but is another CNI.
fn daemon_sets(snapshot: &Snapshot) -> impl Iterator<Item = &DaemonSet> {
    snapshot.daemon_sets.iter().filter(|daemon_set| {
        let named = daemon_set.name.starts_with(DISTRIBUTION_DAEMON_SET)
            && daemon_set.images.iter().any(|image| image.contains("flannel"));
        let runs = daemon_set.args.iter().any(|arg| arg.contains("flanneld"));
        (named || runs) && others::name_of(daemon_set).is_none()
    })
}

fn daemon_set_evidence(daemon_set: &DaemonSet) -> Evidence {
    Evidence {
        kind: EvidenceKind::DaemonSet,
        object: format!("DaemonSet {}/{}", daemon_set.namespace, daemon_set.name),
        says: format!("runs {}", daemon_set.images.last().map_or("no image", |image| image)),
    }
}

fn annotations(snapshot: &Snapshot) -> Option<Evidence> {
    let annotated = |node: &&Node| node.annotations.keys().any(|key| key.starts_with(ANNOTATIONS));
    let found = snapshot.nodes.iter().filter(annotated).count();
    (found > 0).then(|| Evidence {
        kind: EvidenceKind::NodeAnnotation,
        object: format!("{found} of {}", count(snapshot.nodes.len(), "node")),
        says: format!("with annotations {ANNOTATIONS}*"),
    })
}

fn config_name(config: &ConfigData) -> String {
    format!("ConfigMap {}/{}", config.namespace, config.name)
}

/// The ConfigMap that the running Flannel reads: the one beside its DaemonSet.
fn config(snapshot: &Snapshot) -> Result<&ConfigData, Problem> {
    let mut homes: Vec<&str> = daemon_sets(snapshot).map(|d| &*d.namespace).collect();
    homes.sort_unstable();
    homes.dedup();
    let problem = |object: String, message: String| Err(Problem { object, message });
    match homes.as_slice() {
        [] => problem(format!("DaemonSet {DAEMON_SET}"), no_daemon_set(snapshot)),
        [home] => match snapshot.config(home, CONFIG) {
            Some(config) => Ok(config),
            None => problem(
                format!("ConfigMap {home}/{CONFIG}"),
                "was not found beside Flannel's DaemonSet, expected Flannel's configuration in it".to_owned(),
            ),
        },
        homes => problem(
            "Flannel's DaemonSets".to_owned(),
            format!(
                "run in namespaces {}, expected one: delete what an upgrade left behind",
                homes.join(" and ")
            ),
        ),
    }
}

/// k3s runs Flannel inside its own process: annotations, but neither DaemonSet nor ConfigMap.
fn no_daemon_set(snapshot: &Snapshot) -> String {
    if Distribution::of(&snapshot.nodes) == Distribution::K3s {
        "there is none: k3s runs Flannel inside its own process, which is not supported as a source yet"
            .to_owned()
    } else {
        "was not found, expected the DaemonSet that runs flanneld".to_owned()
    }
}

fn net(config: &ConfigData) -> Result<netconf::NetConf, Vec<String>> {
    let missing = || vec!["net-conf.json is missing, expected Flannel's network".to_owned()];
    netconf::net_conf(config.data.get("net-conf.json").ok_or_else(missing)?)
}

/// The Helm chart can leave the CNI configuration to others (`skipCNIConfigInstallation`): then Flannel's own names.
fn cni(config: &ConfigData) -> Result<(String, String), String> {
    config.data.get("cni-conf.json").map_or_else(
        || Ok((DEFAULT_CNI_NAME.to_owned(), DEFAULT_BRIDGE.to_owned())),
        |text| netconf::cni_conf(text),
    )
}

/// The tag of flanneld's image; the CNI plugin has an image and versions of its own.
fn version(daemon_set: &DaemonSet) -> Option<String> {
    daemon_set.images.iter().find_map(|image| {
        let last = image.split('@').next()?.rsplit('/').next()?;
        let (name, tag) = last.split_once(':')?;
        (name.contains("flannel") && !name.ends_with("cni-plugin")).then(|| tag.to_owned())
    })
}
