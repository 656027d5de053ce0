//! iptables of one flavour: tables of chains of rules, with the refusals that matter when chains are removed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use crate::sim::value::Text;

/// Which backend and address family; each has rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flavour {
    Legacy4,
    Nft4,
    Legacy6,
    Nft6,
}

impl Flavour {
    pub(crate) const ALL: [Self; 4] = [Self::Legacy4, Self::Nft4, Self::Legacy6, Self::Nft6];

    /// The flavour of a program such as `iptables-legacy` or `ip6tables-nft-save`.
    pub(crate) fn of(program: &str) -> Option<Self> {
        match program.trim_end_matches("-save") {
            "iptables-legacy" => Some(Self::Legacy4),
            "iptables-nft" => Some(Self::Nft4),
            "ip6tables-legacy" => Some(Self::Legacy6),
            "ip6tables-nft" => Some(Self::Nft6),
            _ => None,
        }
    }
}

/// A rule as its words, most of which all nodes have.
type Rule = Vec<Text>;

#[derive(Clone, Debug)]
struct Chain {
    /// Built-in chains have a policy and cannot be deleted.
    policy: Option<&'static str>,
    rules: Vec<Rule>,
}

/// Chains by table.
type Tables = BTreeMap<String, BTreeMap<String, Chain>>;

/// The rules of one flavour; most have none of their own, and share what is built in.
#[derive(Clone, Debug)]
pub(crate) struct Firewall(Arc<Tables>);

static BUILT_IN: LazyLock<Arc<Tables>> = LazyLock::new(|| Arc::new(built_in()));

impl Firewall {
    /// The built-in chains of the tables `filter` and `nat`.
    pub(crate) fn new() -> Self {
        Self(BUILT_IN.clone())
    }

    /// Adds a rule and, where it is missing, its chain.
    pub(crate) fn append(&mut self, table: &str, chain: &str, rule: &[&str]) {
        let rule: Rule = rule.iter().map(|word| word_of(word)).collect();
        let chains = Arc::make_mut(&mut self.0).entry(table.to_owned()).or_default();
        let chain = chains.entry(chain.to_owned()).or_insert(Chain { policy: None, rules: Vec::new() });
        if !chain.rules.contains(&rule) {
            chain.rules.push(rule);
        }
    }

    /// What `iptables-save` prints; writing to a String cannot fail.
    pub(crate) fn save(&self, table: Option<&str>) -> String {
        let mut out = String::new();
        for (name, chains) in self.0.iter().filter(|(n, _)| table.is_none_or(|t| t == *n)) {
            let _ = writeln!(out, "*{name}");
            for (chain, content) in chains {
                let _ = writeln!(out, ":{chain} {} [0:0]", content.policy.unwrap_or("-"));
            }
            for (chain, content) in chains {
                for rule in &content.rules {
                    let _ = writeln!(out, "-A {chain} {}", printed(rule));
                }
            }
            out.push_str("COMMIT\n");
        }
        out
    }

    /// Runs `-D`, `-F`, `-X` or `-S` on a table.
    ///
    /// # Errors
    /// The program's message.
    pub(crate) fn command(&mut self, table: &str, argv: &[String]) -> Result<String, String> {
        let (operation, rest) = argv.split_first().ok_or("no command specified")?;
        let chains = Arc::make_mut(&mut self.0)
            .get_mut(table)
            .ok_or(format!("can't initialize iptables table `{table}': Table does not exist"))?;
        match (operation.as_str(), rest) {
            ("-D" | "--delete", [chain, rule @ ..]) => delete_rule(chains, chain, rule)?,
            ("-F" | "--flush", [chain]) => {
                chains.get_mut(chain).ok_or("No chain/target/match by that name.")?.rules.clear();
            }
            ("-X" | "--delete-chain", [chain]) => delete_chain(chains, chain)?,
            ("-S" | "--list-rules", rest) => {
                let wanted = |c: &String| rest.first().is_none_or(|only| only == c);
                let rules = chains.iter().filter(|(c, _)| wanted(c));
                return Ok(rules
                    .flat_map(|(c, k)| k.rules.iter().map(move |r| format!("-A {c} {}\n", printed(r))))
                    .collect());
            }
            _ => return Err(format!("the embedded cluster knows -D, -F, -X and -S, not {argv:?}")),
        }
        Ok(String::new())
    }
}

