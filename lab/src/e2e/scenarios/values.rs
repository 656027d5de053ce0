//! The generated values against the real API server, for every chart at hand.

use std::{fs, path::PathBuf};

use super::{Run, Scenario};
use crate::{
    e2e::world::World,
    error::{Context as _, Error},
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "values",
    about: "helm install --dry-run=server takes the values of both phases, for every chart at hand and Helm 3 and 4",
    run: Run::OnCluster(run),
};

/// Where charts of all minors may lie, beside the repository.
const CHARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/charts");

fn run(world: &mut World) -> Result<(), Error> {
    let charts = charts(world);
    world.show(&format!("{} charts: {}", charts.len(), names(&charts).join(", ")));
    for (version, chart) in charts {
        for phase in ["migration", "final"] {
            let chart = chart.display().to_string();
            let values = world.folder.join(format!("values-{version}-{phase}.yaml"));
            let asked = format!("--cilium-version={version}");
            let tool = world.tool.display().to_string();
            let answer = world.client(&tool, &["values", phase, "-o", "yaml", &asked, "--chart", &chart])?;
            let generated = answer.status.success();
            world.checks.that(
                &format!("values {phase} for {version} are generated"),
                generated,
                &answer.stderr,
            );
            fs::write(&values, &answer.stdout).at("write", &values)?;
            for helm in ["helm3", "helm4"] {
                let file = values.display().to_string();
                let words =
                    ["install", "cilium", &chart, "-n", "kube-system", "-f", &file, "--dry-run=server"];
                let ended = world.client(helm, &words)?;
                world.checks.that(
                    &format!("{helm} and the API server take the {phase} values of {version}"),
                    ended.status.success(),
                    ended.stderr.trim(),
                );
            }
        }
    }
    Ok(())
}

/// Version and place of each chart; the lab's own at least.
fn charts(world: &World) -> Vec<(String, PathBuf)> {
    let own = vec![("1.19.6".to_owned(), world.cluster.chart())];
    let Ok(entries) = fs::read_dir(CHARTS) else {
        world.show("only the lab's own chart: no others lie beside the repository");
        return own;
    };
    let mut found: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix("cilium-")?.strip_suffix(".tgz")?;
            Some((version.to_owned(), entry.path()))
        })
        .collect();
    found.sort();
    if found.is_empty() { own } else { found }
}

fn names(charts: &[(String, PathBuf)]) -> Vec<&str> {
    charts.iter().map(|(version, _)| version.as_str()).collect()
}
