//! What the source CNI left on a node, and the commands that remove exactly that.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::facts::{Family, NodeFacts, RuleDump};
use super::iptables::{Rule, SHAPES, Table, parse, shape};
use super::routing;
use crate::model::NodeResidue;
use crate::target::CNI_DIR;

/// Verdicts that the source's own rules in built-in chains have; a commented rule with another one is not its.
const OWN_TARGETS: [&str; 3] = ["ACCEPT", "MASQUERADE", "RETURN"];

/// One thing that the source CNI left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Leftover {
    /// A network link.
    Link {
        /// Name.
        name: String,
    },
    /// The bridge that pods hang on: the caller removes it only once no pod of the node has an address of the old
    /// network; the pods' own links go with the pods.
    Bridge {
        /// Name.
        name: String,
    },
    /// An iptables chain of its own, with the rules in built-in chains that jump there.
    Chain {
        /// Binary for this flavour and family, such as `ip6tables-nft`.
        tool: String,
        /// Table.
        table: String,
        /// Chain.
        chain: String,
        /// Rules that jump there: chain and specification.
        jumps: Vec<Vec<String>>,
    },
    /// A rule of its own in a built-in chain.
    Rule {
        /// Binary for this flavour and family.
        tool: String,
        /// Table.
        table: String,
        /// Chain and specification.
        rule: Vec<String>,
    },
    /// An nftables table.
    NftTable {
        /// Family, such as `ip`.
        family: String,
        /// Name.
        name: String,
    },
    /// A route to the pods of another node, in the main table.
    Route {
        /// Destination.
        dst: IpNet,
        /// Next hop.
        gateway: IpAddr,
        /// Name of the link.
        dev: String,
    },
    /// A file in the CNI configuration directory.
    CniFile {
        /// File name.
        name: String,
    },
    /// A file or folder elsewhere: removed by the sweep pod, since the agent does not mount it.
    Path {
        /// Absolute path on the node.
        path: String,
    },
    /// A node annotation: removed by a patch of the Node.
    Annotation {
        /// Key.
        key: String,
    },
    /// Something that may be the source's or somebody else's: reported and left alone.
    Unknown {
        /// What it is.
        what: String,
        /// Why it is left alone.
        why: String,
    },
}

impl Leftover {
    /// Whether it may be somebody else's, so that nobody removes it.
    pub fn is_left_alone(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Commands for exec in the node's Cilium agent, in order; none for what another door removes or nobody may.
    pub fn removal(&self) -> Vec<Vec<String>> {
        match self {
            Self::Link { name } | Self::Bridge { name } => vec![argv(&["ip", "link", "delete", name])],
            Self::Chain { tool, table, chain, jumps } => {
                let mut commands: Vec<_> = jumps.iter().map(|rule| delete(tool, table, rule)).collect();
                commands.push(iptables(tool, table, &["-F", chain]));
                commands.push(iptables(tool, table, &["-X", chain]));
                commands
            }
            Self::Rule { tool, table, rule } => vec![delete(tool, table, rule)],
            Self::NftTable { family, name } => vec![argv(&["nft", "delete", "table", family, name])],
            Self::Route { dst, gateway, dev } => vec![delete_route(dst, *gateway, dev)],
            Self::CniFile { name } => vec![argv(&["rm", "-f", &format!("{CNI_DIR}/{name}")])],
            Self::Path { .. } | Self::Annotation { .. } | Self::Unknown { .. } => Vec::new(),
        }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link { name } => write!(f, "link {name}"),
            Self::Bridge { name } => write!(f, "bridge {name}"),
            Self::Chain { tool, table, chain, .. } => write!(f, "chain {chain} in table {table} ({tool})"),
            Self::Rule { tool, table, rule } => {
                write!(f, "rule {} in table {table} ({tool})", rule.join(" "))
            }
            Self::NftTable { family, name } => write!(f, "nftables table {family} {name}"),
            Self::Route { dst, gateway, dev } => write!(f, "route {dst} via {gateway} dev {dev}"),
            Self::CniFile { name } => write!(f, "CNI configuration {name}"),
            Self::Path { path } => write!(f, "{path}"),
            Self::Annotation { key } => write!(f, "annotation {key}"),
            Self::Unknown { what, why } => write!(f, "{what}: {why}"),
        }
    }
}

fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// `ip` takes IPv4 where no family is given.
fn delete_route(dst: &IpNet, gateway: IpAddr, dev: &str) -> Vec<String> {
    let family: &[&str] = if matches!(dst, IpNet::V6(_)) { &["ip", "-6"] } else { &["ip"] };
    let (dst, gateway) = (dst.to_string(), gateway.to_string());
    argv(&[family, &["route", "delete", &dst, "via", &gateway, "dev", dev]].concat())
}

/// Waits up to five seconds for the lock that kube-proxy and the agent take too.
fn iptables(tool: &str, table: &str, words: &[&str]) -> Vec<String> {
    argv(&[&[tool, "-w", "5", "-t", table], words].concat())
}

fn delete(tool: &str, table: &str, rule: &[String]) -> Vec<String> {
    let words: Vec<&str> = std::iter::once("-D").chain(rule.iter().map(String::as_str)).collect();
    iptables(tool, table, &words)
}

