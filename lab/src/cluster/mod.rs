//! One real cluster on this machine: the control plane, nodes with real kubelets, and the source CNI.

mod addons;
mod cgroup;
mod control_plane;
mod hold;
mod init;
mod layout;
mod namespace;
mod node;
mod pki;
mod supervisor;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error};
use crate::process;
use crate::setup::image::{Base, Image};
use crate::setup::rootfs::BaseLayer;
use crate::setup::{Artefacts, requirements};
use crate::ui::Ui;
use cgroup::Group;
use layout::Layout;
pub(crate) use layout::Node;

/// User name of the administrator, of whom the clients' kubeconfig is.
pub(crate) const ADMIN: &str = "admin";

/// The CNI that a cluster starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// Flannel as a DaemonSet in `kube-flannel`.
    Flannel,
    /// No CNI: nodes stay NotReady.
    None,
}

/// How Flannel carries packets between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Backend {
    /// VXLAN on UDP 8472.
    Vxlan,
    /// Plain routes, for nodes on one network segment.
    HostGw,
}

impl Backend {
    /// The name in Flannel's `net-conf.json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::HostGw => "host-gw",
        }
    }
}

/// What `lab up` makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub(crate) struct UpOptions {
    /// Name of the cluster, of its kubeconfig context, and part of all names on the machine
    #[arg(long, default_value = "lab", value_parser = cluster_name)]
    pub(crate) name: String,
    /// Number of nodes; n1 is the control-plane node, the others are workers
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=i64::from(layout::MAX_NODES)))]
    pub(crate) nodes: u8,
    /// CNI that the cluster starts with
    #[arg(long, value_enum, default_value_t = Source::Flannel)]
    pub(crate) source: Source,
    /// Flannel's backend
    #[arg(long, value_enum, default_value_t = Backend::Vxlan)]
    pub(crate) backend: Backend,
}

/// A name must fit into names of namespaces, control groups and files.
pub(crate) fn cluster_name(text: &str) -> Result<String, String> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if (1..=20).contains(&text.len()) && text.bytes().all(valid) {
        return Ok(text.to_owned());
    }
    Err("use 1 to 20 lower-case letters and digits".to_owned())
}

/// A cluster that runs, or at least has been started.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    layout: Layout,
    options: UpOptions,
}

