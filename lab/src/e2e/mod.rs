//! `lab e2e`: shows the claims of `kubectl cni-migrate` on fresh clusters, one scenario per file.

mod audit;
mod checks;
mod exec;
mod fidelity;
mod images;
mod logs;
mod phases;
mod proof;
mod residue;
mod scenarios;
mod snapshot;
mod stage;
mod story;
mod tool;
mod world;

use std::{
    env,
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use checks::Checks;
pub(crate) use fidelity::record;
use scenarios::{Run, SCENARIOS, Scenario};
use stage::Stage;
use world::World;

use crate::{
    cluster::{Cluster, cluster_name},
    error::{Context as _, Error},
    process, setup,
    ui::Ui,
};

/// Folder for what a scenario writes down; a scenario that passes leaves nothing there.
const LOGS: &str = "lab-logs";

/// Arguments of `lab e2e`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Scenarios to run; all of them if none is named
    scenarios: Vec<String>,
    /// List the scenarios
    #[arg(long)]
    list: bool,
    /// Name of the cluster; two runs at the same time need two names
    #[arg(long, default_value = "e2e", value_parser = cluster_name)]
    name: String,
    /// Leave the cluster as it is after a scenario that failed, and run no other
    #[arg(long)]
    keep: bool,
    /// What generated cases are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary under test [default: kubectl-cni_migrate beside this program]
    #[arg(long)]
    tool: Option<PathBuf>,
}

/// Runs scenarios, each on a fresh cluster. The last line on standard output says how many passed and failed.
///
/// # Errors
/// When a scenario is not known or the tool is not there; scenarios that fail only make the exit code.
pub(crate) fn run(args: Args, ui: &Ui) -> Result<ExitCode, Error> {
    if args.list {
        for scenario in SCENARIOS {
            ui.line(&format!("{:<22} {}", scenario.name, scenario.about));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(&args.scenarios)?;
    setup::run(ui)?;
    let tool = match args.tool {
        Some(tool) => tool.canonicalize().at("find the tool", &tool)?,
        None => build("kubectl-cni-migrate", "kubectl-cni_migrate")?,
    };
    let _alone = lock(&args.name)?;
    let (mut passed, mut failed) = (0, 0);
    for scenario in chosen {
        if run_one(scenario, &args.name, args.seed, &tool, ui)? {
            passed += 1;
            Cluster::down(&args.name, ui)?;
            continue;
        }
        failed += 1;
        if args.keep {
            ui.line(&format!(
                "the cluster is left as it is: lab exec --name {} -- kubectl get pods -A",
                args.name
            ));
            break;
        }
        Cluster::down(&args.name, ui)?;
    }
    ui.line(&format!("{passed} passed, {failed} failed"));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Held for the whole run: a second one with the same name would tear down the first one's cluster.
fn lock(name: &str) -> Result<File, Error> {
    let path = env::temp_dir().join(format!("lab-{name}.lock"));
    let file = File::create(&path).at("create", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Invalid(format!(
            "another `lab e2e` holds {}: wait until it has ended, or choose another --name",
            path.display()
        ))),
        Err(TryLockError::Error(source)) => Err(source).at("lock", &path),
    }
}

fn choose(names: &[String]) -> Result<Vec<&'static Scenario>, Error> {
    if names.is_empty() {
        return Ok(SCENARIOS.iter().collect());
    }
    let find = |name: &String| {
        SCENARIOS
            .iter()
            .find(|scenario| scenario.name == name)
            .ok_or_else(|| Error::Invalid(format!("there is no scenario {name}: see `lab e2e --list`")))
    };
    names.iter().map(find).collect()
}

/// Builds a program of this checkout beside this one, in the same profile.
///
/// # Errors
/// When cargo fails.
pub(crate) fn build(package: &str, program: &str) -> Result<PathBuf, Error> {
    let lab = env::current_exe().at("find the program of", Path::new("lab"))?;
    let built = lab.with_file_name(program);
    let target = lab.parent().and_then(Path::parent).unwrap_or(Path::new("target"));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", package, "--bin", program]);
    cargo.arg("--target-dir").arg(target).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    // What `cargo run` tells of this package makes build scripts that look at it, such as ring's, run again each time.
    for (name, _) in env::vars_os().filter(|(name, _)| tells_of_this_package(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    if lab.parent().is_some_and(|folder| folder.ends_with("release")) {
        cargo.arg("--release");
    }
    process::output(&mut cargo)?;
    Ok(built)
}

/// Whether cargo sets the variable for the program that it runs.
fn tells_of_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// Whether the scenario passed.
fn run_one(scenario: &Scenario, name: &str, seed: u64, tool: &Path, ui: &Ui) -> Result<bool, Error> {
    ui.line(&format!("scenario {}: {}", scenario.name, scenario.about));
    let folder = env::current_dir().at("find", Path::new("."))?.join(LOGS).join(scenario.name);
    if folder.exists() {
        fs::remove_dir_all(&folder).at("empty", &folder)?;
    }
    fs::create_dir_all(&folder).at("create", &folder)?;
    let passed = match scenario.run {
        Run::OnCluster(run) => on_cluster(scenario, run, (name, seed), tool, &folder, ui),
        Run::OnStage(run) => {
            let mut stage = Stage::set(tool, &folder, ui)?;
            let told = run(&mut stage);
            ended(&mut stage.checks, told)
        }
    };
    if passed {
        fs::remove_dir_all(&folder).at("remove", &folder)?;
    } else {
        ui.line(&format!("logs are in {}", folder.display()));
    }
    ui.line(&format!("{} {}", if passed { "passed" } else { "failed" }, scenario.name));
    Ok(passed)
}

fn on_cluster(
    scenario: &Scenario,
    run: fn(&mut World) -> Result<(), Error>,
    (name, seed): (&str, u64),
    tool: &Path,
    folder: &Path,
    ui: &Ui,
) -> bool {
    let mut world = match World::fresh(name, tool, folder.to_owned(), ui) {
        Ok(world) => world,
        Err(error) => {
            ui.error(&error);
            ui.line(&format!("FAIL  {}: the cluster did not come up, see above", scenario.name));
            return false;
        }
    };
    world.seed = seed;
    let told = run(&mut world);
    let passed = ended(&mut world.checks, told);
    if !passed {
        world.collect_logs();
    }
    passed
}

/// Whether all assertions hold of a story that ended so.
fn ended(checks: &mut Checks, told: Result<(), Error>) -> bool {
    if let Err(error) = told {
        checks.broken(&error);
    }
    checks.failed() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_is_built_without_the_words_of_cargo_run_but_with_the_users() {
        assert!(tells_of_this_package("CARGO_PKG_NAME") && tells_of_this_package("CARGO_MANIFEST_DIR"));
        assert!(!tells_of_this_package("CARGO_TARGET_DIR") && !tells_of_this_package("CARGO_HOME"));
    }

    #[test]
    fn scenarios_are_chosen_by_name_and_names_are_unique() {
        assert_eq!(choose(&[]).unwrap().len(), SCENARIOS.len());
        for scenario in SCENARIOS {
            assert_eq!(
                SCENARIOS.iter().filter(|other| other.name == scenario.name).count(),
                1,
                "{}",
                scenario.name
            );
            assert!(!scenario.about.is_empty());
            assert_eq!(choose(&[scenario.name.to_owned()]).unwrap()[0].name, scenario.name);
        }
        let error = choose(&["nonsense".into()]).err().map(|e| e.to_string());
        assert_eq!(error.as_deref(), Some("there is no scenario nonsense: see `lab e2e --list`"));
    }
}
