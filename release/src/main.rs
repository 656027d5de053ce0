//! `release`: everything that a release consists of, from one commit, the same bytes each time.
//!
//! For every target whose standard library is installed: an archive for krew and one for Helm. Beside them the
//! checksums, the bill of materials, and the krew manifest filled in from the archives.

mod archive;
mod build;
mod error;
mod krew;
mod man;
mod sbom;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use archive::{Entry, write};
use build::{Target, present};
use clap::Parser;
use error::{Context as _, Error};
use sha2::{Digest, Sha256};

/// Make archives, checksums, bill of materials and krew manifest of a release
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  # Everything that this machine can build
  cargo run -p release

  # Around a binary that is there already
  cargo run -p release -- --binary target/debug/kubectl-cni_migrate --out /tmp/dist")]
struct Cli {
    /// Folder for the files; emptied first
    #[arg(long, default_value = "dist")]
    out: PathBuf,
    /// Take this binary for the machine's own target and build nothing
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

fn main() -> ExitCode {
    let told = run(&Cli::parse()).and_then(|sums| {
        std::io::stdout().write_all(sums.as_bytes()).at("write to", Path::new("standard output"))
    });
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes all files, and gives the checksums.
fn run(cli: &Cli) -> Result<String, Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().at("find", Path::new(".."))?;
    if cli.out.exists() {
        fs::remove_dir_all(&cli.out).at("empty", &cli.out)?;
    }
    fs::create_dir_all(&cli.out).at("create", &cli.out)?;
    let folder = tempfile::tempdir().at("create a folder in", &std::env::temp_dir())?;
    let pages = man::entries(folder.path())?;
    let mut platforms = Vec::new();
    let mut files = Vec::new();
    for (target, binary) in binaries(cli, &root)? {
        let name = target.archive(env!("CARGO_PKG_VERSION"));
        let sha256 = pack(&cli.out.join(&name), &[krew_entries(&root, &binary), pages.clone()].concat())?;
        files.push((sha256.clone(), name.clone()));
        platforms.push(krew::Platform { target, archive: name, sha256 });
        let name = target.helm_archive(env!("CARGO_PKG_VERSION"));
        files.push((pack(&cli.out.join(&name), &helm_entries(&root, &binary))?, name));
    }
    let manifest = krew::manifest(&root.join("krew/cni-migrate.yaml"), &platforms)?;
    files.push(store(&cli.out, "cni-migrate.yaml", &manifest)?);
    files.push(store(&cli.out, "cni-migrate.cdx.json", &sbom::of(&root)?)?);
    let sums: String = files.iter().map(|(sha256, name)| format!("{sha256}  {name}\n")).collect();
    store(&cli.out, "SHA256SUMS", &sums)?;
    Ok(sums)
}

fn binaries(cli: &Cli, root: &Path) -> Result<Vec<(Target, PathBuf)>, Error> {
    if let Some(binary) = &cli.binary {
        return Ok(vec![(build::own()?, binary.clone())]);
    }
    present()?.into_iter().map(|target| Ok((target, build::build(target, root)?))).collect()
}

/// krew links only the binary; the licence must be in the archive (validate-krew-manifest).
fn krew_entries(root: &Path, binary: &Path) -> Vec<Entry> {
    vec![
        Entry::new("kubectl-cni_migrate", binary, true),
        Entry::new("kubectl_complete-cni_migrate", root.join("packaging/kubectl_complete-cni_migrate"), true),
        Entry::new("LICENSE", root.join("LICENSE"), false),
        Entry::new("README.md", root.join("README.md"), false),
    ]
}

/// Helm 4's plugin archives hold one folder of the plugin's name, with the strict format of plugin.yaml.
fn helm_entries(root: &Path, binary: &Path) -> Vec<Entry> {
    vec![
        Entry::new("cni-migrate/plugin.yaml", root.join("helm/v4/plugin.yaml"), false),
        Entry::new("cni-migrate/plugin.complete", root.join("plugin.complete"), true),
        Entry::new("cni-migrate/bin/kubectl-cni_migrate", binary, true),
        Entry::new("cni-migrate/LICENSE", root.join("LICENSE"), false),
    ]
}

/// Writes an archive and gives its checksum.
fn pack(path: &Path, entries: &[Entry]) -> Result<String, Error> {
    let bytes = write(entries)?;
    fs::write(path, &bytes).at("write", path)?;
    Ok(hex(&bytes))
}

fn store(folder: &Path, name: &str, text: &str) -> Result<(String, String), Error> {
    let path = folder.join(name);
    fs::write(&path, text).at("write", &path)?;
    Ok((hex(text.as_bytes()), name.to_owned()))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn two_releases_of_one_binary_are_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("binary");
        fs::write(&binary, "the same").unwrap();
        let make = |name: &str| {
            let out = folder.path().join(name);
            run(&Cli { out: out.clone(), binary: Some(binary.clone()) }).unwrap();
            let files = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap());
            files.map(|file| (file.file_name(), fs::read(file.path()).unwrap())).collect::<BTreeMap<_, _>>()
        };
        let first = make("first");
        // Two archives, krew manifest, bill of materials, checksums.
        assert_eq!(first.len(), 5, "{:?}", first.keys());
        assert!(first == make("second"), "two releases differ");
    }

    #[test]
    fn every_verb_has_its_page_in_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let pages = man::entries(folder.path()).unwrap();
        let names: Vec<_> = pages.iter().map(|page| format!("{page:?}")).collect();
        for page in ["kubectl-cni-migrate.1", "kubectl-cni-migrate-preflight.1"] {
            assert!(names.iter().any(|name| name.contains(&format!("man/man1/{page}"))), "{page}: {names:?}");
        }
    }
}
