//! The tool as people install it: by kubectl, by Helm 3 and 4, from a release's archives, with roles of its own making.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::{Run, Scenario};
use crate::{
    e2e::{
        build,
        tool::{Caller, DONE, NO},
        world::World,
    },
    error::{Context as _, Error},
    process,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "packaging",
    about: "kubectl finds and completes the plugin, Helm 3 and 4 load it, a release's archives install, roles hold",
    run: Run::OnCluster(run),
};

fn run(world: &mut World) -> Result<(), Error> {
    let dist = world.folder.join("dist");
    release(world, &dist)?;
    kubectl(world, &dist)?;
    helm(world, &dist)?;
    roles(world)
}

/// Packs the binary under test as a release would.
fn release(world: &World, dist: &Path) -> Result<(), Error> {
    let mut release = Command::new(build("release", "release")?);
    process::output(release.arg("--out").arg(dist).arg("--binary").arg(&world.tool)).map(drop)
}

/// krew takes the manifest and installs the archive; kubectl finds the plugin where krew put it.
fn kubectl(world: &mut World, dist: &Path) -> Result<(), Error> {
    let manifest = dist.join("cni-migrate.yaml").display().to_string();
    let validate = ["-skip-install", "-manifest", &manifest];
    let valid = world.client("validate-krew-manifest", &validate)?;
    world.checks.that("krew's schema takes the manifest", valid.status.success(), &valid.stderr);
    let archive = dist.join(only(dist, "cni-migrate_v")?).display().to_string();
    let root = world.folder.join("krew");
    let home = format!("KREW_ROOT={}", root.display());
    let install = [&home, "krew", "install", "--manifest", &manifest, "--archive", &archive];
    let installed = world.client("env", &install)?;
    world.checks.that("krew installs the archive", installed.status.success(), &installed.stderr);
    let list = world.client_in(&root.join("bin"), "kubectl", &["plugin", "list"])?;
    world.checks.that("kubectl lists the plugin", list.stdout.contains("kubectl-cni_migrate"), &list.stdout);
    // krew links the plugin only; the manifest's caveats send the user here for completion.
    let store = root.join("store/cni-migrate");
    let unpacked = store.join(only(&store, "v")?);
    world.checks.that("the licence is in the archive", unpacked.join("LICENSE").is_file(), "no LICENSE");
    for (typed, wanted) in [(&["pre"][..], "preflight"), (&["node", "--reboot", ""][..], "never")] {
        let words = [&["__complete", "cni-migrate"], typed].concat();
        let answer = world.client_in(&unpacked, "kubectl", &words)?;
        world.checks.that(
            &format!("kubectl completes `cni-migrate {}`", typed.join(" ")),
            answer.stdout.contains(wanted),
            &answer.stdout,
        );
    }
    Ok(())
}

fn helm(world: &mut World, dist: &Path) -> Result<(), Error> {
    for major in [3, 4] {
        world.caller = Caller::Helm(major);
        let answer = world.tool(&["status"])?;
        let works = answer.code == Some(DONE) && answer.output.contains("helm cni-migrate preflight");
        world.checks.that(
            &format!("helm {major} runs the plugin, which speaks of helm"),
            works,
            &answer.output,
        );
    }
    world.caller = Caller::Direct;
    let archive = dist.join(only(dist, "cni-migrate-")?).display().to_string();
    // `plugin install` does not look at HELM_PLUGINS.
    let home = |name: &str| format!("{name}={}", world.folder.join("helm4").join(name).display());
    let homes = [home("HELM_DATA_HOME"), home("HELM_CACHE_HOME"), home("HELM_CONFIG_HOME")];
    let homes: Vec<&str> = homes.iter().map(String::as_str).collect();
    let install = [&homes[..], &["helm4", "plugin", "install", &archive, "--verify=false"]].concat();
    let installed = world.client("env", &install)?;
    world.checks.that("helm 4 installs the archive", installed.status.success(), &installed.stderr);
    let explain = [&homes[..], &["helm4", "cni-migrate", "preflight", "--explain", "PDB-001"]].concat();
    let ran = world.client("env", &explain)?;
    world.checks.that("and runs the plugin from it", ran.stdout.contains("PDB-001"), &ran.stderr);
    Ok(())
}

