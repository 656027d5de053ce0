//! Which pods a drain evicts, which it leaves, and which make it refuse: kubectl's verdicts, before any act.
//!
//! Order, exceptions and messages are those of kubectl (k8s.io/kubectl pkg/drain/filters.go at v0.36). All verdicts
//! are given first; one refusal, and nothing is evicted.

mod budgets;
mod selector;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;

use crate::model::{DaemonSet, Pod, PodRef, Selector};

pub use budgets::{Budgets, Eviction};
pub use selector::{SelectorError, parse_selector};

const DAEMON_SET_FATAL: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const DAEMON_SET_SKIPPED: &str = "ignoring DaemonSet-managed Pods";
const LOCAL_STORAGE_FATAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const UNMANAGED_FATAL: &str = "Pods that declare no controller (use --force to override)";
const NOT_SELECTED: &str = "not selected by --pod-selector";
const MIRROR: &str = "the kubelet owns static pods";
const DELETED_LONG_AGO: &str = "deleted longer ago than --skip-wait-for-delete-timeout";

/// kubectl's drain flags that decide about single pods.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--ignore-daemonsets`.
    pub ignore_daemonsets: bool,
    /// `--delete-emptydir-data`.
    pub delete_emptydir_data: bool,
    /// `--force`: also pods that nobody re-creates.
    pub force: bool,
    /// `--pod-selector`; absent selects every pod.
    pub pod_selector: Option<Selector>,
    /// `--skip-wait-for-delete-timeout`, seconds; 0 skips none.
    pub skip_wait_for_delete_timeout: u32,
    /// The moment of the drain.
    pub now: Timestamp,
}

/// What a drain does with one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is evicted.
    Evict,
    /// It stays, and why.
    Skip(String),
    /// It stops the whole drain, and why.
    Refuse(String),
}

/// Pods that stop a drain for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, as kubectl words it.
    pub message: String,
    /// The pods.
    pub pods: Vec<PodRef>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pods: Vec<_> = self.pods.iter().map(ToString::to_string).collect();
        write!(f, "cannot delete {}: {}", self.message, pods.join(", "))
    }
}

/// The verdict over one pod; `daemon_sets` are those of the cluster, since a pod whose DaemonSet is gone is an
/// orphan that only `--force` evicts.
pub fn filter(pod: &Pod, daemon_sets: &[DaemonSet], options: &Options) -> Verdict {
    if options.pod_selector.as_ref().is_some_and(|selector| !selector.matches(&pod.labels)) {
        return Verdict::Skip(NOT_SELECTED.to_owned());
    }
    if deleted_long_ago(pod, options) {
        return Verdict::Skip(DELETED_LONG_AGO.to_owned());
    }
    // Any finished pod may go, except a static pod's mirror, which comes back anyway.
    let finished = pod.is_finished();
    if !finished && let Some(verdict) = daemon_verdict(pod, daemon_sets, options) {
        return verdict;
    }
    if pod.mirror {
        return Verdict::Skip(MIRROR.to_owned());
    }
    if pod.empty_dir && !finished && !options.delete_emptydir_data {
        return Verdict::Refuse(LOCAL_STORAGE_FATAL.to_owned());
    }
    if pod.owner.is_none() && !finished && !options.force {
        return Verdict::Refuse(UNMANAGED_FATAL.to_owned());
    }
    Verdict::Evict
}

/// kubectl compares whole seconds, so a pod is skipped one second after the limit.
fn deleted_long_ago(pod: &Pod, options: &Options) -> bool {
    let limit = i64::from(options.skip_wait_for_delete_timeout);
    let age = |deleted: Timestamp| options.now.duration_since(deleted).as_secs();
    limit > 0 && pod.deletion_timestamp.is_some_and(|deleted| age(deleted) > limit)
}

/// A verdict where a DaemonSet controls the pod; `None` lets an orphan go on to the other filters.
fn daemon_verdict(pod: &Pod, daemon_sets: &[DaemonSet], options: &Options) -> Option<Verdict> {
    let owner = pod.owner.as_ref().filter(|owner| &*owner.kind == "DaemonSet")?;
    let exists = daemon_sets.iter().any(|d| *d.namespace == *pod.namespace && *d.name == *owner.name);
    match (exists, options) {
        (false, Options { force: true, .. }) => None,
        (false, _) => Some(Verdict::Refuse(format!("daemonsets.apps \"{}\" not found", owner.name))),
        (true, Options { ignore_daemonsets: true, .. }) => Some(Verdict::Skip(DAEMON_SET_SKIPPED.to_owned())),
        (true, _) => Some(Verdict::Refuse(DAEMON_SET_FATAL.to_owned())),
    }
}

/// The pods to evict, in the given order.
///
/// # Errors
/// Every refusal, grouped by reason in the order of first appearance; then nothing may be evicted.
pub fn select<'a>(
    pods: impl IntoIterator<Item = &'a Pod>,
    daemon_sets: &[DaemonSet],
    options: &Options,
) -> Result<Vec<&'a Pod>, Vec<Refusal>> {
    let mut selected = Vec::new();
    let mut refusals: Vec<Refusal> = Vec::new();
    for pod in pods {
        match filter(pod, daemon_sets, options) {
            Verdict::Evict => selected.push(pod),
            Verdict::Skip(_) => {}
            Verdict::Refuse(message) => {
                match refusals.iter_mut().find(|refusal| refusal.message == message) {
                    Some(refusal) => refusal.pods.push(pod.reference()),
                    None => refusals.push(Refusal { message, pods: vec![pod.reference()] }),
                }
            }
        }
    }
    if refusals.is_empty() { Ok(selected) } else { Err(refusals) }
}
