//! From what the operator asked for and what was detected to a definite intent and the values that follow. Pure.

use ipnet::IpNet;

use crate::error::{Error, Result};
use crate::journal::Record;
use crate::model::{Features, Intent, OverlayPort, RebootMode, Snapshot};
use crate::source::{Detection, Parameters, SourceCni};
use crate::target::Distribution;
use crate::values::{Detected, Origin, Overlay, Phase, Values, defaults, generate, user_part};

/// Cilium version that is installed where none is asked for.
pub const DEFAULT_VERSION: &str = "1.19.6";
/// Range for pods where none is asked for: the Cilium guide's own example.
const DEFAULT_POD_CIDR: &str = "10.245.0.0/16";
/// Cilium's default block for a node.
const DEFAULT_MASK: u8 = 24;
/// Overlay port of the Cilium guide; used unless the source has it.
const DEFAULT_PORT: u16 = 8473;

/// What the flags said; empty means that the tool decides.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// `--cilium-version`.
    pub cilium_version: Option<String>,
    /// `--target-pod-cidr`.
    pub pod_cidr: Option<IpNet>,
    /// `--target-mask-size`.
    pub mask_size: Option<u8>,
    /// `--tunnel-port`.
    pub tunnel_port: Option<u16>,
    /// `--release`.
    pub release: String,
    /// `--cilium-namespace`.
    pub namespace: String,
    /// `--reboot`.
    pub reboot: Option<RebootMode>,
    /// `--encryption`, `--kube-proxy-replacement`, `--hubble`.
    pub features: Features,
}

impl Wish {
    /// Books on its flag each value that a flag decided; a file that says the same has said it first.
    pub fn claim(&self, values: &mut Values) {
        let flags = [
            (self.pod_cidr.is_some(), "ipam.operator.clusterPoolIPv4PodCIDRList", "--target-pod-cidr"),
            (self.mask_size.is_some(), "ipam.operator.clusterPoolIPv4MaskSize", "--target-mask-size"),
            (self.tunnel_port.is_some(), "tunnelPort", "--tunnel-port"),
        ];
        for (_, path, flag) in flags.into_iter().filter(|(is_given, ..)| *is_given) {
            let origin = values.provenance.get_mut(path).filter(|o| !matches!(o, Origin::User { .. }));
            if let Some(origin) = origin {
                *origin = Origin::User { from: flag.to_owned() };
            }
        }
    }
}

/// The intent: of the migration that runs, or a new one.
///
/// # Errors
/// Usage, where a flag contradicts the migration that was begun.
pub fn intent(wish: &Wish, source: Option<&Parameters>, record: Option<&Record>) -> Result<Intent> {
    if let Some(record) = record {
        return same_wish(wish, &record.intent);
    }
    let pod_cidr = match wish.pod_cidr {
        Some(range) => range,
        None => DEFAULT_POD_CIDR.parse().map_err(|e| Error::failed(format!("{DEFAULT_POD_CIDR}: {e}")))?,
    };
    let free_port =
        if source.and_then(|s| s.port) == Some(DEFAULT_PORT) { DEFAULT_PORT + 1 } else { DEFAULT_PORT };
    Ok(Intent {
        cilium_version: wish.cilium_version.clone().unwrap_or_else(|| DEFAULT_VERSION.to_owned()),
        namespace: wish.namespace.clone(),
        release: wish.release.clone(),
        mask_size: wish.mask_size.unwrap_or(DEFAULT_MASK).max(pod_cidr.prefix_len()),
        pod_cidr,
        overlay: OverlayPort { protocol: "vxlan".into(), port: wish.tunnel_port.unwrap_or(free_port) },
        reboot: wish.reboot.unwrap_or(RebootMode::Never),
        features: wish.features.clone(),
    })
}

