//! Which rights each verb needs: one table, from which RIGHTS-001 asks and `rbac` prints roles.
//!
//! Discovery and the SelfSubjectReviews are not in it: every authenticated caller has them (the default roles
//! `system:discovery` and `system:basic-user`). RBAC knows no name when an object is created, so those rows have none.

use clap::ValueEnum;

use super::Right;
use crate::model::{Inventory, JOURNAL, JOURNAL_PARTS, ObjectRef, journal_document};
use crate::source::SOURCES;
use crate::target::NODE_CONFIG_NAME;
use Task::{CleanupFlannel, Finalize, Install, Node, Rollback, Snapshot, Verify};

/// A verb of this program that talks to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Looking.
    Preflight,
    /// Looking.
    Values,
    /// Looking.
    ValuesDiff,
    /// Looking.
    Plan,
    /// Looking.
    Status,
    /// Looking, also at what a rehearsal needs.
    Snapshot,
    /// Cilium beside the source CNI.
    Install,
    /// Nodes, one after the other.
    Node,
    /// Probes.
    Verify,
    /// The final values.
    Finalize,
    /// Nothing left of the source CNI.
    CleanupFlannel,
    /// All of it.
    Run,
    /// Back.
    Rollback,
}

impl Task {
    /// Every verb that a migration needs; without a snapshot it can be done as well.
    pub fn of_a_migration() -> Vec<Self> {
        Self::value_variants().iter().copied().filter(|task| *task != Snapshot).collect()
    }

    /// The verbs whose rights it needs besides those for looking.
    fn parts(self) -> &'static [Self] {
        match self {
            Self::Preflight | Self::Values | Self::ValuesDiff | Self::Plan | Self::Status => &[],
            Self::Snapshot => &[Snapshot],
            Self::Install => &[Install],
            Self::Node => &[Node],
            Self::Verify => &[Verify],
            Self::Finalize => &[Finalize],
            Self::CleanupFlannel => &[CleanupFlannel],
            Self::Run => &[Install, Node, Finalize, CleanupFlannel],
            Self::Rollback => &[Rollback],
        }
    }
}

/// Where a right is needed.
#[derive(Clone, Copy)]
enum Place {
    /// In all namespaces, or on a resource without.
    Everywhere,
    /// In `kube-system`, where the journal and the lock are.
    System,
    /// In the namespace of Cilium's release.
    Cilium,
}
use Place::{Cilium, Everywhere, System};

struct Row {
    tasks: &'static [Task],
    place: Place,
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
    /// Only objects of these names; empty is all. The journal's is that of its parts too.
    names: &'static [&'static str],
}

const fn row(
    tasks: &'static [Task],
    place: Place,
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
    names: &'static [&'static str],
) -> Row {
    Row { tasks, place, verbs, group, resources, names }
}

const RBAC: &str = "rbac.authorization.k8s.io";
/// What every verb that writes takes and gives back.
const WRITES: &[Task] = &[Install, Node, Verify, Finalize, CleanupFlannel, Rollback];
const PROBES: &[Task] = &[Node, Verify, Rollback];
const DRAINS: &[Task] = &[Node, Rollback];
const HELM: &[Task] = &[Install, Finalize];
/// Verbs on the objects of a chart: helm 3 gets, creates and patches, helm 4 applies; both delete what the next
/// revision does not have.
const CHART: &[&str] = &["get", "create", "patch", "delete"];

/// What every verb reads first, as [`crate::observe`] does it.
const LOOK: &[Row] = &[
    row(&[], Everywhere, &["get"], "", &["namespaces"], &["kube-system"]),
    row(&[], Everywhere, &["list"], "", &["nodes", "pods"], &[]),
    row(&[], Everywhere, &["list"], "policy", &["poddisruptionbudgets"], &[]),
    row(&[], Everywhere, &["list"], "apps", &["daemonsets"], &[]),
    row(&[], Everywhere, &["list"], "networking.k8s.io", &["servicecidrs"], &[]),
    row(
        &[],
        Everywhere,
        &["list"],
        "cilium.io",
        &["ciliumnodes", "ciliumendpoints", "ciliumnodeconfigs"],
        &[],
    ),
    row(&[], System, &["get"], "", &["configmaps"], &[JOURNAL]),
    // Read by a list with a name, as those of the source are.
    row(&[], System, &["list"], "", &["configmaps"], &["kube-proxy", "kubeadm-config"]),
    // `helm list` and `helm get values`; a release is a Secret.
    row(&[], Cilium, &["list"], "", &["secrets"], &[]),
];

