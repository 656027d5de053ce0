//! The whole plan as data: what happens in which order and why, bound to the cluster that it was made for.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::order::nodes_in_order;
use super::step::{NodeStep, Step};
use crate::error::{Error, Result};
use crate::journal::Record;
use crate::model::{Intent, Node, Pod, RebootMode, Snapshot};
use crate::report::{count, object};

/// `kind` of a plan.
pub const PLAN_KIND: &str = "MigrationPlan";

/// What `run` does, from the first step to the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Name of the cluster, for people.
    pub cluster: String,
    /// Hash of what the plan depends on: identity of cluster and nodes, intent, networks and inventory. Pods come and
    /// go and are not part of it.
    pub state_hash: String,
    /// Id of the source CNI.
    pub source: String,
    /// What is wanted.
    pub intent: Intent,
    /// In the order of execution.
    pub steps: Vec<Planned>,
}

/// One part of a plan: the whole cluster's, or one node's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Planned {
    /// `install`, `node/NAME`, `finalize` or `cleanup`.
    pub id: String,
    /// What is done.
    pub does: String,
    /// Why it is done, and why now.
    pub why: String,
    /// How it is undone.
    pub undo: String,
}

impl Planned {
    /// The node, for a node's part.
    pub fn node(&self) -> Option<&str> {
        self.id.strip_prefix("node/")
    }
}

/// The plan for what is left of a migration; `access` is the address by which the caller reaches the API server.
pub fn plan(snapshot: &Snapshot, record: &Record, access: Option<IpAddr>) -> Plan {
    let intent = &record.intent;
    let mut steps = vec![install(record)];
    let nodes = nodes_in_order(snapshot, access);
    let pods = snapshot.pods_by_node();
    steps.extend(nodes.iter().filter_map(|name| {
        let (id, node) = snapshot.node_named(name)?;
        Some(migrate(&pods[id.0 as usize], node, intent, access))
    }));
    steps.extend([finalize(intent), cleanup(snapshot, record)]);
    steps.retain(|step| !record.is_done(&step.id));
    Plan {
        cluster: snapshot.cluster.name.clone(),
        state_hash: state_hash(snapshot, record),
        source: record.inventory.source.clone(),
        intent: intent.clone(),
        steps,
    }
}

fn install(record: &Record) -> Planned {
    let Intent { release, namespace, cilium_version, .. } = &record.intent;
    Planned {
        id: Step::Install.id(),
        does: format!(
            "installs Helm release {namespace}/{release} ({cilium_version}) beside {}, and the CiliumNodeConfig",
            record.inventory.source
        ),
        why: "agents run on every node before any node changes; no pod is touched, which is proven".into(),
        undo: format!("helm uninstall {release} -n {namespace}"),
    }
}

fn migrate(pods: &[&Pod], node: &Node, intent: &Intent, access: Option<IpAddr>) -> Planned {
    let pods = || pods.iter().filter(|pod| pod.on_pod_network());
    let daemons = pods().filter(|pod| pod.is_daemon()).count();
    let names: Vec<_> = NodeStep::sequence(intent.reboot).into_iter().map(NodeStep::name).collect();
    let why = match node.phase() {
        Some(phase) => format!("was begun already and is {phase}: it goes first"),
        None if is_access(node, access) => "the API server is reached through it: it goes last".to_owned(),
        None if node.is_control_plane() => "is a control-plane node: after the workers".to_owned(),
        None => "is a worker: before the control plane".to_owned(),
    };
    Planned {
        id: format!("node/{}", node.name),
        does: format!(
            "{}: {} evicted, {} restarted",
            names.join(", "),
            count(pods().count() - daemons, "pod"),
            count(daemons, "daemon pod")
        ),
        why,
        undo: format!("kubectl cni-migrate rollback {}", node.name),
    }
}

fn finalize(intent: &Intent) -> Planned {
    Planned {
        id: Step::Finalize.id(),
        does: format!(
            "upgrades Helm release {}/{} to its final values, restarts agents one by one and the operator, removes the \
             CiliumNodeConfig",
            intent.namespace, intent.release
        ),
        why: "every node is on Cilium: it may enforce policies and be the only CNI".into(),
        undo: "none: the values before are in `helm history`".into(),
    }
}

