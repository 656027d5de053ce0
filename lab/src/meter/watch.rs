//! Watches all pods through the API and all nodes from outside, and writes down what becomes of them.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use futures::{StreamExt as _, pin_mut};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{WatchStreamExt as _, watcher},
};
use rustix::process::Pid;
use serde_json::json;

use super::life::{Life, Lives};
use crate::{
    cluster::{Cluster, in_client_namespace},
    error::{Context as _, Error},
};

/// How often it is looked whether the nodes are up.
const NODE_PERIOD: Duration = Duration::from_millis(100);

/// The watch under way; it ends when this is dropped.
pub(crate) struct Watch {
    lives: Arc<Mutex<Lives>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    log: PathBuf,
}

impl Watch {
    /// Begins to watch; every change of a pod becomes a line of the file `log`.
    ///
    /// # Errors
    /// When the file cannot be written or the kubeconfig cannot be read.
    pub(crate) fn begin(cluster: &Cluster, log: &Path) -> Result<Self, Error> {
        let file = File::create(log).at("create", log)?;
        let kubeconfig =
            Kubeconfig::read_from(cluster.kubeconfig()).map_err(|e| Error::Invalid(e.to_string()))?;
        let lives = Arc::new(Mutex::new(Lives::default()));
        let end = Arc::new(AtomicBool::new(false));
        let cluster = cluster.clone();
        let mut watcher =
            Watcher { lives: lives.clone(), end: end.clone(), log: file, written: BTreeMap::new() };
        let thread = std::thread::spawn(move || {
            // A watch that ends early shows as pods that nobody saw, which the judge calls out.
            drop(in_client_namespace(&cluster, || watcher.run(kubeconfig, &cluster)));
        });
        Ok(Self { lives, end, thread: Some(thread), log: log.to_owned() })
    }

    /// What became of the pods up to now.
    ///
    /// # Errors
    /// When the watch has ended by itself.
    pub(crate) fn lives(&self) -> Result<Lives, Error> {
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(Error::Invalid(format!(
                "the watch that writes {} has ended by itself",
                self.log.display()
            )));
        }
        Ok(self.lives.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The part that runs in the client's network namespace.
struct Watcher {
    lives: Arc<Mutex<Lives>>,
    end: Arc<AtomicBool>,
    log: File,
    /// How many changes of each pod were written.
    written: BTreeMap<String, usize>,
}

impl Watcher {
    fn run(&mut self, kubeconfig: Kubeconfig, cluster: &Cluster) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config =
                Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(io::Error::other)?;
            let client = Client::try_from(config).map_err(io::Error::other)?;
            self.watch(Api::all(client), cluster).await
        })
    }

    async fn watch(&mut self, pods: Api<Pod>, cluster: &Cluster) -> io::Result<()> {
        let events = watcher(pods, watcher::Config::default()).default_backoff();
        pin_mut!(events);
        let mut looks = tokio::time::interval(NODE_PERIOD);
        let mut nodes = Nodes::default();
        let mut listed = BTreeSet::new();
        while !self.end.load(Ordering::Relaxed) {
            tokio::select! {
                // A failed watch is begun again by the stream itself.
                Some(event) = events.next() => if let Ok(event) = event { self.event(event, &mut listed)?; },
                _ = looks.tick() => {
                    for node in nodes.gone_down(cluster) {
                        self.node_down(&node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, event: watcher::Event<Pod>, listed: &mut BTreeSet<String>) -> io::Result<()> {
        let now = Timestamp::now();
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            watcher::Event::Apply(pod) => lives.see(now, &pod),
            watcher::Event::Delete(pod) => lives.lose(now, &pod.metadata.uid.unwrap_or_default()),
            watcher::Event::Init => listed.clear(),
            watcher::Event::InitApply(pod) => {
                lives.see(now, &pod);
                listed.extend(pod.metadata.uid);
            }
            watcher::Event::InitDone => {
                let gone: Vec<String> =
                    lives.present().filter(|uid| !listed.contains(*uid)).map(ToOwned::to_owned).collect();
                for uid in gone {
                    lives.lose(now, &uid);
                }
            }
        }
        write_changes(&mut self.log, &mut self.written, &lives)
    }

    fn node_down(&mut self, node: &str) -> io::Result<()> {
        let now = Timestamp::now();
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.node_down(now, node);
        writeln!(self.log, "{}", json!({"at": now, "node": node, "state": "down"}))?;
        write_changes(&mut self.log, &mut self.written, &lives)
    }
}

/// The first process of each node that is up.
#[derive(Default)]
struct Nodes(BTreeMap<String, Pid>);

impl Nodes {
    /// Names of the nodes that went down since the last call. Nodes that are up cost one look into `/proc` each.
    fn gone_down(&mut self, cluster: &Cluster) -> Vec<String> {
        let alive = |pid: &Pid| Path::new("/proc").join(pid.as_raw_nonzero().to_string()).exists();
        let down: Vec<String> =
            self.0.iter().filter(|(_, pid)| !alive(pid)).map(|(name, _)| name.clone()).collect();
        self.0.retain(|_, pid| alive(pid));
        for node in cluster.nodes() {
            if let Entry::Vacant(vacant) = self.0.entry(node.name)
                && let Some(pid) = cluster.init_process(vacant.key())
            {
                vacant.insert(pid);
            }
        }
        down
    }
}

fn write_changes(log: &mut File, written: &mut BTreeMap<String, usize>, lives: &Lives) -> io::Result<()> {
    for (uid, life) in lives.iter() {
        let Life { namespace, name, node, .. } = life;
        let before = written.entry(uid.to_owned()).or_default();
        for (at, state) in &life.changes()[*before..] {
            let pod = format!("{namespace}/{name}");
            writeln!(log, "{}", json!({"at": at, "pod": pod, "uid": uid, "node": node, "state": state}))?;
        }
        *before = life.changes().len();
    }
    Ok(())
}