/// What of the residue is on the node: only what is there, only what is surely the source's, in the order of
/// removal (rules before links, so that nothing is masqueraded into a link that is gone).
pub fn scan(residue: &NodeResidue, facts: &NodeFacts) -> Vec<Leftover> {
    let mut found: Vec<Leftover> = facts.rules.iter().flat_map(|dump| rules(residue, dump)).collect();
    let tables = facts.nft_tables.iter().filter(|table| residue.nft_tables.contains(table));
    found.extend(
        tables.map(|(family, name)| Leftover::NftTable { family: family.clone(), name: name.clone() }),
    );
    found.extend(routing::leftovers(residue, &facts.routes));
    let there = |wanted: &Vec<String>, present: &Vec<String>| {
        present.iter().filter(|name| wanted.contains(name)).cloned().collect::<Vec<_>>()
    };
    found.extend(there(&residue.links, &facts.links).into_iter().map(|name| Leftover::Link { name }));
    found.extend(there(&residue.bridges, &facts.links).into_iter().map(|name| Leftover::Bridge { name }));
    found.extend(
        there(&residue.cni_files, &facts.cni_files).into_iter().map(|name| Leftover::CniFile { name }),
    );
    let paths = facts.paths.iter().filter(|path| residue.paths.iter().any(|pattern| matches(pattern, path)));
    found.extend(paths.map(|path| Leftover::Path { path: path.clone() }));
    let annotations = there(&residue.annotations, &facts.annotations);
    found.extend(annotations.into_iter().map(|key| Leftover::Annotation { key }));
    found
}

/// A trailing `*` matches the rest of a file name, not a folder below.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => path.strip_prefix(start).is_some_and(|rest| !rest.contains('/')),
        None => pattern == path,
    }
}

fn rules(residue: &NodeResidue, dump: &RuleDump) -> Vec<Leftover> {
    let tables = parse(&dump.text);
    let mut found = Vec::new();
    for table in &tables {
        let own = residue.chains.iter().filter(|(name, chain)| *name == table.name && table.has(chain));
        found.extend(own.map(|(_, name)| chain(table, name, dump)));
        found.extend(commented(residue, table, dump));
    }
    found.extend(residue.networks.iter().flat_map(|network| uncommented(network, &tables, dump)));
    found
}

fn chain(table: &Table, name: &str, dump: &RuleDump) -> Leftover {
    let jumps = || table.rules.iter().filter(|rule| rule.target() == Some(name));
    if let Some(foreign) = jumps().find(|rule| !table.is_built_in(&rule.chain)) {
        let what = format!("chain {name} in table {} ({})", table.name, dump.tool());
        return Leftover::Unknown {
            what,
            why: format!("chain {} of another owner jumps there", foreign.chain),
        };
    }
    Leftover::Chain {
        tool: dump.tool().to_owned(),
        table: table.name.clone(),
        chain: name.to_owned(),
        jumps: jumps().map(words).collect(),
    }
}

fn words(rule: &Rule) -> Vec<String> {
    std::iter::once(&rule.chain).chain(&rule.spec).cloned().collect()
}

fn own_rule(table: &Table, rule: &Rule, dump: &RuleDump) -> Leftover {
    Leftover::Rule { tool: dump.tool().to_owned(), table: table.name.clone(), rule: words(rule) }
}

fn unsure(table: &Table, rule: &Rule, dump: &RuleDump, why: &str) -> Leftover {
    let what = format!("rule {} in table {} ({})", rule.text(), table.name, dump.tool());
    Leftover::Unknown { what, why: why.to_owned() }
}

/// Rules with the source's comment outside of its chains: v0.17 to v0.19 had no chain of its own.
fn commented(residue: &NodeResidue, table: &Table, dump: &RuleDump) -> Vec<Leftover> {
    let has_comment =
        |rule: &&Rule| rule.comment().is_some_and(|c| residue.rule_comments.iter().any(|own| own == c));
    let in_own = |chain: &str| residue.chains.iter().any(|(name, own)| *name == table.name && own == chain);
    let outside = |rule: &&Rule| !in_own(&rule.chain) && !rule.target().is_some_and(in_own);
    let judge = |rule: &Rule| {
        if !table.is_built_in(&rule.chain) {
            unsure(table, rule, dump, "it has the source's comment, but stands in a chain of another owner")
        } else if rule.target().is_some_and(|target| OWN_TARGETS.contains(&target)) {
            own_rule(table, rule, dump)
        } else {
            unsure(table, rule, dump, "it has the source's comment, but a target that the source never used")
        }
    };
    table.rules.iter().filter(has_comment).filter(outside).map(judge).collect()
}

/// Rules without a comment that name the pod network in built-in chains: the source's if every shape that it
/// wrote is there, else left alone.
fn uncommented(network: &IpNet, tables: &[Table], dump: &RuleDump) -> Vec<Leftover> {
    if matches!(network, IpNet::V4(_)) != (dump.family == Family::V4) {
        return Vec::new();
    }
    let mut candidates = Vec::new();
    for table in tables {
        let named =
            |rule: &&Rule| rule.comment().is_none() && table.is_built_in(&rule.chain) && rule.names(network);
        candidates.extend(table.rules.iter().filter(named).map(|rule| {
            let ends_here = rule.target().is_none_or(|target| !table.has(target));
            (table, rule, shape(&table.name, rule, network, dump.family), ends_here)
        }));
    }
    let complete =
        SHAPES.iter().all(|wanted| candidates.iter().any(|(_, _, shape, _)| shape.as_ref() == Some(wanted)));
    let why = "it names the old pod network, but is not surely the source's";
    candidates
        .into_iter()
        .filter(|(.., ends_here)| *ends_here)
        .map(|(table, rule, shape, _)| match shape {
            Some(_) if complete => own_rule(table, rule, dump),
            _ => unsure(table, rule, dump, why),
        })
        .collect()
}
