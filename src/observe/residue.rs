//! Reader of what a node carries: links, routes, packet-filter rules, nftables tables and CNI files, by exec in its agent.

use std::path::Path;

use super::agent::must;
use crate::error::{Error, Result};
use crate::kube::NodeAccess;
use crate::model::PodRef;
use crate::source::{Family, Flavour, NodeFacts, RuleDump, lines, link_names, nft_tables, routes};
use crate::target::CNI_DIR;

/// What was read, and what could not be looked for.
#[derive(Debug)]
pub struct NodeReading {
    /// What is on the node.
    pub facts: NodeFacts,
    /// Kinds of things that could not be looked for, with the reason.
    pub unknown: Vec<String>,
}

const RULES: [(Flavour, Family); 4] = [
    (Flavour::Legacy, Family::V4),
    (Flavour::Nft, Family::V4),
    (Flavour::Legacy, Family::V6),
    (Flavour::Nft, Family::V6),
];

/// Reads a node through its agent; annotations and files elsewhere are filled in by the caller.
pub(super) async fn read(access: &dyn NodeAccess, agent: &PodRef) -> Result<NodeReading> {
    let mut unknown = Vec::new();
    let links = parsed(access, agent, &["ip", "-j", "link", "show"], link_names).await?;
    let mut all_routes =
        parsed(access, agent, &["ip", "-j", "route", "show", "table", "main"], routes).await?;
    let v6 = ["ip", "-6", "-j", "route", "show", "table", "main"];
    all_routes.extend(parsed(access, agent, &v6, routes).await?);
    let mut rules = Vec::new();
    for (flavour, family) in RULES {
        let dump = RuleDump { flavour, family, text: String::new() };
        let save = format!("{}-save", dump.tool());
        match optional(access, agent, &[&save]).await? {
            Ok(text) => rules.push(RuleDump { text, ..dump }),
            Err(why) => unknown.push(format!("rules of {save}: {why}")),
        }
    }
    let tables = match optional(access, agent, &["nft", "-j", "list", "tables"]).await? {
        Ok(text) => nft_tables(&text).map_err(|e| {
            Error::failed(format!("nft -j list tables in {agent}: output was not understood: {e}"))
        })?,
        Err(why) => {
            unknown.push(format!("nftables tables: {why}"));
            Vec::new()
        }
    };
    let cni_files = lines(&must(access, agent, &["ls", "-1", CNI_DIR]).await?);
    let facts =
        NodeFacts { links, rules, nft_tables: tables, cni_files, routes: all_routes, ..NodeFacts::default() };
    Ok(NodeReading { facts, unknown })
}

/// A tool that every agent's image has, and what its output says.
async fn parsed<T>(
    access: &dyn NodeAccess,
    agent: &PodRef,
    argv: &[&str],
    parse: impl FnOnce(&str) -> std::result::Result<T, serde_json::Error>,
) -> Result<T> {
    let text = must(access, agent, argv).await?;
    parse(&text)
        .map_err(|e| Error::failed(format!("{} in {agent}: output was not understood: {e}", argv.join(" "))))
}

/// A tool that an agent's image may lack, or that the node's kernel may not support.
async fn optional(
    access: &dyn NodeAccess,
    agent: &PodRef,
    argv: &[&str],
) -> Result<std::result::Result<String, String>> {
    let program = argv.first().copied().unwrap_or_default();
    let there =
        access.run(&agent.namespace, &agent.name, &["sh", "-c", &format!("command -v {program}")]).await?;
    if there.code != 0 || !Path::new(there.stdout.trim()).is_absolute() {
        return Ok(Err(format!("no {program} in the agent's image")));
    }
    let output = access.run(&agent.namespace, &agent.name, argv).await?;
    Ok(if output.code == 0 { Ok(output.stdout) } else { Err(output.stderr.trim().to_owned()) })
}
