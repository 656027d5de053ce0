//! `values-diff`: the running release, the migration's values and the final ones, side by side.

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::{Value, json};

use super::flags::{ChartArgs, FromArgs, WishArgs};
use super::look::{Scene, scene_from};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::report;
use crate::values::{ObjectDiff, Phase, Row, manifests, three_way, unified};

/// What the two sides of a text diff are called.
const NAMES: (&str, &str) = ("migration", "final");

/// Show what differs between the running release, the migration's values and the final ones
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # Each value that differs, and what a running cluster feels of it
  kubectl cni-migrate values-diff

  # With what you are going to ask for
  kubectl cni-migrate values-diff --encryption wireguard --hubble

  # With the objects that helm renders
  kubectl cni-migrate values-diff --manifests --chart ./cilium-1.19.6.tgz

  # As a text diff of the migration's values against the final ones
  kubectl cni-migrate values-diff -o unified")]
pub struct Args {
    #[command(flatten)]
    from: FromArgs,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
    /// Also show what changes in the objects that helm renders
    #[arg(long, conflicts_with = "from")]
    manifests: bool,
    /// Output format
    #[arg(long, short = 'o', value_enum, default_value_t, help_heading = None)]
    output: Format,
}

/// Output format
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people
    #[default]
    Table,
    /// A unified text diff
    Unified,
    /// JSON for machines
    Json,
    /// YAML
    Yaml,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene_from(ctx, &args.from, &args.wish, None).await?;
    scene.check_chart(ctx, &args.wish, &args.chart).await?;
    let migration = scene.values(Phase::Migration, &args.wish)?.tree;
    let last = scene.values(Phase::Final, &args.wish)?.tree;
    let rows = three_way(scene.running(), &migration, &last);
    let values = unified(NAMES, &migration, &last)?;
    let objects =
        if args.manifests { Some(rendered(&scene, &args.chart, migration, last).await?) } else { None };
    let text = |head: &str| {
        let diffs = objects.iter().flatten().map(|object| format!("\n{}", object.diff));
        format!("{head}{}", diffs.collect::<String>())
    };
    let content = || {
        let mut content = json!({"isInstalled": scene.running().is_some(), "values": rows});
        if let Some(objects) = &objects {
            content["manifests"] = json!(objects);
        }
        report::object("ValuesDiff", &content)
    };
    match args.output {
        Format::Table => ctx.ui.data(&text(&table(&rows))),
        Format::Unified => ctx.ui.data(&text(&values)),
        Format::Json => ctx.ui.data(&report::json_text(&content()?)),
        Format::Yaml => ctx.ui.data(&report::yaml_text(&content()?)?),
    }
    Ok(Outcome::Done)
}

/// The objects of both phases that helm does not render alike.
async fn rendered(scene: &Scene, chart: &ChartArgs, first: Value, last: Value) -> Result<Vec<ObjectDiff>> {
    let helm = scene.session.helm.as_ref().map_err(Error::copy)?;
    let kubernetes = &scene.snapshot.cluster.version;
    let before = helm.template(&scene.job(first, chart), kubernetes).await?;
    let after = helm.template(&scene.job(last, chart), kubernetes).await?;
    manifests(NAMES, &before, &after)
}

fn table(rows: &[Row]) -> String {
    let cell = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            vec![
                row.key.clone(),
                cell(&row.running),
                cell(&row.migration),
                cell(&row.last),
                row.effect.to_owned(),
            ]
        })
        .collect();
    report::table(&["KEY", "RUNNING", "MIGRATION", "FINAL", "EFFECT"], &rows)
}