fn built_in() -> Tables {
    let built_in = |names: &[&str]| {
        let chain = || Chain { policy: Some("ACCEPT"), rules: Vec::new() };
        names.iter().map(|n| ((*n).to_owned(), chain())).collect::<BTreeMap<_, _>>()
    };
    BTreeMap::from([
        ("filter".to_owned(), built_in(&["FORWARD", "INPUT", "OUTPUT"])),
        ("nat".to_owned(), built_in(&["INPUT", "OUTPUT", "POSTROUTING", "PREROUTING"])),
    ])
}

fn delete_rule(chains: &mut BTreeMap<String, Chain>, chain: &str, rule: &[String]) -> Result<(), String> {
    let rules = &mut chains.get_mut(chain).ok_or("No chain/target/match by that name.")?.rules;
    if let [number] = rule
        && let Ok(number) = number.parse::<usize>()
    {
        let at = number.checked_sub(1).filter(|at| *at < rules.len());
        rules.remove(at.ok_or("Index of deletion too big.")?);
        return Ok(());
    }
    let says = |known: &Rule| known.iter().map(Text::as_str).eq(rule.iter().map(String::as_str));
    let at = rules.iter().position(says);
    rules.remove(at.ok_or("Bad rule (does a matching rule exist in that chain?).")?);
    Ok(())
}

fn delete_chain(chains: &mut BTreeMap<String, Chain>, name: &str) -> Result<(), String> {
    let chain = chains.get(name).ok_or("No chain/target/match by that name.")?;
    if chain.policy.is_some() {
        return Err("Can't delete built-in chain.".to_owned());
    }
    if !chain.rules.is_empty() {
        return Err("Directory not empty.".to_owned());
    }
    let jumps_here =
        |rule: &Rule| rule.windows(2).any(|w| matches!(w[0].as_str(), "-j" | "-g") && w[1].as_str() == name);
    if chains.values().any(|c| c.rules.iter().any(jumps_here)) {
        return Err("Too many links.".to_owned());
    }
    chains.remove(name);
    Ok(())
}

/// Ranges and addresses are a node's own.
fn word_of(word: &str) -> Text {
    if word.contains('.') { word.into() } else { Text::name(word) }
}

fn printed(rule: &Rule) -> String {
    let word = |w: &Text| if w.contains(' ') { format!("\"{w}\"") } else { w.to_string() };
    rule.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(firewall: &mut Firewall, line: &str) -> Result<String, String> {
        let argv: Vec<String> = line.split(' ').map(|w| w.replace('_', " ")).collect();
        firewall.command("nat", &argv)
    }

    #[test]
    fn a_chain_goes_only_after_its_jumps_and_rules() {
        let mut firewall = Firewall::new();
        firewall.append("nat", "POSTROUTING", &["-m", "comment", "--comment", "flanneld masq", "-j", "OLD"]);
        firewall.append("nat", "OLD", &["-j", "RETURN"]);
        assert!(
            firewall.save(None).contains("-A POSTROUTING -m comment --comment \"flanneld masq\" -j OLD\n")
        );
        assert_eq!(run(&mut firewall, "-X OLD"), Err("Directory not empty.".into()));
        run(&mut firewall, "-F OLD").unwrap();
        assert_eq!(run(&mut firewall, "-X OLD"), Err("Too many links.".into()));
        run(&mut firewall, "-D POSTROUTING -m comment --comment flanneld_masq -j OLD").unwrap();
        run(&mut firewall, "-X OLD").unwrap();
        assert!(!firewall.save(None).contains("OLD"));
    }
}
