//! The root file system that all images of the lab share as their first layer: a small Debian with network tools
//! and the compiler that the Cilium agent calls.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::cache::{self, Artefact, Inputs};
use crate::error::{Context, Error};
use crate::process;

/// Debian release of the layer; the lab's own binary runs in it, so it is not newer than the build machine's.
const SUITE: &str = "bookworm";
/// clang and llc 19 compile Cilium's eBPF programs; the rest is what CNIs and kube-proxy call.
const PACKAGES: &str = "iptables,nftables,iproute2,ipset,conntrack,kmod,curl,procps,jq,clang-19,llvm-19";
/// Removed before packing: nothing in a container reads them.
const USELESS: &[&str] =
    &["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"];
/// File names inside the artefact's folder.
const LAYER: &str = "layer.tar";
const DIGEST: &str = "layer.sha256";

/// The shared first layer: its tar archive, not compressed.
#[derive(Debug, Clone)]
pub(crate) struct BaseLayer {
    /// SHA-256 in hexadecimal digits.
    pub(crate) digest: String,
    /// Length in bytes.
    pub(crate) size: u64,
    /// The archive on the host.
    pub(crate) tar: std::path::PathBuf,
}

impl BaseLayer {
    /// Reads the layer back from the artefact's folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let (tar, digest) = (folder.join(LAYER), folder.join(DIGEST));
        let size = fs::metadata(&tar).at("read", &tar)?.len();
        Ok(Self { digest: fs::read_to_string(&digest).at("read", &digest)?, size, tar })
    }
}

/// The artefact with the layer's archive and digest.
pub(crate) fn artefact() -> Artefact {
    let hash = Inputs::recipe(1).text(SUITE).text(PACKAGES).text(&USELESS.concat()).finish();
    Artefact { kind: "rootfs".into(), hash, build: Box::new(build) }
}

fn build(out: &Path) -> Result<(), Error> {
    let tree = out.join("tree");
    let include = format!("--include={PACKAGES}");
    let mut debootstrap = process::command("debootstrap", ["--variant=minbase", &include, SUITE]);
    process::output(debootstrap.arg(&tree))?;
    choose_legacy_iptables(&tree)?;
    for version_free in ["clang", "llc"] {
        let link = tree.join("usr/local/bin").join(version_free);
        symlink(format!("/usr/bin/{version_free}-19"), &link).at("create", &link)?;
    }
    for folder in USELESS {
        cache::remove_tree(&tree.join(folder))?;
    }
    pack(&tree, &out.join(LAYER))?;
    fs::write(out.join(DIGEST), digest(&out.join(LAYER))?).at("write", out)?;
    cache::remove_tree(&tree)
}

/// Flannel and kube-proxy must write into one rule set, and the machine may lack half of nftables' modules.
fn choose_legacy_iptables(tree: &Path) -> Result<(), Error> {
    for (family, program) in [("iptables", "iptables-legacy"), ("ip6tables", "ip6tables-legacy")] {
        let choice = format!("/usr/sbin/{program}");
        let set = ["update-alternatives", "--set", family, &choice];
        process::output(process::command("chroot", [tree.as_os_str()]).args(set))?;
    }
    Ok(())
}

/// GNU tar keeps hard links; the options make the archive a function of the tree's content alone.
fn pack(tree: &Path, tar: &Path) -> Result<(), Error> {
    let mut command =
        process::command("tar", ["--sort=name", "--mtime=@0", "--numeric-owner", "--format=gnu"]);
    command.args(["--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "-C"]).arg(tree);
    process::output(command.arg("-cf").arg(tar).arg("."))?;
    Ok(())
}

fn digest(file: &Path) -> Result<String, Error> {
    let mut hash = Sha256::new();
    std::io::copy(&mut File::open(file).at("read", file)?, &mut hash).at("read", file)?;
    Ok(cache::hex(&hash.finalize()))
}