impl Cluster {
    /// The running cluster of that name.
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        let layout = Layout::new(name);
        let options = read_options(&layout)?.ok_or_else(|| Error::NotRunning { name: name.to_owned() })?;
        Ok(Self { layout, options })
    }

    /// Starts the cluster, or what is missing of it, and waits until it works.
    ///
    /// Fails if a cluster of that name runs with other options, or if something does not become ready in time; it is
    /// then left as it is, for a look at the logs.
    pub(crate) fn up(options: &UpOptions, ui: &Ui) -> Result<Self, Error> {
        requirements::check_root()?;
        let layout = Layout::new(&options.name);
        let _lock = lock(&layout)?;
        let artefacts = Artefacts::locate()?;
        let cluster = Self { layout, options: options.clone() };
        ui.step("state, certificates and network", || cluster.prepare(&artefacts))?;
        let nodes = cluster.nodes();
        ui.step("control plane and node folders", || {
            thread::scope(|scope| {
                let folders = scope.spawn(|| {
                    nodes.iter().try_for_each(|node| node::create(&cluster.layout, node, &artefacts))
                });
                control_plane::start(&cluster.layout)?;
                folders.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        ui.step("nodes boot", || nodes.iter().try_for_each(|node| supervisor::start(&cluster.layout, node)))?;
        addons::install(&cluster, ui)?;
        Ok(cluster)
    }

    /// Ends every process of the cluster and removes all it left on the machine; fine if there is nothing.
    pub(crate) fn down(name: &str, ui: &Ui) -> Result<(), Error> {
        requirements::check_root()?;
        let layout = Layout::new(name);
        let _lock = lock(&layout)?;
        let group = Group::new(layout.cgroup());
        ui.step("end processes", || group.kill())?;
        ui.step("remove namespaces and control groups", || {
            namespace::remove_all(&layout)?;
            group.remove()
        })?;
        ui.step("remove state", || match fs::remove_dir_all(&layout.state) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).at("remove", &layout.state)
            }
            _ => Ok(()),
        })
    }

    fn prepare(&self, artefacts: &Artefacts) -> Result<(), Error> {
        let layout = &self.layout;
        match read_options(layout)? {
            Some(present) if present != self.options => {
                let name = &layout.name;
                return Err(Error::Invalid(format!(
                    "cluster {name} runs with other options ({present:?}): run `lab down --name {name}` first"
                )));
            }
            Some(_) => {}
            None => self.create_state(artefacts)?,
        }
        raise_inotify_limits()?;
        namespace::create_fabric(layout)?;
        if layout.netns_path(control_plane::MACHINE).exists() {
            return Ok(());
        }
        namespace::create_machine(layout, control_plane::MACHINE, layout::CONTROL_PLANE)
    }

    /// The options are written last: without them, whatever an interrupted run left is made anew.
    fn create_state(&self, artefacts: &Artefacts) -> Result<(), Error> {
        let layout = &self.layout;
        if layout.state.exists() {
            fs::remove_dir_all(&layout.state).at("remove", &layout.state)?;
        }
        for folder in [&layout.logs, &layout.bin] {
            fs::create_dir_all(folder).at("create", folder)?;
        }
        for program in artefacts.programs.all()? {
            link(&program, &layout.bin.join(program.file_name().unwrap_or_default()))?;
        }
        for (helm, name) in
            [(&artefacts.helm3, "helm"), (&artefacts.helm3, "helm3"), (&artefacts.helm4, "helm4")]
        {
            link(helm, &layout.bin.join(name))?;
        }
        link(&artefacts.chart, &layout.chart())?;
        link(&artefacts.rootfs, &layout.rootfs())?;
        let lab = layout.lab();
        fs::copy("/proc/self/exe", &lab).at("write", &lab)?;
        pki::create(layout, &self.nodes())?;
        let options = layout.options();
        let text = serde_json::to_string_pretty(&self.options).unwrap_or_default();
        fs::write(&options, text).at("write", &options)
    }

    /// Name of the cluster and of its kubeconfig context.
    pub(crate) fn name(&self) -> &str {
        &self.layout.name
    }

    /// The administrator's kubeconfig; its server is reachable inside the lab's namespaces only.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.layout.kubeconfig
    }

    /// All nodes, the control-plane node first.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        (1..=self.options.nodes).map(|number| self.layout.node(number)).collect()
    }

    /// The node of that name.
    pub(crate) fn node(&self, name: &str) -> Result<Node, Error> {
        let nodes = self.nodes();
        let names: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        nodes.into_iter().find(|node| node.name == name).ok_or_else(|| {
            Error::Invalid(format!(
                "cluster {} has no node {name}: it has {}",
                self.layout.name,
                names.join(", ")
            ))
        })
    }

    /// Folder with kubectl, helm (version 3), kwok and all other programs of the lab.
    pub(crate) fn bin(&self) -> &Path {
        &self.layout.bin
    }

    /// The program Helm of major version 3 or 4.
    pub(crate) fn helm(&self, major: u8) -> PathBuf {
        self.layout.bin.join(format!("helm{major}"))
    }

    /// Cilium's Helm chart, as a folder.
    pub(crate) fn chart(&self) -> PathBuf {
        self.layout.chart()
    }

    /// Folder with the logs of all components, and the API server's audit log.
    pub(crate) fn logs_dir(&self) -> &Path {
        &self.layout.logs
    }

    /// The node's first process as this machine numbers it, unless the node is down.
    pub(crate) fn init_process(&self, node: &str) -> Option<rustix::process::Pid> {
        supervisor::init_process(&self.layout, &self.node(node).ok()?).ok()
    }

    /// Whether a node comes back by itself when it goes down.
    pub(crate) fn supervised(&self, node: &Node) -> bool {
        supervisor::runs(&self.layout, node)
    }

    /// A command in the namespace of the clients, with `KUBECONFIG` and `PATH` set.
    pub(crate) fn client_command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.layout.netns_path(control_plane::MACHINE).display()));
        command.arg("--").arg(program).env("KUBECONFIG", &self.layout.kubeconfig).env("PATH", self.path());
        command
    }

    /// A command inside all namespaces of a node. Fails while the node is down.
    pub(crate) fn node_command(
        &self,
        node: &str,
        program: impl AsRef<std::ffi::OsStr>,
    ) -> Result<Command, Error> {
        let init = supervisor::init_process(&self.layout, &self.node(node)?)?;
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", init.as_raw_nonzero()));
        command.args(["--mount", "--uts", "--net", "--pid", "--"]).arg(program).env("PATH", self.path());
        Ok(command)
    }

    /// Writes an image of the lab's base layer and own files to an archive, which holds what nodes do not have.
    pub(crate) fn write_image(&self, image: &Image, archive: &Path) -> Result<(), Error> {
        image.write(&BaseLayer::open(&self.layout.rootfs())?, Base::Known, archive)
    }

    /// Imports an image archive into every node.
    pub(crate) fn import_image(&self, archive: &Path) -> Result<(), Error> {
        let archive = archive.canonicalize().at("find", archive)?;
        let import = |node: &Node| {
            let mut ctr = self.node_command(&node.name, "ctr")?;
            process::output(ctr.args(["--namespace", "k8s.io", "images", "import"]).arg(&archive)).map(drop)
        };
        let nodes = self.nodes();
        thread::scope(|scope| {
            let import = &import;
            let imports: Vec<_> = nodes.iter().map(|node| scope.spawn(move || import(node))).collect();
            imports
                .into_iter()
                .try_for_each(|import| import.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    /// Cuts the power of a node; it boots again by itself.
    pub(crate) fn reboot(&self, node: &str) -> Result<(), Error> {
        supervisor::power_cut(&self.layout, &self.node(node)?)
    }

    fn path(&self) -> std::ffi::OsString {
        joined(&self.layout.bin, std::env::var_os("PATH").unwrap_or_default())
    }

    /// The clients' `PATH` with a folder before it.
    pub(crate) fn path_with(&self, folder: &Path) -> std::ffi::OsString {
        joined(folder, self.path())
    }
}

/// A `PATH` with a folder before it.
fn joined(folder: &Path, path: std::ffi::OsString) -> std::ffi::OsString {
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap_or(path)
}

/// Runs `work` on a fresh thread in the namespace of the clients; threads, runtimes and processes made there stay in it.
pub(crate) fn in_client_namespace<T: Send>(
    cluster: &Cluster,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Error> {
    namespace::inside(&cluster.layout.netns_path(control_plane::MACHINE), None, work)
}

/// Runs as a node's supervisor, started by `up`.
pub(crate) fn supervise(name: &str, node: &str, ui: &Ui) -> Result<(), Error> {
    let cluster = Cluster::open(name)?;
    supervisor::run(&cluster.layout, &cluster.node(node)?, ui)
}

/// Runs as a node's PID 1, started by its supervisor.
pub(crate) fn node_init(name: &str, node: &str, ui: &Ui) -> Result<(), Error> {
    let cluster = Cluster::open(name)?;
    init::run(&cluster.layout, &cluster.node(node)?, ui)
}

fn read_options(layout: &Layout) -> Result<Option<UpOptions>, Error> {
    let path = layout.options();
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map(Some).at("understand", &path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("read", &path),
    }
}

/// All nodes count as one user, and the usual 128 instances last for two of them: kube-proxy then ends with "too many
/// open files". The higher limits cost nothing and stay.
fn raise_inotify_limits() -> Result<(), Error> {
    for (limit, wanted) in [("max_user_instances", 8192_u32), ("max_user_watches", 1_048_576)] {
        let path = Path::new("/proc/sys/fs/inotify").join(limit);
        let present = fs::read_to_string(&path).at("read", &path)?;
        if present.trim().parse().is_ok_and(|present: u32| present < wanted) {
            fs::write(&path, wanted.to_string()).at("raise", &path)?;
        }
    }
    Ok(())
}

fn lock(layout: &Layout) -> Result<File, Error> {
    let path = layout.lock();
    let folder = path.parent().unwrap_or(&path);
    fs::create_dir_all(folder).at("create", folder)?;
    let file = File::create(&path).at("create", &path)?;
    file.lock().at("lock", &path)?;
    Ok(file)
}

fn link(target: &Path, link: &Path) -> Result<(), Error> {
    symlink(target, link).at("create", link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_not_fit_are_refused() {
        assert!(cluster_name("lab").is_ok() && cluster_name("e2e1").is_ok());
        for bad in ["", "Lab", "a/b", "a-b", "..", "a2345678901234567890x"] {
            assert!(cluster_name(bad).is_err(), "{bad}");
        }
    }
}
