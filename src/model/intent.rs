//! What the operator wants: the target and how to get there.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The wish, resolved from flags and from what was detected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// Cilium version to install, such as `1.19.6`.
    pub cilium_version: String,
    /// Namespace of Cilium's release.
    pub namespace: String,
    /// Name of Cilium's release.
    pub release: String,
    /// Address range for pods on Cilium.
    pub pod_cidr: IpNet,
    /// Prefix length of each node's block of it.
    pub mask_size: u8,
    /// Overlay protocol and port of Cilium.
    pub overlay: OverlayPort,
    /// How a node is rebooted.
    pub reboot: RebootMode,
    /// What Cilium is to do in the end; a journal of before there were any has none.
    #[serde(default)]
    pub features: Features,
}

/// What Cilium is to do beyond being the CNI. All of it begins with the final values: encryption and the replacement of
/// kube-proxy hurt pods while two CNIs run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Features {
    /// How traffic between nodes is encrypted; `None` leaves it in the clear.
    pub encryption: Option<Encryption>,
    /// Cilium serves Services, and kube-proxy goes.
    pub kube_proxy_replacement: bool,
    /// Hubble with its relay and its web page.
    pub hubble: bool,
}

impl Features {
    /// These and what is asked for besides; a newly asked encryption wins.
    #[must_use]
    pub fn and(&self, more: &Self) -> Self {
        Self {
            encryption: more.encryption.or(self.encryption),
            kube_proxy_replacement: self.kube_proxy_replacement || more.kube_proxy_replacement,
            hubble: self.hubble || more.hubble,
        }
    }
}

/// How Cilium encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// IPsec, with a key in a Secret
    Ipsec,
    /// WireGuard, whose keys the agents make themselves
    Wireguard,
}

impl Encryption {
    /// As the chart's `encryption.type` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipsec => "ipsec",
            Self::Wireguard => "wireguard",
        }
    }
}

/// Overlay protocol and UDP port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OverlayPort {
    /// `vxlan` or `geneve`.
    pub protocol: String,
    /// UDP port.
    pub port: u16,
}

/// kubectl's `--dry-run`: what is stored, and who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DryRun {
    /// Everything is done.
    #[default]
    None,
    /// Nothing is sent: only what would be done is told.
    Client,
    /// Writes are sent with `dryRun=All`: the API server judges them and stores nothing.
    Server,
}

/// How a node is rebooted after its switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RebootMode {
    /// No reboot: every remaining pod-network pod of the node is restarted instead.
    Never,
    /// The operator reboots the node; the run waits for a new boot id.
    Manual,
    /// A privileged pod on the node reboots it.
    Pod,
    /// A command on the operator's machine reboots it (`--reboot-command`).
    Command,
}