/// What only checks read: without one of them they answer unknown, and no step of a migration minds.
const CHECKED: &[Row] = &[
    row(&[], Everywhere, &["list"], "networking.k8s.io", &["networkpolicies"], &[]),
    row(&[], Everywhere, &["list"], "", &["services", "namespaces", "persistentvolumes"], &[]),
    row(
        &[],
        Everywhere,
        &["list"],
        "admissionregistration.k8s.io",
        &["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
        &[],
    ),
    row(&[], Everywhere, &["list"], "apiregistration.k8s.io", &["apiservices"], &[]),
    row(
        &[],
        Everywhere,
        &["get"],
        "apiextensions.k8s.io",
        &["customresourcedefinitions"],
        &["ciliumnodeconfigs.cilium.io"],
    ),
];

/// Spares looks at pods while a step waits for them; without it the step looks at every tick.
const WATCH: Row = row(WRITES, Everywhere, &["watch"], "", &["pods"], &[]);

const ROWS: &[Row] = &[
    row(&[Snapshot], Everywhere, &["list"], "apps", &["deployments", "replicasets", "statefulsets"], &[]),
    row(&[Snapshot], Everywhere, &["list"], "batch", &["jobs", "cronjobs"], &[]),
    row(&[Snapshot], Everywhere, &["list"], "", &["persistentvolumeclaims"], &[]),
    row(&[Snapshot], Cilium, &["get"], "", &["configmaps"], &["cilium-config"]),
    row(WRITES, System, &["create"], "coordination.k8s.io", &["leases"], &[]),
    row(WRITES, System, &["get", "update"], "coordination.k8s.io", &["leases"], &["cni-migrate"]),
    row(WRITES, System, &["create"], "", &["configmaps"], &[]),
    WATCH,
    row(WRITES, System, &["update"], "", &["configmaps"], &[JOURNAL]),
    // exec through a WebSocket is a GET; API servers since 1.35 ask for `create` besides (KEP-4006).
    row(WRITES, Cilium, &["get", "create"], "", &["pods/exec"], &[]),
    row(&[Node, CleanupFlannel, Rollback], Everywhere, &["get", "patch"], "", &["nodes"], &[]),
    row(DRAINS, Everywhere, &["create"], "", &["pods/eviction"], &[]),
    // Probe pods have a namespace that comes and goes: a Role in it would go as well.
    row(PROBES, Everywhere, &["create"], "", &["namespaces", "services"], &[]),
    row(PROBES, Everywhere, &["get"], "", &["namespaces"], &["cni-migrate-probe"]),
    row(PROBES, Everywhere, &["get"], "", &["services"], &["probe", "kubernetes"]),
    row(PROBES, Everywhere, &["create", "delete"], "", &["pods"], &[]),
    row(&[Verify, CleanupFlannel], Everywhere, &["delete"], "", &["namespaces"], &["cni-migrate-probe"]),
    // The file sweeper, and probe pods that are left.
    row(&[CleanupFlannel], System, &["create"], "", &["pods"], &[]),
    row(&[CleanupFlannel], Everywhere, &["delete"], "", &["pods"], &[]),
    // Agents restart one by one.
    row(&[Finalize], Cilium, &["delete"], "", &["pods"], &[]),
    row(&[Finalize], Cilium, &["patch"], "apps", &["deployments"], &["cilium-operator"]),
    // An apply that makes its object is asked for both, each with the name.
    row(&[Install], Cilium, &["create", "patch"], "cilium.io", &["ciliumnodeconfigs"], &[NODE_CONFIG_NAME]),
    row(&[Finalize], Cilium, &["delete"], "cilium.io", &["ciliumnodeconfigs"], &[NODE_CONFIG_NAME]),
    // helm's own records, and the objects of the chart.
    row(HELM, Cilium, &["update"], "", &["secrets"], &[]),
    row(HELM, Cilium, CHART, "", &["secrets", "configmaps", "serviceaccounts", "services"], &[]),
    row(HELM, Cilium, CHART, "apps", &["daemonsets", "deployments"], &[]),
    // The chart brings a namespace for TLS secrets with Roles in it.
    row(HELM, Everywhere, &["create"], "", &["namespaces"], &[]),
    row(HELM, Everywhere, &["get", "patch", "delete"], "", &["namespaces"], &["cilium-secrets"]),
    row(
        HELM,
        Everywhere,
        CHART,
        RBAC,
        &["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
        &[],
    ),
    // Whoever hands out rights that he does not have himself needs these.
    row(HELM, Everywhere, &["escalate", "bind"], RBAC, &["clusterroles", "roles"], &[]),
];

/// The rights that some verbs need, each once: ask for exactly these, or hand over a wider list.
///
/// `namespace` is that of Cilium's release. Objects that values of the operator's own add to the chart are not listed:
/// helm's dry run asks the API server for those.
pub fn needed_rights(tasks: &[Task], namespace: &str, inventory: &Inventory) -> Vec<Right> {
    let parts: Vec<Task> = tasks.iter().flat_map(|task| task.parts()).copied().collect();
    let wanted = |row: &&Row| row.tasks.iter().any(|task| parts.contains(task));
    let rows = LOOK.iter().chain(CHECKED).chain(ROWS.iter().filter(wanted));
    let mut rights: Vec<Right> = rows.flat_map(|row| of_row(row, namespace)).collect();
    rights.extend(SOURCES.iter().flat_map(|source| source.configs()).map(|(_, name)| {
        // The field selector `metadata.name` gives the list a name to authorize.
        Right { name: Some((*name).to_owned()), ..Right::new("list", "", "configmaps", None) }
    }));
    rights.extend(SOURCES.iter().flat_map(|source| source.candidates()).map(|o| anywhere("get", &o)));
    if parts.contains(&CleanupFlannel) {
        let objects = inventory.objects.iter().chain(&inventory.namespace);
        rights.extend(objects.flat_map(|object| ["get", "delete"].map(|verb| on(verb, object))));
        // Whether anything else lives in the source's namespace.
        rights.extend(inventory.namespace.iter().map(|o| Right::new("list", "*", "*", Some(&o.name))));
    }
    rights.sort();
    rights.dedup();
    let covered = |right: &Right| rights.iter().any(|other| other != right && other.covers(right));
    rights.iter().filter(|right| !covered(right)).cloned().collect()
}

/// Whether a migration goes on without it: only checks ask for it, or it spares requests.
pub(super) fn can_be_missed(right: &Right) -> bool {
    CHECKED.iter().chain([&WATCH]).any(|row| of_row(row, "").contains(right))
}

fn of_row(row: &Row, namespace: &str) -> Vec<Right> {
    let namespace = match row.place {
        Everywhere => None,
        System => Some("kube-system"),
        Cilium => Some(namespace),
    };
    let names: Vec<Option<String>> = if row.names.is_empty() {
        vec![None]
    } else {
        row.names.iter().flat_map(|name| objects(name)).collect()
    };
    let mut rights = Vec::new();
    for verb in row.verbs {
        for resource in row.resources {
            for name in &names {
                let right = Right::new(verb, row.group, resource, namespace);
                rights.push(Right { name: name.clone(), ..right });
            }
        }
    }
    rights
}

fn objects(name: &str) -> Vec<Option<String>> {
    let last = if name == JOURNAL { JOURNAL_PARTS } else { return vec![Some(name.to_owned())] };
    (0..=last).map(|number| Some(journal_document(number))).collect()
}

fn on(verb: &str, object: &ObjectRef) -> Right {
    let group = object.api_version.split_once('/').map_or("", |(group, _)| group);
    let right = Right::new(verb, group, &object.resource, object.namespace.as_deref());
    Right { name: Some(object.name.clone()), ..right }
}

/// By its name in whatever namespace: a Role cannot stand in a namespace that is not there.
fn anywhere(verb: &str, object: &ObjectRef) -> Right {
    Right { namespace: None, ..on(verb, object) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_journal_may_be_written_and_no_other_config_map() {
        let rights = needed_rights(&[Task::Verify], "cilium", &Inventory::default());
        for verb in ["get", "update"] {
            let of_maps = |r: &&Right| r.resource == "configmaps" && r.verb == verb;
            let in_system =
                rights.iter().filter(of_maps).filter(|r| r.namespace.as_deref() == Some("kube-system"));
            let names: Vec<Option<String>> = in_system.map(|right| right.name.clone()).collect();
            assert_eq!(names, objects(JOURNAL), "{verb}");
        }
        assert_eq!(objects(JOURNAL).len(), 1 + JOURNAL_PARTS);
    }
}
