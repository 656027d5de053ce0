//! Where an agent keeps things, as its own container sees them (chart templates/cilium-agent/daemonset.yaml).

/// The node's CNI configuration directory.
pub const CNI_DIR: &str = "/host/etc/cni/net.d";
/// Cilium's file in it.
pub const CNI_FILE: &str = "05-cilium.conflist";
/// Folder with the options that the agent was started with, one file each (`--config-dir`, written by the init
/// container `config`).
pub const AGENT_CONFIG_DIR: &str = "/tmp/cilium/config-map";
