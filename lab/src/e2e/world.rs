//! What a scenario works with: a fresh cluster with workloads and a running meter, and the ways to look at it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    checks::Checks,
    exec::{self, Ended},
    images,
    tool::Caller,
};
use crate::{
    cluster::{Backend, Cluster, Source, UpOptions},
    error::{Context as _, Error},
    meter::{
        judge,
        life::{Lives, Span},
        read,
        record::RECORDS,
        verdict::Verdict,
        watch::Watch,
    },
    process,
    ui::Ui,
    workload,
};

/// The pod network that is migrated to.
pub(crate) const NEW_NETWORK: &str = "10.245.0.0/16";

/// How long a scenario may take with one cluster, from an empty machine to its verdict.
const SCENARIO_LIMIT: Duration = Duration::from_secs(720);

/// How long one question to the API or to a node may take.
const QUESTION_LIMIT: Duration = Duration::from_secs(30);

/// How long a program of the clients may take.
const CLIENT_LIMIT: Duration = Duration::from_secs(120);

/// How long the workloads may take to become Ready.
const SETTLE_LIMIT: Duration = Duration::from_secs(180);

/// A fresh cluster, and what was asserted on it.
pub(crate) struct World {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// The assertions so far.
    pub(crate) checks: Checks,
    /// Where output and logs of the scenario go.
    pub(crate) folder: PathBuf,
    /// The binary under test.
    pub(crate) tool: PathBuf,
    /// Who starts it.
    pub(crate) caller: Caller,
    /// What generated cases are made from.
    pub(crate) seed: u64,
    /// When the meter's measurement begins.
    begun: Timestamp,
    watch: Watch,
    until: Instant,
    ui: Ui,
}

impl World {
    /// Starts a cluster anew, with Flannel over VXLAN, the workloads and the meter, and waits until all is Ready.
    ///
    /// # Errors
    /// When any of it does not come up in time.
    pub(crate) fn fresh(name: &str, tool: &Path, folder: PathBuf, ui: &Ui) -> Result<Self, Error> {
        Self::start_with(name, Backend::Vxlan, tool.to_owned(), folder, *ui)
    }

    /// Replaces the cluster by a fresh one with that backend; what was asserted so far stays.
    ///
    /// # Errors
    /// When any of it does not come up in time.
    pub(crate) fn anew(&mut self, backend: Backend) -> Result<(), Error> {
        let (tool, folder) = (self.tool.clone(), self.folder.clone());
        let fresh = Self::start_with(self.cluster.name(), backend, tool, folder, self.ui)?;
        let checks = std::mem::replace(&mut self.checks, Checks::new(self.ui));
        *self = Self { checks, seed: self.seed, ..fresh };
        Ok(())
    }

    fn start_with(
        name: &str,
        backend: Backend,
        tool: PathBuf,
        folder: PathBuf,
        ui: Ui,
    ) -> Result<Self, Error> {
        let until = Instant::now() + SCENARIO_LIMIT;
        Cluster::down(name, &ui)?;
        let options = UpOptions { name: name.to_owned(), nodes: 3, source: Source::Flannel, backend };
        let cluster = Cluster::up(&options, &ui)?;
        images::import(&cluster, &tool, &ui)?;
        let watch = Watch::begin(&cluster, &folder.join(format!("pods-{}.jsonl", backend.name())))?;
        let (begun, caller, checks) = (Timestamp::now(), Caller::Direct, Checks::new(ui));
        let mut world = Self { cluster, checks, folder, tool, caller, seed: 1, begun, watch, until, ui };
        world.apply(workload::SHOP)?;
        world.apply(workload::METER)?;
        world.settle()?;
        world.begun = Timestamp::now();
        Ok(world)
    }

    /// Says what happens now.
    pub(crate) fn progress(&self, text: &str) {
        self.ui.progress(text);
    }

    /// Prints a part of the result that is no assertion.
    pub(crate) fn show(&self, text: &str) {
        text.lines().for_each(|line| self.ui.line(&format!("      {line}")));
    }

    /// The deadline of something that may take `limit`, but never longer than the scenario.
    pub(crate) fn deadline(&self, limit: Duration) -> Instant {
        self.until.min(Instant::now() + limit)
    }

    /// Runs kubectl with `input` on its standard input.
    ///
    /// # Errors
    /// When it cannot be run; whether it succeeded is for the caller to judge.
    pub(crate) fn kubectl_with(
        &self,
        arguments: &[&str],
        input: &str,
        limit: Duration,
    ) -> Result<Ended, Error> {
        exec::run(self.cluster.client_command("kubectl").args(arguments), input, self.deadline(limit))
    }

