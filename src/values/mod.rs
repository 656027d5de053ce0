//! Chart values for both phases of the migration, with the reason for each key, under what the user gave.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

mod diff;
mod features;
mod known;
mod manifests;
mod overlay;
mod redact;
mod render;
mod rules;
mod set;
mod settings;
mod tree;
mod user;

pub use diff::{Change, Row, diff, three_way, unified};
pub use known::check_keys;
pub use manifests::{ObjectDiff, manifests};
pub use overlay::Overlay;
pub use redact::public;
pub use rules::not_yet;
pub use user::user_part;

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Result;
use crate::model::Intent;
use crate::target::{Distribution, Target};

/// Which of the two sets of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Cilium beside the old CNI: no node switches before its label says so.
    Migration,
    /// Cilium alone: every node is migrated.
    Final,
}

/// What the values need to know of the cluster as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Name of the source CNI, such as `flannel`.
    pub source: String,
    /// Its backend, such as `vxlan`.
    pub backend: String,
    /// UDP port of its overlay; `None` where the backend sends no UDP.
    pub overlay_port: Option<u16>,
    /// Its network links, as names or as prefixes with a trailing `+`, such as `flannel+`.
    pub links: Vec<String>,
    /// Its address ranges for pods.
    pub networks: Vec<IpNet>,
    /// MTU of the underlying network, where the source was told one by hand (flannel's `Backend.MTU`).
    pub mtu: Option<u32>,
    /// Whether a pod on the pod network uses a hostPort.
    pub host_ports: bool,
    /// Whether kube-proxy runs.
    pub kube_proxy: bool,
    /// Name of the cluster in the kubeconfig.
    pub cluster_name: String,
    /// Nodes that take new pods.
    pub schedulable_nodes: usize,
    /// The distribution of Kubernetes.
    pub distribution: Distribution,
    /// CNIs beside the source that keep files of their own in the CNI directory, such as Multus.
    pub other_cnis: Vec<String>,
}

/// Why a value is what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "origin")]
pub enum Origin {
    /// Follows from the cluster.
    Detected {
        /// What was seen.
        from: String,
    },
    /// The migration does not work without it.
    Required {
        /// Why.
        reason: String,
        /// Document or file that says so.
        source: String,
    },
    /// The user gave it.
    User {
        /// The flag, or the file.
        from: String,
    },
}

/// Values of the chart and where each comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// What Helm gets.
    pub tree: Value,
    /// Origin of each leaf, by its path in the syntax of `--set`; a list is one leaf.
    pub provenance: BTreeMap<String, Origin>,
}

impl Values {
    /// The values and their provenance, for machines.
    pub fn to_json(&self) -> Value {
        json!({"values": self.tree, "provenance": self.provenance})
    }

    /// The values as YAML, each with its provenance as a comment above it.
    ///
    /// # Errors
    /// Those of [`crate::yaml::write`].
    pub fn to_yaml(&self) -> Result<String> {
        render::yaml(&self.tree, &self.provenance)
    }

    /// The same to look at: what seems to be a secret is hidden.
    ///
    /// # Errors
    /// Those of [`crate::yaml::write`].
    pub fn to_shown_yaml(&self) -> Result<String> {
        render::yaml(&redact::public(&self.tree), &self.provenance)
    }
}

/// Makes the values of a phase: what the migration needs, then what the user gave on top, merged as Helm merges.
///
/// Helm's order holds whatever the order of `user`: files, then `--set`, then `--set-string`.
///
/// # Errors
/// A Cilium version that is not known, an overlay that cannot be applied, and values with which the migration
/// would hurt running pods; the latter name every such value and why.
pub fn generate(phase: Phase, detected: &Detected, intent: &Intent, user: &[Overlay]) -> Result<Values> {
    let target = Target::of(&intent.cilium_version)?;
    let settings = settings::all(phase, detected, intent, target.dialect);
    let mut values = defaults(phase, detected, intent)?;
    let mut user: Vec<_> = user.iter().collect();
    user.sort_by_key(|overlay| overlay.rank());
    for overlay in user {
        apply(&mut values, overlay)?;
    }
    rules::check(target, phase, detected, intent, &settings, &values)?;
    Ok(values)
}

/// What the tool itself sets in a phase, without the user's values and unchecked.
///
/// # Errors
/// A Cilium version that is not known.
pub fn defaults(phase: Phase, detected: &Detected, intent: &Intent) -> Result<Values> {
    let target = Target::of(&intent.cilium_version)?;
    let mut values = Values { tree: json!({}), provenance: BTreeMap::new() };
    for setting in settings::all(phase, detected, intent, target.dialect) {
        tree::set(&mut values.tree, setting.path, setting.value);
        values.provenance.insert(setting.path.to_owned(), setting.origin);
    }
    Ok(values)
}

/// Applies an overlay and books what it changed on it.
fn apply(values: &mut Values, overlay: &Overlay) -> Result<()> {
    let before = values.tree.clone();
    overlay.apply(&mut values.tree)?;
    let (old, new) = (tree::leaves(&before), tree::leaves(&values.tree));
    values.provenance.retain(|path, _| new.contains_key(path));
    for (path, value) in new {
        if old.get(&path) != Some(&value) {
            values.provenance.insert(path, Origin::User { from: overlay.from().to_owned() });
        }
    }
    Ok(())
}