/// A role for looking lets look, and the API server refuses everything else.
fn roles(world: &mut World) -> Result<(), Error> {
    let words = ["rbac", "--verb=preflight", "--verb=status", "--for-user=looker"];
    let tool = world.tool.display().to_string();
    let roles = world.client(&tool, &words)?.success()?;
    world.apply(&roles)?;
    let status = world.tool(&["status", "--as=looker"])?;
    world.checks.equal("status works with the role for looking", &status.code, &Some(DONE));
    let preflight = world.client(&tool, &["preflight", "--as=looker", "-o", "json"])?;
    let report: Value = serde_json::from_str(&preflight.stdout).unwrap_or_default();
    let refused: Vec<String> = report["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|finding| finding["result"] == "unknown")
        .map(ToString::to_string)
        .collect();
    world.checks.equal(
        "preflight finds that rights for later verbs are missing",
        &preflight.status.code(),
        &Some(NO),
    );
    world.checks.none("and knows everything else", &refused);
    for verb in ["install", "node", "verify", "finalize", "cleanup-flannel", "rollback"] {
        let writes = writes_of(world, verb)?;
        let mut allowed = Vec::new();
        for write in &writes {
            let words: Vec<&str> = ["auth", "can-i"].into_iter().chain(write.split(' ')).collect();
            let ended = world.client("kubectl", &[&words[..], &["--as=looker"]].concat())?;
            if ended.stdout.trim() != "no" {
                allowed.push(format!("{write}: {}", ended.stdout.trim()));
            }
        }
        world.checks.that(&format!("{verb} writes"), writes.len() > 2, &format!("{writes:?}"));
        world.checks.none(
            &format!(
                "the API server refuses each of the {} writes of {verb} with the role for looking",
                writes.len()
            ),
            &allowed,
        );
    }
    Ok(())
}

/// What a verb's role allows besides looking, as `kubectl auth can-i` takes it: verb, resource, namespace.
fn writes_of(world: &World, verb: &str) -> Result<Vec<String>, Error> {
    let tool = world.tool.display().to_string();
    let roles = world.client(&tool, &["rbac", &format!("--verb={verb}"), "-o", "json"])?.success()?;
    let roles: Value = serde_json::from_str(&roles).map_err(|e| Error::Invalid(format!("rbac: {e}")))?;
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut writes = Vec::new();
    for role in roles["items"].as_array().into_iter().flatten() {
        let place = match role["metadata"]["namespace"].as_str() {
            Some(namespace) => format!("--namespace={namespace}"),
            None => "--all-namespaces".to_owned(),
        };
        for rule in role["rules"].as_array().into_iter().flatten() {
            let group = list(&rule["apiGroups"]).into_iter().find(|group| !group.is_empty());
            for resource in list(&rule["resources"]) {
                let (kind, sub) = resource.split_once('/').unwrap_or((&resource, ""));
                let kind = group.as_ref().map_or(kind.to_owned(), |group| format!("{kind}.{group}"));
                let name = list(&rule["resourceNames"]).first().map(|name| format!("/{name}"));
                let sub = if sub.is_empty() { String::new() } else { format!(" --subresource={sub}") };
                for verb in list(&rule["verbs"]).into_iter().filter(|v| !["get", "list"].contains(&&**v)) {
                    writes.push(format!("{verb} {kind}{}{sub} {place}", name.clone().unwrap_or_default()));
                }
            }
        }
    }
    Ok(writes)
}

fn only(folder: &Path, prefix: &str) -> Result<String, Error> {
    let entries = fs::read_dir(folder).at("list", folder)?;
    let mut names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        .find(|name| name.starts_with(prefix))
        .ok_or_else(|| Error::Invalid(format!("{} has no file that begins with {prefix}", folder.display())))
}