    /// What kubectl answers.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        self.kubectl_with(arguments, "", QUESTION_LIMIT)?.success()
    }

    /// Runs a program where the clients are.
    ///
    /// # Errors
    /// When it cannot be run; whether it succeeded is for the caller to judge.
    pub(crate) fn client(&self, program: &str, arguments: &[&str]) -> Result<Ended, Error> {
        let mut command = self.cluster.client_command(program);
        exec::run(command.args(arguments), "", self.deadline(CLIENT_LIMIT))
    }

    /// The same with a folder before all others on the `PATH`.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(crate) fn client_in(&self, folder: &Path, program: &str, arguments: &[&str]) -> Result<Ended, Error> {
        let mut command = self.cluster.client_command(program);
        command.args(arguments).env("PATH", self.cluster.path_with(folder));
        exec::run(&mut command, "", self.deadline(CLIENT_LIMIT))
    }

    /// Applies manifests.
    ///
    /// # Errors
    /// When the API server refuses them.
    pub(crate) fn apply(&self, manifests: &str) -> Result<(), Error> {
        let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.kubectl_with(&arguments, manifests, QUESTION_LIMIT)?.success().map(drop)
    }

    /// All objects of some kinds, in all namespaces; `Value` where no type fits all of them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn list<T: DeserializeOwned>(&self, kinds: &str) -> Result<Vec<T>, Error> {
        let answer = self.kubectl(&["get", kinds, "-A", "-o", "json"])?;
        let list: Items<T> = serde_json::from_str(&answer)
            .map_err(|e| Error::Invalid(format!("kubectl's answer about {kinds} is no list of them: {e}")))?;
        Ok(list.items)
    }

    /// What a program says that is run on a node.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn on_node(&self, node: &str, program: &str, arguments: &[&str]) -> Result<String, Error> {
        let mut command = self.cluster.node_command(node, program)?;
        exec::run(command.args(arguments), "", self.deadline(QUESTION_LIMIT))?.success()
    }

    /// Where a file or folder of which every node has its own lies on this machine.
    pub(crate) fn node_file(&self, node: &str, path: &str) -> PathBuf {
        let nodes = self.cluster.nodes();
        let dir =
            nodes.into_iter().find(|known| known.name == node).map(|known| known.dir).unwrap_or_default();
        dir.join(path.trim_start_matches('/'))
    }

    /// Names of the files in a node's CNI directory, sorted.
    pub(crate) fn cni_files(&self, node: &str) -> Vec<String> {
        let entries = fs::read_dir(self.node_file(node, "/etc/cni/net.d")).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Names of the nodes.
    pub(crate) fn node_names(&self) -> Vec<String> {
        self.cluster.nodes().into_iter().map(|node| node.name).collect()
    }

    /// Looks again and again until `ready` answers; its last complaint ends up in the error.
    ///
    /// # Errors
    /// When it does not do so in time.
    pub(crate) fn wait<T>(
        &self,
        limit: Duration,
        ready: impl FnMut() -> Result<T, String>,
    ) -> Result<T, Error> {
        let left = self.deadline(limit).saturating_duration_since(Instant::now());
        process::wait_until(left, "see the logs of the scenario", ready)
    }

    /// Waits until every workload has all its pods Ready and none is on its way out.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        self.progress("waiting for every workload to be Ready");
        self.wait(SETTLE_LIMIT, || {
            let missing = self.unsettled().map_err(|e| e.to_string())?;
            if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) }
        })
    }

    /// The workloads that do not have all their pods Ready, and the pods that are ending or pending.
    ///
    /// # Errors
    /// When the API does not answer.
    pub(crate) fn unsettled(&self) -> Result<Vec<String>, Error> {
        let workloads: Vec<Value> = self.list("deployments,statefulsets,daemonsets")?;
        let pods: Vec<Pod> = self.list("pods")?;
        let workloads = workloads.iter().filter_map(missing_pods);
        Ok(workloads.chain(pods.iter().filter_map(workload::pod_complaint)).collect())
    }

    /// What became of all pods.
    ///
    /// # Errors
    /// When the watch of them has ended by itself.
    pub(crate) fn lives(&self) -> Result<Lives, Error> {
        self.watch.lives()
    }

    /// What the meter measured from the cluster's first rest to `until`.
    ///
    /// # Errors
    /// When its records cannot be read.
    pub(crate) fn verdict(&self, until: Timestamp) -> Result<Verdict, Error> {
        self.verdict_over(Span { from: self.begun, until })
    }

    /// What the meter measured in a stretch of time.
    ///
    /// # Errors
    /// When its records cannot be read.
    pub(crate) fn verdict_over(&self, span: Span) -> Result<Verdict, Error> {
        let network = NEW_NETWORK.parse().map_err(|e| Error::Invalid(format!("{NEW_NETWORK}: {e}")))?;
        let records = read::records(self.node_names().iter().map(|node| self.node_file(node, RECORDS)))?;
        let verdict = judge::judge(&records, &self.watch.lives()?, network, span);
        let path = self.folder.join("meter.txt");
        let losses: Vec<String> = verdict.losses.iter().map(ToString::to_string).collect();
        fs::write(&path, format!("{verdict}\n{}\n", losses.join("\n"))).at("write", &path)?;
        Ok(verdict)
    }
}

/// What kubectl answers when it is asked for objects; their kind may be anything.
#[derive(serde::Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

/// What a Deployment, StatefulSet or DaemonSet lacks, if anything.
fn missing_pods(workload: &Value) -> Option<String> {
    let number = |pointer: &str| workload.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let (wanted, ready) = match workload["kind"].as_str() {
        Some("DaemonSet") => (number("/status/desiredNumberScheduled"), number("/status/numberReady")),
        _ => (number("/spec/replicas"), number("/status/readyReplicas")),
    };
    let heard = number("/status/observedGeneration") >= number("/metadata/generation");
    let name = |pointer: &str| workload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    (ready != wanted || !heard).then(|| {
        let (namespace, name, kind) = (name("/metadata/namespace"), name("/metadata/name"), name("/kind"));
        format!("{kind} {namespace}/{name} has {ready} of {wanted} pods Ready")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_workload_without_all_its_pods_is_named() {
        let mut set = json!({"kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent", "generation": 2},
            "status": {"desiredNumberScheduled": 3, "numberReady": 2, "observedGeneration": 2}});
        assert_eq!(missing_pods(&set).as_deref(), Some("DaemonSet shop/agent has 2 of 3 pods Ready"));
        set["status"]["numberReady"] = json!(3);
        assert_eq!(missing_pods(&set), None);
        set["metadata"]["generation"] = json!(3);
        assert!(missing_pods(&set).is_some(), "a status of an older generation says nothing");
    }
}
