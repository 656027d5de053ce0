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
