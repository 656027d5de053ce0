//! `values-diff`: the running release, the migration's values and the final ones, side by side.

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::{Value, json};

use super::flags::{ChartArgs, WishArgs};
use super::write::scene;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::exit::Outcome;
use crate::report;
use crate::values::{Phase, Row, three_way, unified};

/// Show what differs between the running release, the migration's values and the final ones
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # Each value that differs, and what a running cluster feels of it
  kubectl cni-migrate values-diff

  # With what you are going to ask for
  kubectl cni-migrate values-diff --encryption wireguard --hubble

  # As a text diff of the migration's values against the final ones
  kubectl cni-migrate values-diff -o unified")]
pub struct Args {
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
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
    let scene = scene(ctx, &args.wish, None).await?;
    let migration = scene.values(Phase::Migration, &args.wish)?.tree;
    let last = scene.values(Phase::Final, &args.wish)?.tree;
    let rows = three_way(scene.running(), &migration, &last);
    let content =
        || report::object("ValuesDiff", &json!({"isInstalled": scene.running().is_some(), "values": rows}));
    match args.output {
        Format::Table => ctx.ui.data(&table(&rows)),
        Format::Unified => ctx.ui.data(&unified(("migration", "final"), &migration, &last)?),
        Format::Json => ctx.ui.data(&report::json_text(&content()?)),
        Format::Yaml => ctx.ui.data(&report::yaml_text(&content()?)?),
    }
    Ok(Outcome::Done)
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
