//! CNC-002: the release lets a CiliumNodeConfig override the options by which a node is switched.

use serde_json::Value;

use super::{Check, Facts, Finding, Severity, unreadable};
use crate::model::unread::DAEMON_SETS;
use crate::model::{Read, Snapshot};
use crate::target::NodeConfig;

pub(super) struct NodeConfigOverrides;

impl Check for NodeConfigOverrides {
    fn id(&self) -> &'static str {
        "CNC-002"
    }

    fn title(&self) -> &'static str {
        "CiliumNodeConfigs may override the agents' options"
    }

    fn severity(&self) -> Severity {
        Severity::Blocker
    }

    fn run(&self, facts: &Facts) -> Vec<Finding> {
        if let Some(unknown) = unreadable(self, facts, &[DAEMON_SETS]) {
            return unknown;
        }
        let rules = Rules::of(facts.snapshot);
        let defaults = NodeConfig::for_values(&facts.intent.namespace, &Value::Null).defaults;
        let blocked: Vec<_> = defaults.keys().filter(|key| rules.block(key)).map(String::as_str).collect();
        let subject = "daemon.*ConfigOverrides";
        if blocked.is_empty() {
            return vec![Finding::ok(self, subject, "nothing that the switch of a node needs is blocked")];
        }
        vec![
            Finding::failed(self, subject, format!("blocked: {}", blocked.join(", "))).hint(
                "leave daemon.configSources, daemon.allowedConfigOverrides and daemon.blockedConfigOverrides unset: no \
                 node would switch",
            ),
        ]
    }
}

/// Which options a CiliumNodeConfig may override (chart values `daemon.*`; flags of `cilium-dbg build-config`).
#[derive(Default)]
struct Rules {
    sources: Option<String>,
    allowed: Option<String>,
    blocked: Option<String>,
}

impl Rules {
    /// As the running agents have them, else as the release says.
    fn of(snapshot: &Snapshot) -> Self {
        let agents = snapshot.daemon_sets.iter().filter(|set| &*set.name == "cilium");
        let args: Vec<&str> = agents.flat_map(|set| &set.args).map(|arg| &**arg).collect();
        let values = match &snapshot.release {
            Read::Known(Some(release)) => Some(&release.values),
            _ => None,
        };
        let rule = |flag: &str, pointer: &str| {
            let given = args.iter().find_map(|arg| arg.strip_prefix(flag)).map(str::to_owned);
            let value = || values?.pointer(pointer)?.as_str().map(str::to_owned);
            given.or_else(value)
        };
        Self {
            sources: rule("--source=", "/daemon/configSources"),
            allowed: rule("--allow-config-keys=", "/daemon/allowedConfigOverrides"),
            blocked: rule("--deny-config-keys=", "/daemon/blockedConfigOverrides"),
        }
    }

    /// The allowed keys take precedence over the blocked ones (chart values.yaml).
    fn block(&self, key: &str) -> bool {
        let lists = |list: &str| list.split(',').any(|entry| entry.trim() == key);
        let unread = self.sources.as_deref().is_some_and(|sources| !sources.contains("cilium-node-config:"));
        unread
            || match (&self.allowed, &self.blocked) {
                (Some(allowed), _) => !lists(allowed),
                (None, Some(blocked)) => lists(blocked),
                (None, None) => false,
            }
    }
}
