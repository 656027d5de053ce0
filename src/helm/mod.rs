//! Helm, as a program: found, asked and told; the operator's own binary, so the operator's own plugins and storage.
//!
//! Why a program and not a library: `docs/adr/0002-helm-by-subprocess.md`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should panic"))]

mod argv;
mod chart;
mod flavour;
mod install;
mod locate;
mod run;
mod types;

pub use chart::{Chart, DEFAULT_CHART, DEFAULT_REPOSITORY};
pub use flavour::Flavour;
pub use install::Installer;
pub use locate::Options;
pub use run::StandIn;
pub use types::{Job, clearing};

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::model::Release;
use crate::yaml;
use run::{Output, Program};

/// How long a question to helm may take, the chart's download included.
const READ_DEADLINE: Duration = Duration::from_mins(2);

/// A helm that works, for one cluster. It is only asked; an [`Installer`] changes releases.
#[derive(Clone, Debug)]
pub struct Helm {
    program: Program,
    /// Who is asked about charts, which are no part of a cluster.
    charts: Program,
    flavour: Flavour,
}

impl Helm {
    /// Finds helm and asks for its version.
    ///
    /// # Errors
    /// No helm, one that does not run, or one that is too old.
    pub async fn locate(options: &Options) -> Result<Self> {
        let bin = locate::binary(options)?;
        Self::of(Program::Binary { bin, kubeconfig: options.kubeconfig.clone() }).await
    }

    /// A helm that is no program of its own.
    ///
    /// # Errors
    /// One that is too old.
    pub async fn stand_in(answers: Arc<dyn StandIn>) -> Result<Self> {
        Self::of(Program::StandIn(answers)).await
    }

    async fn of(program: Program) -> Result<Self> {
        let mut helm = Self { charts: program.clone(), program, flavour: Flavour::OLDEST };
        let version = helm.ask(&argv::version(), "version").await?;
        helm.flavour = Flavour::parse(version.stdout.trim())?;
        Ok(helm)
    }

    /// The same, but another one is asked about charts.
    #[must_use]
    pub fn with_charts_of(self, other: Self) -> Self {
        Self { charts: other.charts, ..self }
    }

    /// The version that was found.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// The release of that name with its newest revision's values, whatever its status; `None` where there is none.
    ///
    /// # Errors
    /// helm fails, or says something else than expected.
    pub async fn release(&self, name: &str, namespace: &str) -> Result<Option<Release>> {
        let what = format!("list of releases in namespace {namespace}");
        let listed = self.ask(&argv::list(self.flavour, name, namespace), &what).await?;
        let Some(entry) = types::listed(&listed.stdout, name)? else { return Ok(None) };
        let what = format!("values of release {namespace}/{name}");
        let values = self.ask(&argv::get_values(name, namespace), &what).await?;
        entry.release(&values.stdout).map(Some)
    }

    /// What the `values.yaml` of the job's chart has.
    ///
    /// # Errors
    /// The chart cannot be had, or has another version than the job's (usage).
    pub async fn chart_values(&self, job: &Job) -> Result<Value> {
        self.check_chart(job).await?;
        let shown = ask(&self.charts, &argv::show_values(job), "values of the chart", READ_DEADLINE).await?;
        yaml::read(&shown.stdout)
    }

    /// The objects of the job's chart and values as YAML, rendered for a version of Kubernetes without asking a cluster.
    ///
    /// # Errors
    /// Those of [`Helm::chart_values`], and values that the chart or its schema refuses.
    pub async fn template(&self, job: &Job, kubernetes: &str) -> Result<String> {
        self.check_chart(job).await?;
        let values = values_file(&job.values)?;
        let what = format!("rendering of release {}/{}", job.namespace, job.release);
        Ok(ask(&self.charts, &argv::template(job, kubernetes, values.path()), &what, READ_DEADLINE)
            .await?
            .stdout)
    }

    /// helm takes a chart from a path whatever `--version` says, so the tool compares.
    ///
    /// # Errors
    /// Usage, where the chart has another version than the job's; helm's own where it cannot be read.
    pub async fn check_chart(&self, job: &Job) -> Result<()> {
        let Chart::Path(path) = &job.chart else { return Ok(()) };
        let found = self.chart_version(job, READ_DEADLINE).await?;
        if found == job.version {
            return Ok(());
        }
        Err(Error::usage(format!("chart {path} has version {found}, expected {}", job.version))
            .hint(format!("give the chart of that version, or --cilium-version {found}")))
    }

    /// The version of the job's chart, wherever that is.
    ///
    /// # Errors
    /// The chart cannot be had, or not within `deadline`.
    pub async fn chart_version(&self, job: &Job, deadline: Duration) -> Result<String> {
        let what = format!("chart {}", job.chart);
        let shown = ask(&self.charts, &argv::show_chart(job), &what, deadline).await?;
        let found = yaml::read(&shown.stdout)?;
        Ok(found.get("version").and_then(Value::as_str).unwrap_or("unknown").to_owned())
    }

    /// Asks about the cluster.
    async fn ask(&self, args: &[String], what: &str) -> Result<Output> {
        ask(&self.program, args, what, READ_DEADLINE).await
    }
}

/// Asks helm something that changes nothing.
async fn ask(program: &Program, args: &[String], what: &str, deadline: Duration) -> Result<Output> {
    let output = program.read(args, deadline).await?;
    if output.success { Ok(output) } else { Err(run::failure(what, &output)) }
}

/// Values go by file, so that none shows in the process list; JSON keeps strings strings in every version of helm.
fn values_file(values: &Value) -> Result<NamedTempFile> {
    let broken = |error: std::io::Error| Error::failed(format!("cannot write the values for helm: {error}"));
    let mut file =
        tempfile::Builder::new().prefix("cni-migrate-values-").suffix(".json").tempfile().map_err(broken)?;
    file.write_all(yaml::json(values).as_bytes()).and_then(|()| file.flush()).map_err(broken)?;
    Ok(file)
}
