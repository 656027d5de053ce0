//! The targets of a release, and the binary of each.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context as _, Error};

/// A target that is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// Rust's name.
    pub(crate) triple: &'static str,
    /// Operating system and architecture, as krew and Helm call them.
    pub(crate) os: &'static str,
    /// Architecture.
    pub(crate) arch: &'static str,
}

/// In the order of preference: of two for the same system the first that is installed is taken.
const TARGETS: [Target; 7] = [
    target("x86_64-unknown-linux-musl", "linux", "amd64"),
    target("x86_64-unknown-linux-gnu", "linux", "amd64"),
    target("aarch64-unknown-linux-musl", "linux", "arm64"),
    target("aarch64-unknown-linux-gnu", "linux", "arm64"),
    target("x86_64-apple-darwin", "darwin", "amd64"),
    target("aarch64-apple-darwin", "darwin", "arm64"),
    target("x86_64-pc-windows-gnu", "windows", "amd64"),
];

const fn target(triple: &'static str, os: &'static str, arch: &'static str) -> Target {
    Target { triple, os, arch }
}

impl Target {
    /// File name of its archive for krew.
    pub(crate) fn archive(self, version: &str) -> String {
        format!("cni-migrate_v{version}_{}_{}.tar.gz", self.os, self.arch)
    }

    /// File name of its archive for Helm, which expects in it a folder of the name without what follows `-VERSION`.
    pub(crate) fn helm_archive(self, version: &str) -> String {
        format!("cni-migrate-{version}_{}_{}.tgz", self.os, self.arch)
    }
}

/// The targets whose standard library is installed, one for each system.
///
/// # Errors
/// Where rustc does not answer, or has none of them.
pub(crate) fn present() -> Result<Vec<Target>, Error> {
    let sysroot = PathBuf::from(rustc(&["--print", "sysroot"])?);
    let installed = |target: &&Target| sysroot.join("lib/rustlib").join(target.triple).join("lib").is_dir();
    let chosen = first_of_each(TARGETS.iter().filter(installed).copied());
    if chosen.is_empty() {
        return Err(Error::Failed(format!(
            "no target of a release is installed below {}: add one, such as {}",
            sysroot.display(),
            TARGETS[0].triple
        )));
    }
    Ok(chosen)
}

fn first_of_each(targets: impl Iterator<Item = Target>) -> Vec<Target> {
    let mut chosen: Vec<Target> = Vec::new();
    for target in targets {
        if !chosen.iter().any(|other| (other.os, other.arch) == (target.os, target.arch)) {
            chosen.push(target);
        }
    }
    chosen
}

/// The target that rustc builds for unless it is told otherwise.
///
/// # Errors
/// Where it is none that is released.
pub(crate) fn own() -> Result<Target, Error> {
    let version = rustc(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let found = TARGETS.iter().find(|target| target.triple == host).copied();
    found.ok_or_else(|| Error::Failed(format!("there is no release for {host}")))
}

fn rustc(args: &[&str]) -> Result<String, Error> {
    let program = Path::new("rustc");
    let output = Command::new(program).args(args).output().at("run", program)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Builds the binary; paths of this machine do not get into it, so that two builds of one commit are identical.
///
/// # Errors
/// Where cargo fails.
pub(crate) fn build(target: Target, root: &Path) -> Result<PathBuf, Error> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap_or_default();
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let folder = root.join("target/release-build");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--package", "kubectl-cni-migrate"]);
    cargo.args(["--bin", "kubectl-cni_migrate", "--target", target.triple]);
    cargo.arg("--target-dir").arg(&folder).current_dir(root);
    cargo
        .env("RUSTFLAGS", [remap(root, "/src"), remap(&home, "/cargo")].join(" "))
        .env("CARGO_INCREMENTAL", "0");
    let status = cargo.status().at("run", Path::new("cargo"))?;
    if !status.success() {
        return Err(Error::Failed(format!("cargo build for {} ended with {status}", target.triple)));
    }
    let suffix = if target.os == "windows" { ".exe" } else { "" };
    Ok(folder.join(target.triple).join(format!("release/kubectl-cni_migrate{suffix}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_static_build_is_preferred_and_no_system_comes_twice() {
        let chosen = first_of_each(TARGETS.into_iter());
        assert_eq!(chosen[0].triple, "x86_64-unknown-linux-musl");
        assert_eq!(chosen.len(), 5);
        let only = first_of_each([TARGETS[1]].into_iter());
        assert_eq!(only[0].archive("1.2.3"), "cni-migrate_v1.2.3_linux_amd64.tar.gz");
    }
}
