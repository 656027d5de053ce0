//! The images of the lab, already unpacked in a containerd root folder that every node gets a hard-link copy of:
//! importing them on each node would take 15 s per node and start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::cache::{Artefact, Cache, Inputs, remove_tree};
use super::image::{Base, Image};
use super::rootfs::BaseLayer;
use super::{Programs, go};
use crate::error::{Context, Error};
use crate::process;

/// Folder of the artefact that holds containerd's root.
pub(crate) const CONTAINERD_ROOT: &str = "containerd";
/// containerd answers within a second; the rest is for a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// The artefact made from the root file system and the Go programs.
pub(crate) fn artefact(cache: &Cache, rootfs: &Artefact, programs: &[Artefact]) -> Artefact {
    let parts = programs.iter().chain([rootfs]);
    let hash =
        parts.fold(Inputs::recipe(2), |inputs, part| inputs.text(&part.kind).text(&part.hash)).finish();
    let rootfs = cache.folder(rootfs);
    let programs = Programs::in_folders(programs.iter().map(|part| cache.folder(part)));
    Artefact { kind: "images".into(), hash, build: Box::new(move |out| build(&rootfs, &programs, out)) }
}

fn build(rootfs: &Path, programs: &Programs, out: &Path) -> Result<(), Error> {
    let base_layer = BaseLayer::open(rootfs)?;
    let scratch = out.join("scratch");
    fs::create_dir_all(&scratch).at("create", &scratch)?;
    let containerd = Containerd::start(&out.join(CONTAINERD_ROOT), &scratch)?;
    let mut base = Base::Inside;
    for image in images(programs)? {
        let archive = scratch.join("image.tar");
        image.write(&base_layer, base, &archive)?;
        containerd.import(&archive)?;
        base = Base::Known;
    }
    containerd.stop()?;
    remove_tree(&scratch)
}

/// Every image; the base comes first because the others lean on its layer.
fn images(programs: &Programs) -> Result<Vec<Image>, Error> {
    let simple = |reference: &str, files: &[(&str, &str)]| -> Result<Image, Error> {
        let files: Result<Vec<_>, _> =
            files.iter().map(|(program, path)| Ok((programs.path(program)?, (*path).to_owned()))).collect();
        let files = files?;
        let entrypoint = files.first().map(|(_, path)| path.clone()).into_iter().collect();
        Ok(Image { reference: format!("docker.io/lab/{reference}"), files, links: Vec::new(), entrypoint })
    };
    Ok(vec![
        simple("base:1", &[])?,
        simple("pause:1", &[("pause", "/pause")])?,
        simple(
            "flannel:v0.28.9",
            &[
                ("flanneld", "/opt/bin/flanneld"),
                ("install-conf", "/opt/bin/install-conf"),
                ("flannel", "/flannel"),
            ],
        )?,
        simple("kube-proxy:v1.36.3", &[("kube-proxy", "/usr/local/bin/kube-proxy")])?,
        simple("coredns:1.13.2", &[("coredns", "/coredns")])?,
        simple(
            "operator-generic:v1.19.6",
            &[("cilium-operator-generic", "/usr/bin/cilium-operator-generic")],
        )?,
        cilium(simple(
            "cilium:v1.19.6",
            &[
                ("cilium-agent", "/usr/bin/cilium-agent"),
                ("cilium-dbg", "/usr/bin/cilium-dbg"),
                ("cilium-health", "/usr/bin/cilium-health"),
                ("cilium-health-responder", "/usr/bin/cilium-health-responder"),
                ("cilium-mount", "/usr/bin/cilium-mount"),
                ("cilium-sysctlfix", "/usr/bin/cilium-sysctlfix"),
                ("cilium-cni", "/opt/cni/bin/cilium-cni"),
                ("loopback", "/cni/loopback"),
            ],
        )?)?,
    ])
}

/// Adds the scripts and eBPF sources where Cilium's `images/cilium/Dockerfile` and its agent expect them.
fn cilium(mut image: Image) -> Result<Image, Error> {
    let source = go::module_folder("cilium", "github.com/cilium/cilium")?;
    for (file, path) in [
        ("images/cilium/init-container.sh", "/init-container.sh"),
        ("plugins/cilium-cni/install-plugin.sh", "/install-plugin.sh"),
        ("plugins/cilium-cni/cni-uninstall.sh", "/cni-uninstall.sh"),
        ("bpf", "/var/lib/cilium/bpf"),
    ] {
        image.files.push((source.join(file), path.to_owned()));
    }
    image.links.push(("/usr/bin/cilium".to_owned(), "cilium-dbg".to_owned()));
    Ok(image)
}

/// A containerd without the Kubernetes part, alive only while images are imported.
struct Containerd {
    process: Child,
    socket: PathBuf,
}

impl Containerd {
    fn start(root: &Path, scratch: &Path) -> Result<Self, Error> {
        let (config, socket, state) =
            (scratch.join("config.toml"), scratch.join("sock"), scratch.join("state"));
        let text = format!(
            "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\n  address = \"{}\"\n",
            root.display(),
            state.display(),
            socket.display()
        );
        fs::write(&config, text).at("write", &config)?;
        let log_path = scratch.join("containerd.log");
        let log = fs::File::create(&log_path).at("create", &log_path)?;
        // A private mount namespace takes the mounts of an interrupted import with it.
        let mut command =
            process::command("setpriv", ["--pdeathsig", "KILL", "unshare", "--mount", "containerd", "-c"]);
        command.arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().map_err(|error| process::not_started(&command, &error))?;
        let containerd = Self { process, socket };
        process::wait_until(START_DEADLINE, &format!("see {}", log_path.display()), || {
            process::output(containerd.ctr().arg("version"))
                .map_err(|_| "containerd does not answer".to_owned())
        })?;
        Ok(containerd)
    }

    fn ctr(&self) -> std::process::Command {
        let mut command = process::command("ctr", ["--namespace", "k8s.io", "--address"]);
        command.arg(&self.socket);
        command
    }

    fn import(&self, archive: &Path) -> Result<(), Error> {
        process::output(self.ctr().args(["images", "import"]).arg(archive)).map(drop)
    }

    /// Ends it politely: its databases are copied afterwards.
    fn stop(mut self) -> Result<(), Error> {
        if let Some(pid) = rustix::process::Pid::from_raw(self.process.id().cast_signed()) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).at("stop", &self.socket)?;
        }
        self.process.wait().at("wait for", &self.socket).map(drop)
    }
}
