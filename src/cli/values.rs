//! `values`: the Helm values of a phase.

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;

use super::flags::{ChartArgs, Output, OutputArgs, WishArgs};
use super::look::scene;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::exit::Outcome;
use crate::report;
use crate::values;

/// Print the Helm values of a phase, each with the reason for it
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # What install would hand to helm, with the reasons as comments
  kubectl cni-migrate values migration

  # With encryption, for helm's -f
  kubectl cni-migrate values final --encryption wireguard -o yaml

  # For machines, and with a value of your own
  kubectl cni-migrate values final --set hubble.relay.enabled=true -o json")]
pub struct Args {
    /// Phase of the migration
    #[arg(value_enum)]
    phase: Phase,
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Phase {
    /// Cilium beside the source CNI
    Migration,
    /// Cilium alone
    Final,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene(ctx, &args.wish, None).await?;
    scene.check_chart(ctx, &args.wish, &args.chart).await?;
    let phase = match args.phase {
        Phase::Migration => values::Phase::Migration,
        Phase::Final => values::Phase::Final,
    };
    let values = scene.values(phase, &args.wish)?;
    if let Some(refusal) = values::not_yet(phase, &scene.detected()?, &values.tree) {
        ctx.ui.warning(&format!("finalize will refuse for now: {refusal}"));
    }
    let version = &scene.intent.cilium_version;
    let flag = args.wish.wish(None).cilium_version.map(|_| "--cilium-version");
    let by = flag.map(|flag| format!(", user: {flag}")).unwrap_or_default();
    let head = format!("# for the chart of version {version}{by}\n");
    match args.output.output {
        Output::Json => {
            let mut content = values.to_json();
            content["chartVersion"] = match flag {
                Some(flag) => json!({"version": version, "origin": "user", "from": flag}),
                None => json!({"version": version}),
            };
            ctx.ui.data(&report::json_text(&report::object("Values", &content)?));
        }
        // YAML goes to helm, a table to people's eyes and screens.
        Output::Yaml => ctx.ui.data(&(head + &values.to_yaml()?)),
        Output::Table => ctx.ui.data(&(head + &values.to_shown_yaml()?)),
    }
    Ok(Outcome::Done)
}
