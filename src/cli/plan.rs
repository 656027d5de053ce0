//! `plan`: what `run` will do, as data or as a runbook.

use std::net::IpAddr;

use clap::{Args as ClapArgs, ValueEnum};

use super::flags::{FromArgs, WishArgs};
use super::look::{Scene, scene, scene_from};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::model::RebootMode;
use crate::plan::{PLAN_KIND, Plan, plan, runbook};
use crate::report;
use crate::target::NodeConfig;
use crate::values::Phase;

/// Print the steps that run will take, with reasons, as a table, a runbook or data
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # What will happen, in which order?
  kubectl cni-migrate plan

  # A runbook for the team's wiki, with the plain kubectl and helm commands
  kubectl cni-migrate plan -o markdown > runbook.md

  # Review the plan, then execute just that one
  kubectl cni-migrate plan -o yaml > plan.yaml
  kubectl cni-migrate run --plan plan.yaml --yes=prod-eu")]
pub struct Args {
    /// How nodes will be rebooted after their switch [default: never]
    #[arg(long, value_enum, value_name = "MODE")]
    reboot: Option<RebootMode>,
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    wish: WishArgs,
    /// Output format
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Format,
}

/// Output format
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    #[default]
    Table,
    /// A runbook
    Markdown,
    /// JSON
    Json,
    /// YAML, which run --plan executes
    Yaml,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene_from(ctx, &args.from, &args.wish, args.reboot).await?;
    let plan = scene.plan()?;
    match args.output {
        Format::Table => ctx.ui.data(&table(&plan)),
        Format::Markdown => {
            let values = scene.values(Phase::Migration, &args.wish)?.tree;
            let version = scene.snapshot.cilium.node_config_version.as_deref().unwrap_or("cilium.io/v2");
            let config = NodeConfig::for_values(&scene.intent.namespace, &values).manifest(version);
            ctx.ui.data(&ctx.ui.named(&runbook(&plan, &scene.inventory(), &config)?));
        }
        Format::Json => ctx.ui.data(&report::json_text(&report::object(PLAN_KIND, &plan)?)),
        Format::Yaml => ctx.ui.data(&report::yaml_text(&report::object(PLAN_KIND, &plan)?)?),
    }
    Ok(Outcome::Done)
}

/// As [`Format::Table`] prints it.
pub(super) fn table(plan: &Plan) -> String {
    let rows: Vec<_> = plan
        .steps
        .iter()
        .zip(1..)
        .map(|(step, number)| vec![format!("{number}"), step.id.clone(), step.does.clone(), step.why.clone()])
        .collect();
    let hash = plan.state_hash.get(..12).unwrap_or(&plan.state_hash);
    format!(
        "{}\n{} from {} to cilium {} · state {hash}\n",
        report::table(&["#", "STEP", "DOES", "WHY"], &rows),
        plan.cluster,
        plan.source,
        plan.intent.cilium_version
    )
}

impl Scene {
    /// The plan for what is left.
    pub(super) fn plan(&self) -> Result<Plan> {
        let mut record = self.record.clone().map_or_else(|| self.fresh(), Ok)?;
        // How nodes are rebooted may be wished anew for what is left.
        record.intent = self.intent.clone();
        Ok(plan(&self.snapshot, &record, self.access()))
    }

    /// The address by which the API server is reached, where it is one.
    pub(super) fn access(&self) -> Option<IpAddr> {
        self.session.host.trim_matches(['[', ']']).parse().ok()
    }
}

/// The plan for what is left.
pub(super) async fn of(ctx: &Ctx, wish: &WishArgs, reboot: Option<RebootMode>) -> Result<Plan> {
    scene(ctx, wish, reboot).await?.plan()
}

/// Reads a plan file.
pub(super) fn read(path: &std::path::Path) -> Result<Plan> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::usage(format!("plan {name} could not be read: {e}")))?;
    Plan::read(&text).map_err(|e| e.context(format!("plan {name}")))
}
