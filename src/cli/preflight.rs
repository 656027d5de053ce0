//! `preflight`: what the cluster comes from, and what would stop a migration.

use clap::Args as ClapArgs;
use serde_json::json;

use super::flags::{Output, OutputArgs, WishArgs};
use super::write::{Scene, scene};
use crate::check::{self, Facts, Finding, Level, Phase, Right};
use crate::ctx::Ctx;
use crate::error::Result;
use crate::exit::Outcome;
use crate::model::Read;
use crate::observe::{Rule, rights};
use crate::report::{self, count};
use crate::source::Detection;
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

  # For machines
  kubectl cni-migrate preflight -o json"
)]
pub struct Args {
    #[command(flatten)]
    wish: WishArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene(ctx, &args.wish, None).await?;
    let findings = findings(&scene).await;
    match args.output.output {
        Output::Table => ctx.ui.data(&text(&scene, &findings)),
        Output::Json => ctx.ui.data(&report::json_text(&machine(&scene, &findings)?)),
        Output::Yaml => ctx.ui.data(&report::yaml_text(&machine(&scene, &findings)?)?),
    }
    let blocked = findings.iter().any(|f| f.result == Level::Blocker);
    Ok(if blocked { Outcome::No } else { Outcome::Done })
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

/// What the caller may do: everywhere, as a namespace without role bindings shows it, and in Cilium's namespace.
async fn caller(scene: &Scene) -> Read<Vec<Right>> {
    let reader = &scene.session.connection.reader;
    let mut all = Vec::new();
    for (asked, holds_in) in
        [(NAMESPACE, None), (&*scene.intent.namespace, Some(scene.intent.namespace.as_str()))]
    {
        match rights(reader, asked).await {
            Ok(rules) => all.extend(
                rules.iter().filter(|r| r.resource_names.is_empty()).flat_map(|r| single(r, holds_in)),
            ),
            Err(e) => return Read::Unknown(e.message),
        }
    }
    Read::Known(all)
}

fn single(rule: &Rule, namespace: Option<&str>) -> Vec<Right> {
    let mut rights = Vec::new();
    for verb in &rule.verbs {
        for group in &rule.api_groups {
            for resource in &rule.resources {
                rights.push(Right {
                    verb: verb.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    namespace: namespace.map(str::to_owned),
                });
            }
        }
    }
    rights
}

fn text(scene: &Scene, findings: &[Finding]) -> String {
    let cluster = &scene.snapshot.cluster;
    let source = match &scene.detection {
        Detection::One { source, parameters, .. } => format!("{} {parameters}", source.id()),
        _ => "not clear".into(),
    };
    let mut text = format!(
        "CLUSTER  {}  {}  {}  {}     SOURCE  {source}     TARGET  cilium {} {}\n\n",
        cluster.name,
        cluster.version,
        count(scene.snapshot.nodes.len(), "node"),
        count(scene.snapshot.pods.len(), "pod"),
        scene.intent.cilium_version,
        scene.intent.pod_cidr,
    );
    for (by, evidence) in evidence(&scene.detection) {
        text.push_str(&format!("evidence  {by}: {evidence}\n"));
    }
    text.push('\n');
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|f| std::cmp::Reverse(f.result));
    let row =
        |f: &&Finding| vec![f.result.to_string(), f.id.to_owned(), f.subject.clone(), f.message.clone()];
    let rows: Vec<_> = sorted.iter().map(row).collect();
    text.push_str(&report::table(&["RESULT", "ID", "SUBJECT", "FINDING"], &rows));
    for f in sorted.iter().filter(|f| f.result != Level::Ok && !f.hint.is_empty()) {
        text.push_str(&format!("\n{} {}: {}", f.id, f.subject, f.hint));
    }
    for (what, why) in &scene.snapshot.unknown {
        text.push_str(&format!("\nunknown: {what} could not be read: {why}"));
    }
    let with = |level| findings.iter().filter(|f| f.result == level).count();
    text.push_str(&format!(
        "\n{}, {}, {} info, {} ok, {} unknown\n",
        count(with(Level::Blocker), "blocker"),
        count(with(Level::Warning), "warning"),
        with(Level::Info),
        with(Level::Ok),
        with(Level::Unknown) + scene.snapshot.unknown.len(),
    ));
    text
}

fn evidence(detection: &Detection) -> Vec<(String, String)> {
    match detection {
        Detection::One { source, evidence, .. } | Detection::Unreadable { source, evidence, .. } => {
            evidence.iter().map(|e| (source.id().to_owned(), e.to_string())).collect()
        }
        Detection::None { seen: claims } | Detection::Contradiction { claims } => {
            claims.iter().flat_map(|c| c.evidence.iter().map(|e| (c.by.clone(), e.to_string()))).collect()
        }
    }
}

fn machine(scene: &Scene, findings: &[Finding]) -> Result<serde_json::Value> {
    let evidence: Vec<_> = evidence(&scene.detection)
        .into_iter()
        .map(|(by, says)| json!({"source": by, "says": says}))
        .collect();
    let unknown: Vec<_> =
        scene.snapshot.unknown.iter().map(|(what, why)| json!({"what": what, "why": why})).collect();
    let content = json!({
        "cluster": {"name": scene.snapshot.cluster.name, "uid": scene.snapshot.cluster.uid,
                    "version": scene.snapshot.cluster.version},
        "source": scene.detection.one().map(|(source, parameters)| json!({"id": source.id(), "parameters": parameters})),
        "evidence": evidence,
        "target": scene.intent,
        "findings": findings,
        "unknown": unknown,
    });
    report::object("PreflightReport", &content)
}
