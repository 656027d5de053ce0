//! The files of a node: its private folders, its copy of the images, and the configuration of containerd and kubelet.

use std::fs;
use std::path::Path;

use super::layout::{DNS_SERVICE, Layout, Node};
use crate::error::{Context, Error};
use crate::process;
use crate::setup::Artefacts;

/// Host folders of which every node has its own.
pub(crate) const PRIVATE: &[&str] =
    &["run", "etc/cni", "opt/cni", "var/lib/cni", "var/lib/kubelet", "var/lib/containerd", "var/log"];
/// containerd's databases: written by every node, so true copies; all else in its root folder is never changed in place.
const DATABASES: &[&str] =
    &["io.containerd.metadata.v1.bolt/meta.db", "io.containerd.snapshotter.v1.overlayfs/metadata.db"];
/// Plugins that kubelets expect from the system; `flannel` comes with Flannel's own pod.
const CNI_PLUGINS: &[&str] = &["bridge", "host-local", "loopback", "portmap"];
/// Below the node's folder.
pub(crate) const CONTAINERD_CONFIG: &str = "containerd.toml";
/// Below the node's folder.
pub(crate) const KUBELET_CONFIG: &str = "kubelet.yaml";
/// Below the node's folder; the kernel's own boot id is that of the machine.
pub(crate) const BOOT_ID: &str = "boot_id";

/// Makes the node's folder unless it is there; a half-made one does not count.
pub(crate) fn create(layout: &Layout, node: &Node, artefacts: &Artefacts) -> Result<(), Error> {
    if node.dir.is_dir() {
        return Ok(());
    }
    let unfinished = node.dir.with_extension("tmp");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).at("remove", &unfinished)?;
    }
    for folder in PRIVATE {
        let folder = unfinished.join(folder);
        fs::create_dir_all(&folder).at("create", &folder)?;
    }
    copy_store(&artefacts.store, &unfinished.join("var/lib/containerd"))?;
    let plugins = unfinished.join("opt/cni/bin");
    fs::create_dir_all(&plugins).at("create", &plugins)?;
    for plugin in CNI_PLUGINS {
        let target = plugins.join(plugin);
        fs::copy(artefacts.programs.path(plugin)?, &target).at("write", &target)?;
    }
    write(&unfinished.join(CONTAINERD_CONFIG), CONTAINERD)?;
    write(&unfinished.join(KUBELET_CONFIG), &kubelet_config(layout, node))?;
    fs::rename(&unfinished, &node.dir).at("rename into place", &node.dir)
}

/// Hard links take a second where an import of the images takes fifteen.
fn copy_store(store: &Path, target: &Path) -> Result<(), Error> {
    let copy = |how: &str| process::output(process::command("cp", [how, "-T"]).arg(store).arg(target));
    // Links do not cross file systems: a home folder on its own disk gets plain copies.
    if copy("-al").is_err() {
        fs::remove_dir_all(target).at("remove", target)?;
        copy("-a")?;
    }
    for database in DATABASES {
        let (from, to) = (store.join(database), target.join(database));
        fs::remove_file(&to).at("remove", &to)?;
        fs::copy(&from, &to).at("write", &to)?;
    }
    Ok(())
}

/// Paths are the same on every node, because the folders behind them are private. Adjusting the OOM score and loading
/// AppArmor profiles need rights that a machine without full capabilities lacks.
const CONTAINERD: &str = r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/lab/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  enable_selinux = false
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"#;

/// The control group below which the node's pods live, the same name in every hierarchy.
pub(crate) fn pod_group(layout: &Layout, node: &Node) -> String {
    format!("{}/{}", layout.cgroup(), node.name)
}

fn kubelet_config(layout: &Layout, node: &Node) -> String {
    let taint = "[{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]";
    let taints = if node.control_plane { taint } else { "[]" };
    format!(
        r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {ca}}}}}
authorization: {{mode: Webhook}}
registerWithTaints: {taints}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /{group}
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
clusterDNS: [{DNS_SERVICE}]
clusterDomain: cluster.local
resolvConf: ""
nodeStatusUpdateFrequency: 2s
# Images cannot be pulled again, and the nodes share the machine's disk.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {{memory.available: "50Mi", nodefs.available: "1%", imagefs.available: "1%"}}
"#,
        ca = layout.pki.join("ca.crt").display(),
        group = pod_group(layout, node),
    )
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).at("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_control_plane_node_registers_with_the_taint() {
        let layout = Layout::new("x");
        assert!(kubelet_config(&layout, &layout.node(1)).contains("node-role.kubernetes.io/control-plane"));
        assert!(kubelet_config(&layout, &layout.node(2)).contains("registerWithTaints: []\n"));
    }

    #[test]
    fn pods_of_a_node_live_below_its_own_group() {
        let layout = Layout::new("x");
        assert!(kubelet_config(&layout, &layout.node(2)).contains("cgroupRoot: /lab-x/n2\n"));
    }

    #[test]
    fn a_copied_store_shares_files_but_not_databases() {
        use std::os::unix::fs::MetadataExt as _;
        let root = tempfile::tempdir().unwrap();
        let (store, copy) = (root.path().join("store"), root.path().join("copy"));
        fs::create_dir(&copy).unwrap();
        for file in DATABASES.iter().chain(&["snapshots/1/file"]) {
            let path = store.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "content").unwrap();
        }
        copy_store(&store, &copy).unwrap();
        let inode = |folder: &Path, file: &str| fs::metadata(folder.join(file)).unwrap().ino();
        assert_eq!(inode(&store, "snapshots/1/file"), inode(&copy, "snapshots/1/file"));
        for database in DATABASES {
            assert_ne!(inode(&store, database), inode(&copy, database));
        }
    }
}
