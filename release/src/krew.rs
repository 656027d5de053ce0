//! The krew manifest of a release: the one in the repository, with version, archives and checksums filled in.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::build::Target;
use crate::error::{Context as _, Error};

/// An archive that was made.
#[derive(Debug)]
pub(crate) struct Platform {
    /// For which system.
    pub(crate) target: Target,
    /// Its file name.
    pub(crate) archive: String,
    /// Its checksum.
    pub(crate) sha256: String,
}

/// The text of the manifest.
///
/// # Errors
/// Where the manifest of the repository cannot be read or names no homepage.
pub(crate) fn manifest(template: &Path, platforms: &[Platform]) -> Result<String, Error> {
    let text = fs::read_to_string(template).at("read", template)?;
    let broken = |why: String| Error::Failed(format!("{}: {why}", template.display()));
    let mut manifest = cni_migrate::yaml::read(&text).map_err(|e| broken(e.message))?;
    let homepage = manifest["spec"]["homepage"].as_str().unwrap_or_default().to_owned();
    if homepage.is_empty() {
        return Err(broken("spec.homepage is missing".to_owned()));
    }
    let version = env!("CARGO_PKG_VERSION");
    manifest["spec"]["version"] = json!(format!("v{version}"));
    manifest["spec"]["platforms"] = platforms.iter().map(|p| platform(p, &homepage, version)).collect();
    cni_migrate::yaml::write(&manifest).map_err(|e| broken(e.message))
}

fn platform(platform: &Platform, homepage: &str, version: &str) -> Value {
    let Platform { target, archive, sha256 } = platform;
    let suffix = if target.os == "windows" { ".exe" } else { "" };
    json!({
        "selector": {"matchLabels": {"os": target.os, "arch": target.arch}},
        "uri": format!("{homepage}/releases/download/v{version}/{archive}"),
        "sha256": sha256,
        "bin": format!("kubectl-cni_migrate{suffix}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repositorys_manifest_is_filled_in() {
        let target = Target { triple: "t", os: "linux", arch: "amd64" };
        let platforms = [Platform { target, archive: "a.tar.gz".into(), sha256: "ab".repeat(32) }];
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = manifest(&root.join("../krew/cni-migrate.yaml"), &platforms).unwrap();
        let filled = cni_migrate::yaml::read(&text).unwrap();
        assert_eq!(filled["metadata"]["name"], "cni-migrate");
        assert_eq!(filled["spec"]["version"], concat!("v", env!("CARGO_PKG_VERSION")));
        let only = &filled["spec"]["platforms"][0];
        assert!(only["uri"].as_str().unwrap().ends_with("/a.tar.gz"));
        assert_eq!(only["sha256"], "ab".repeat(32));
        assert!(filled["spec"]["caveats"].as_str().unwrap().contains("helm"));
    }
}
