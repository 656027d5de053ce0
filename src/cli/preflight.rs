//! `preflight`: what the cluster comes from, and what would stop a migration.

mod view;

use std::collections::BTreeSet;

use clap::{Args as ClapArgs, ValueEnum};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::flags::{ExcludeArgs, FromArgs, WishArgs};
use super::look::{Scene, scene_from};
use crate::check::{self, Facts, Finding, Level, Phase, Right, Task};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::exit::Outcome;
use crate::model::Read;
use crate::observe::{Rule, rights};
use crate::report;
use crate::verify::NAMESPACE;

/// Detect the source CNI and look for everything that would stop a migration
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: 0 nothing stops a migration, 1 something does, 3 the cluster could not be read

Examples:
  # Look at the cluster of the current context
  kubectl cni-migrate preflight

  # Would this address range do?
  kubectl cni-migrate preflight --target-pod-cidr 10.200.0.0/16

  # What is that check about, and what is to be done?
  kubectl cni-migrate preflight --explain PDB-001

  # Look at a snapshot of another cluster
  kubectl cni-migrate preflight --from prod-eu.snapshot.gz

  # For a pipeline: warnings fail, those that somebody answers for do not
  kubectl cni-migrate preflight -o junit --fail-on warning --exclude-file exclusions.yaml"
)]
pub struct Args {
    /// Print the page of a check, and ask no cluster
    #[arg(long, value_name = "ID", add = ArgValueCandidates::new(check_ids))]
    explain: Option<String>,
    /// From which result on the answer is no
    #[arg(long, value_enum, default_value_t, value_name = "RESULT")]
    fail_on: FailOn,
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    exclude: ExcludeArgs,
    #[command(flatten)]
    wish: WishArgs,
    /// Output format
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Format,
}

/// From which result on the answer is no
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FailOn {
    /// Only what stops a migration
    #[default]
    Blocker,
    /// Also what will be noticed
    Warning,
    /// Also what could not be found out
    Unknown,
}

impl From<FailOn> for Level {
    fn from(from: FailOn) -> Self {
        match from {
            FailOn::Blocker => Self::Blocker,
            FailOn::Warning => Self::Warning,
            FailOn::Unknown => Self::Unknown,
        }
    }
}

/// Output format
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// A table for people
    #[default]
    Table,
    /// JSON for machines
    Json,
    /// YAML
    Yaml,
    /// JUnit XML for CI: one case for each check
    Junit,
    /// A table for a wiki
    Markdown,
}

fn check_ids() -> Vec<CompletionCandidate> {
    check::CHECKS.iter().map(|c| CompletionCandidate::new(c.id()).help(Some(c.title().into()))).collect()
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    if let Some(id) = &args.explain {
        ctx.ui.data(&ctx.ui.named(check::page(id)?));
        return Ok(Outcome::Done);
    }
    // A mistake in the file shows before the cluster is asked.
    let exclusions = args.exclude.read()?;
    let scene = scene_from(ctx, &args.from, &args.wish, None).await?;
    let view = view::View {
        scene: &scene,
        judged: check::judge(findings(&scene).await, &exclusions, ExcludeArgs::today()),
        fail_on: args.fail_on.into(),
    };
    let text = match args.output {
        Format::Table => view.text(),
        Format::Markdown => view.markdown(),
        Format::Junit => view.junit()?,
        Format::Json => report::json_text(&view.machine()?),
        Format::Yaml => report::yaml_text(&view.machine()?)?,
    };
    ctx.ui.data(&text);
    Ok(if view.fails() { Outcome::No } else { Outcome::Done })
}

/// Runs every check.
pub(super) async fn findings(scene: &Scene) -> Vec<Finding> {
    let facts = Facts {
        snapshot: &scene.snapshot,
        detection: &scene.detection,
        intent: &scene.intent,
        rights: caller(scene).await,
        helm: Read::Known(scene.session.helm.as_ref().ok().map(|h| h.flavour().to_string())),
        ours: scene.record.is_some(),
    };
    check::run(Phase::Preflight, &facts)
}

/// What the caller may do: everywhere, as a namespace without role bindings shows it, and in the namespaces that matter.
async fn caller(scene: &Scene) -> Read<Vec<Right>> {
    let inventory = scene.inventory();
    let needed = check::needed_rights(&Task::of_a_migration(), &scene.intent.namespace, &inventory);
    let namespaces: BTreeSet<_> = needed.iter().filter_map(|right| right.namespace.as_deref()).collect();
    let mut all = Vec::new();
    for namespace in [None].into_iter().chain(namespaces.into_iter().map(Some)) {
        match rights(&scene.session.reader, namespace.unwrap_or(NAMESPACE)).await {
            Ok(rules) => all.extend(rules.iter().flat_map(|rule| single(rule, namespace))),
            Err(e) => return Read::Unknown(e.message),
        }
    }
    Read::Known(all)
}

fn single(rule: &Rule, namespace: Option<&str>) -> Vec<Right> {
    let any = [String::new()];
    let names = if rule.resource_names.is_empty() { &any[..] } else { &rule.resource_names };
    let mut rights = Vec::new();
    for verb in &rule.verbs {
        for group in &rule.api_groups {
            for resource in &rule.resources {
                rights.extend(names.iter().map(|name| Right {
                    verb: verb.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    namespace: namespace.map(str::to_owned),
                    name: (!name.is_empty()).then(|| name.clone()),
                }));
            }
        }
    }
    rights
}
