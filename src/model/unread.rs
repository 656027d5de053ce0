//! Names of the kinds that a snapshot may lack, as [`super::Snapshot::unknown`] has them: the observer writes them,
//! the checks ask for them.

/// PodDisruptionBudgets.
pub const BUDGETS: &str = "PodDisruptionBudgets";
/// DaemonSets.
pub const DAEMON_SETS: &str = "DaemonSets";
/// ConfigMaps.
pub const CONFIG_MAPS: &str = "ConfigMaps";
/// NetworkPolicies.
pub const NETWORK_POLICIES: &str = "NetworkPolicies";
/// Services.
pub const SERVICES: &str = "Services";
/// Webhook configurations of both kinds.
pub const WEBHOOKS: &str = "webhook configurations";
/// APIServices.
pub const API_SERVICES: &str = "APIServices";
/// Namespaces.
pub const NAMESPACES: &str = "Namespaces";
/// PersistentVolumes.
pub const VOLUMES: &str = "PersistentVolumes";
/// The definition of CiliumNodeConfig.
pub const NODE_CONFIG_CRD: &str = "the CRD of CiliumNodeConfig";