fn cleanup(snapshot: &Snapshot, record: &Record) -> Planned {
    let inventory = &record.inventory;
    let objects = inventory.objects.len() + usize::from(inventory.namespace.is_some());
    Planned {
        id: Step::Cleanup.id(),
        does: format!(
            "deletes {} of {} and what it left on {}",
            count(objects, "object"),
            inventory.source,
            count(snapshot.nodes.len(), "node")
        ),
        why: "no pod needs it any more; only what was noted at detection goes".into(),
        undo: "none: the objects are kept in ConfigMap kube-system/cni-migrate-journal".into(),
    }
}

pub(super) fn is_access(node: &Node, access: Option<IpAddr>) -> bool {
    access.is_some_and(|address| node.internal_ips.contains(&address))
}

fn state_hash(snapshot: &Snapshot, record: &Record) -> String {
    let nodes: Vec<_> = snapshot.nodes.iter().map(|node| (&*node.name, &*node.uid)).collect();
    // How nodes are rebooted is a choice of the run, not of the state.
    let intent = Intent { reboot: RebootMode::Never, ..record.intent.clone() };
    let state = json!({
        "cluster": record.cluster_uid, "nodes": nodes, "intent": intent,
        "networks": record.source_networks, "inventory": record.inventory,
    });
    Sha256::digest(state.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Plan {
    /// Reads what `plan -o yaml` or `-o json` printed.
    ///
    /// # Errors
    /// Usage, where it is no plan of this version.
    pub fn read(text: &str) -> Result<Self> {
        let mut value = crate::yaml::read(text)?;
        let expected = object(PLAN_KIND, &json!({}))?;
        for key in ["apiVersion", "kind"] {
            if value[key] != expected[key] {
                return Err(Error::usage(format!("{key} is {}, expected {}", value[key], expected[key]))
                    .hint("a plan is printed by: kubectl cni-migrate plan -o yaml"));
            }
            if let Some(fields) = value.as_object_mut() {
                fields.remove(key);
            }
        }
        serde_json::from_value(value).map_err(|e| Error::usage(format!("is not a plan: {e}")))
    }

    /// Whether this plan, made earlier, may be executed where `now` is the plan for the present state: nodes may be in
    /// another order, and parts that are done by now are passed over.
    ///
    /// # Errors
    /// A refusal that names the difference.
    pub fn fits(&self, now: &Self, snapshot: &Snapshot) -> Result<()> {
        let refuse =
            |why: String| Err(Error::no(why).hint("make a new one: kubectl cni-migrate plan -o yaml"));
        if self.state_hash != now.state_hash {
            return refuse(format!(
                "the plan is for another state of cluster {} (hash {}, now {}): nodes, networks, wishes or the source \
                 CNI have changed",
                now.cluster, self.state_hash, now.state_hash
            ));
        }
        if let Some(strange) = self.steps.iter().find(|step| rank(step, snapshot).is_none()) {
            return refuse(format!("the plan has a step {} that this cluster does not know", strange.id));
        }
        if let Some(missing) = now.steps.iter().find(|step| !self.steps.iter().any(|s| s.id == step.id)) {
            return refuse(format!("the plan leaves out {}", missing.id));
        }
        if !self.steps.is_sorted_by_key(|step| rank(step, snapshot)) {
            return refuse("the plan's steps are not in order: install, nodes, finalize, cleanup".to_owned());
        }
        Ok(())
    }
}

/// Where a step belongs; none for one that is not known.
fn rank(step: &Planned, snapshot: &Snapshot) -> Option<u8> {
    match (step.node(), step.id.as_str()) {
        (Some(name), _) => snapshot.node_named(name).map(|_| 1),
        (None, "install") => Some(0),
        (None, "finalize") => Some(2),
        (None, "cleanup") => Some(3),
        (None, _) => None,
    }
}
