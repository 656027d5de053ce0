//! CNC-003: no CiliumNodeConfig but this tool's selects a node.

use serde_json::Value;

use super::{Check, Facts, Finding, Level, Severity, or_ok};
use crate::model::CiliumNodeConfig;
use crate::report::count;
use crate::target::{NODE_CONFIG_NAME, NodeConfig};

pub(super) struct NodeConfigOthers;

impl Check for NodeConfigOthers {
    fn id(&self) -> &'static str {
        "CNC-003"
    }

    fn title(&self) -> &'static str {
        "no other CiliumNodeConfig selects a node"
    }

    fn severity(&self) -> Severity {
        Severity::Warning
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        let snapshot = facts.snapshot;
        let ours = NodeConfig::for_values(&facts.intent.namespace, &Value::Null).defaults;
        // Agents read those of their own namespace only.
        let others = snapshot.cilium.node_configs.iter().filter(|config| {
            *config.namespace == *facts.intent.namespace && &*config.name != NODE_CONFIG_NAME
        });
        let judge = |config: &CiliumNodeConfig| {
            let selected = |labels| config.selector.as_ref().is_some_and(|selector| selector.matches(labels));
            let nodes = snapshot.nodes.iter().filter(|node| selected(&node.labels)).count();
            if nodes == 0 {
                return None;
            }
            let subject = format!("CiliumNodeConfig {}/{}", config.namespace, config.name);
            let shared: Vec<_> =
                config.defaults.keys().filter(|key| ours.contains_key(*key)).cloned().collect();
            let message = format!("selects {}", count(nodes, "node"));
            let hint = "delete it, or see that it goes with the values: the last one by name wins";
            Some(if shared.is_empty() {
                Finding::failed(self, subject, message).hint(hint)
            } else {
                Finding::new(
                    self,
                    Level::Blocker,
                    subject,
                    format!("{message} and sets {}", shared.join(", ")),
                )
                .hint(hint)
            })
        };
        or_ok(others.filter_map(judge).collect(), || {
            Finding::ok(
                self,
                count(snapshot.cilium.node_configs.len(), "CiliumNodeConfig"),
                "none but this tool's selects a node",
            )
        })
    }
}
