//! The CiliumNodeConfig that makes Cilium the CNI of the nodes that carry the migration label.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CNI_DIR, CNI_FILE};
use crate::model::MIGRATION_LABEL;

/// Name of the CiliumNodeConfig (guide "Migrating a cluster to Cilium").
pub const NODE_CONFIG_NAME: &str = "cilium-default";

/// A CiliumNodeConfig to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Namespace: Cilium's own, since agents read no other.
    pub namespace: String,
    /// `spec.defaults`: agent options that win over `cilium-config` on selected nodes.
    pub defaults: BTreeMap<String, String>,
}

impl NodeConfig {
    /// The node configuration that goes with the values of the migration phase.
    ///
    /// Chaining mode and exclusiveness are taken from the values: once `finalize` has removed this object the
    /// values alone decide, and an agent that then changed its mode would rewrite the node's CNI file. The
    /// exclusiveness must be said, because the chart leaves it out beside `cni.customConf` and the agent's own
    /// default is false (daemon/cmd/cni/cell.go).
    pub fn for_values(namespace: &str, values: &Value) -> Self {
        let text = |path: &str, default: &str| match values.pointer(path) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(flag)) => flag.to_string(),
            _ => default.to_owned(),
        };
        let directory = text("/cni/hostConfDirMountPath", CNI_DIR);
        let defaults = [
            ("write-cni-conf-when-ready", format!("{directory}/{CNI_FILE}")),
            ("custom-cni-conf", "false".to_owned()),
            ("cni-chaining-mode", text("/cni/chainingMode", "none")),
            ("cni-exclusive", text("/cni/exclusive", "true")),
        ];
        Self {
            namespace: namespace.to_owned(),
            defaults: defaults.map(|(key, value)| (key.to_owned(), value)).into(),
        }
    }

    /// The object, under the `apiVersion` that discovery found.
    pub fn manifest(&self, api_version: &str) -> Value {
        json!({
            "apiVersion": api_version,
            "kind": "CiliumNodeConfig",
            "metadata": {"name": NODE_CONFIG_NAME, "namespace": self.namespace},
            "spec": {
                "nodeSelector": {"matchLabels": {MIGRATION_LABEL: "true"}},
                "defaults": self.defaults,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_guides_object() {
        let manifest = NodeConfig::for_values("kube-system", &json!({})).manifest("cilium.io/v2");
        assert_eq!(
            manifest,
            json!({
                "apiVersion": "cilium.io/v2",
                "kind": "CiliumNodeConfig",
                "metadata": {"namespace": "kube-system", "name": "cilium-default"},
                "spec": {
                    "nodeSelector": {"matchLabels": {"io.cilium.migration/cilium-default": "true"}},
                    "defaults": {
                        "write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
                        "custom-cni-conf": "false",
                        "cni-chaining-mode": "none",
                        "cni-exclusive": "true",
                    },
                },
            })
        );
    }

    #[test]
    fn agrees_with_the_values() {
        let values =
            json!({"cni": {"chainingMode": "portmap", "exclusive": false, "hostConfDirMountPath": "/h"}});
        let defaults = NodeConfig::for_values("cilium", &values).defaults;
        assert_eq!(defaults["cni-chaining-mode"], "portmap");
        assert_eq!(defaults["cni-exclusive"], "false");
        assert_eq!(defaults["write-cni-conf-when-ready"], "/h/05-cilium.conflist");
    }
}