fn same_wish(wish: &Wish, begun: &Intent) -> Result<Intent> {
    fn check<T: PartialEq + std::fmt::Display>(flag: &str, asked: Option<&T>, begun: &T) -> Result<()> {
        match asked {
            Some(asked) if asked != begun => Err(Error::usage(format!(
                "{flag} {asked} was asked for, but this migration was begun with {begun}"
            ))
            .hint(format!("leave out {flag} to go on with what was begun"))),
            _ => Ok(()),
        }
    }
    check("--cilium-version", wish.cilium_version.as_ref(), &begun.cilium_version)?;
    check("--target-pod-cidr", wish.pod_cidr.as_ref(), &begun.pod_cidr)?;
    check("--target-mask-size", wish.mask_size.as_ref(), &begun.mask_size)?;
    check("--tunnel-port", wish.tunnel_port.as_ref(), &begun.overlay.port)?;
    check("--release", Some(&wish.release), &begun.release)?;
    check("--cilium-namespace", Some(&wish.namespace), &begun.namespace)?;
    // Features begin with the final values, so they may still be asked for after the begin.
    Ok(Intent {
        reboot: wish.reboot.unwrap_or(begun.reboot),
        features: begun.features.and(&wish.features),
        ..begun.clone()
    })
}

/// The one source CNI of the cluster.
///
/// # Errors
/// A refusal, with what was seen, where there is none, or more than one answer.
pub fn source_of(detection: &Detection) -> Result<(&'static dyn SourceCni, &Parameters)> {
    if let Some(found) = detection.one() {
        return Ok(found);
    }
    let message = match detection {
        Detection::Unreadable { source, problems, .. } => {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            format!(
                "the cluster comes from {}, but its configuration was not understood: {}",
                source.id(),
                problems.join("; ")
            )
        }
        Detection::Contradiction { claims } => {
            let claims: Vec<_> = claims
                .iter()
                .map(|c| {
                    format!("{}: {}", c.by, c.evidence.first().map(ToString::to_string).unwrap_or_default())
                })
                .collect();
            format!("the source CNI is not clear: {}", claims.join("; "))
        }
        _ => {
            let seen = match detection {
                Detection::None { seen } if !seen.is_empty() => {
                    seen.iter().map(|c| c.by.as_str()).collect::<Vec<_>>().join(", ")
                }
                _ => "nothing".into(),
            };
            format!("no source CNI was recognised that can be migrated from (seen: {seen})")
        }
    };
    Err(Error::no(message).hint("see the evidence: kubectl cni-migrate preflight"))
}

/// What the values need to know of the cluster.
pub fn detected(snapshot: &Snapshot, source: &dyn SourceCni, parameters: &Parameters) -> Detected {
    let is_kube_proxy = |labels: Option<&str>| labels == Some("kube-proxy");
    Detected {
        source: source.id().to_owned(),
        backend: parameters.backend.clone(),
        overlay_port: parameters.port,
        links: source.links(parameters),
        networks: parameters.networks.clone(),
        mtu: parameters.mtu,
        host_ports: snapshot.pods.iter().any(|p| p.on_pod_network() && !p.host_ports.is_empty()),
        kube_proxy: snapshot
            .pods
            .iter()
            .any(|p| is_kube_proxy(p.label("k8s-app")) || is_kube_proxy(p.label("component"))),
        cluster_name: snapshot.cluster.name.clone(),
        schedulable_nodes: snapshot.nodes.len(),
        distribution: Distribution::of(&snapshot.nodes),
        other_cnis: other_cnis(snapshot),
    }
}

/// CNIs that work beside another one and keep files of their own in its directory, by their DaemonSets.
fn other_cnis(snapshot: &Snapshot) -> Vec<String> {
    const KNOWN: [(&str, &str); 3] =
        [("multus", "Multus"), ("istio-cni", "Istio CNI"), ("linkerd-cni", "Linkerd CNI")];
    let runs = |part: &str| snapshot.daemon_sets.iter().any(|set| set.name.contains(part));
    KNOWN.iter().filter(|(part, _)| runs(part)).map(|(_, name)| (*name).to_owned()).collect()
}

/// The values of a phase; the user's values of the running release are kept, unless that is further than the phase.
pub fn values(
    phase: Phase,
    detected: &Detected,
    intent: &Intent,
    user: &[Overlay],
    running: Option<&serde_json::Value>,
) -> Result<Values> {
    let mut overlays = Vec::new();
    let is_final = |release: &&serde_json::Value| release.pointer("/cni/customConf") != Some(&true.into());
    if let Some(running) = running.filter(|release| phase == Phase::Final || !is_final(release)) {
        let generated = defaults(Phase::Migration, detected, intent)?.tree;
        let kept = serde_json::Value::Object(user_part(running, &generated));
        overlays.push(Overlay::file("(running release)", &kept.to_string())?);
    }
    overlays.extend_from_slice(user);
    generate(phase, detected, intent, &overlays)
}
