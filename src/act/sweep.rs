//! What the source CNI left on the nodes: scanned, removed, and scanned again.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::engine::{Engine, THE_NODE};
use super::helper::Helper;
use crate::error::{Error, Result};
use crate::model::PodRef;
use crate::observe::Scope;
use crate::source::{Leftover, lines, scan};

/// What is left on a node, and what could not be looked for.
pub(super) struct Scan {
    pub(super) leftovers: Vec<Leftover>,
    pub(super) unknown: Vec<String>,
    agent: PodRef,
}

/// Scans a node; files outside of the CNI directory are looked for by a helper pod, unless it is a dry run.
pub(super) async fn scan_node(engine: &Engine<'_>, node: &str, with_files: bool) -> Result<Scan> {
    let snapshot = engine.look(Scope::Agent(node.to_owned()), false).await?;
    let agent = snapshot
        .agent_on(THE_NODE)
        .ok_or_else(|| Error::failed(format!("node {node} has no cilium agent to look through")))?
        .reference();
    let mut reading = engine.observer.node_reading(engine.access, &agent).await?;
    reading.facts.annotations = snapshot.node(THE_NODE).annotations.keys().map(ToString::to_string).collect();
    let residue = &engine.journal.record().inventory.residue;
    if with_files && !residue.paths.is_empty() {
        reading.facts.paths = lines(&sweeper(node, &residue.paths, true).run(engine).await?);
    }
    Ok(Scan { leftovers: scan(residue, &reading.facts), unknown: reading.unknown, agent })
}

/// Removes what a scan found, and gives what a second scan still finds.
pub(super) async fn sweep_node(engine: &Engine<'_>, node: &str) -> Result<(usize, Scan)> {
    let first = scan_node(engine, node, true).await?;
    let found = first.leftovers.iter().filter(|leftover| !leftover.is_left_alone()).count();
    for leftover in &first.leftovers {
        for command in leftover.removal() {
            engine.may_go_on()?;
            let argv: Vec<&str> = command.iter().map(String::as_str).collect();
            let output = engine.access.run(&first.agent.namespace, &first.agent.name, &argv).await?;
            // Something that vanished meanwhile is what was wanted: the second scan decides.
            if output.code != 0 {
                engine.waits(
                    "cleanup",
                    format!("node {node}: {}: {}", command.join(" "), output.stderr.trim()),
                );
            }
        }
    }
    let files: Vec<String> = first
        .leftovers
        .iter()
        .filter_map(|l| if let Leftover::Path { path } = l { Some(path.clone()) } else { None })
        .collect();
    if !files.is_empty() {
        sweeper(node, &files, false).run(engine).await?;
    }
    remove_annotations(engine, node, &first.leftovers).await?;
    Ok((found, scan_node(engine, node, true).await?))
}

async fn remove_annotations(engine: &Engine<'_>, node: &str, leftovers: &[Leftover]) -> Result<()> {
    let annotations: serde_json::Map<String, Value> = leftovers
        .iter()
        .filter_map(|l| {
            if let Leftover::Annotation { key } = l { Some((key.clone(), Value::Null)) } else { None }
        })
        .collect();
    if annotations.is_empty() {
        return Ok(());
    }
    engine.patch_node(node, &json!({"metadata": {"annotations": annotations}})).await
}

fn sweeper<'a>(node: &'a str, paths: &[String], list: bool) -> Helper<'a> {
    let mut args = vec!["agent".to_owned(), "sweep".to_owned()];
    args.extend(paths.iter().flat_map(|p| ["--path".to_owned(), p.clone()]));
    args.extend(list.then(|| "--list".to_owned()));
    Helper { purpose: "sweep", node, args, privileged: false, folders: folders(paths) }
}

/// The parent folders of the paths, without those that lie below another one.
fn folders(paths: &[String]) -> Vec<String> {
    let parents: BTreeSet<&Path> = paths.iter().filter_map(|p| Path::new(p).parent()).collect();
    let below = |path: &Path| parents.iter().any(|p| *p != path && path.starts_with(p));
    parents.iter().filter(|p| !below(p)).map(|p| p.display().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folders_that_hold_the_files_are_mounted() {
        let paths = [
            "/run/flannel/subnet.env",
            "/var/lib/cni/flannel",
            "/var/lib/cni/networks/cbr0",
            "/var/lib/cni/results/cbr0-*",
            "/opt/cni/bin/flannel",
        ];
        assert_eq!(folders(&paths.map(str::to_owned)), ["/opt/cni/bin", "/run/flannel", "/var/lib/cni"]);
    }
}
