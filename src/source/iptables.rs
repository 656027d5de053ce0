//! Reading `iptables-save` and telling the source's rules from everybody else's.
//!
//! Rules of others are never named for removal: a rule is the source's only if it stands in a built-in chain and
//! jumps to the source's own chain, carries the source's comment, or has, with all its companions, exactly the
//! shape that the source wrote before it used comments.

use ipnet::IpNet;

use super::facts::Family;

/// One table of a dump.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// Chain name, and whether the kernel made it (only those have a policy).
    pub(super) chains: Vec<(String, bool)>,
    pub(super) rules: Vec<Rule>,
}

/// One rule, as arguments that delete it after `-D`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) chain: String,
    /// Everything after the chain, unquoted.
    pub(super) spec: Vec<String>,
}

/// Reads `iptables-save`, with or without counters; lines that are neither chain nor rule belong to nobody.
pub(super) fn parse(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            tables.push(Table { name: name.to_owned(), ..Table::default() });
        } else if let Some(table) = tables.last_mut() {
            if let Some(declared) = line.strip_prefix(':') {
                let mut words = declared.split_whitespace();
                let name = words.next().unwrap_or_default().to_owned();
                table.chains.push((name, words.next() != Some("-")));
            } else {
                table.rules.extend(rule(line));
            }
        }
    }
    tables
}

fn rule(line: &str) -> Option<Rule> {
    let mut words = words(line)?.into_iter().skip_while(|word| word.starts_with('['));
    (words.next()? == "-A").then_some(())?;
    Some(Rule { chain: words.next()?, spec: words.collect() })
}

/// Splits as iptables-restore does: blanks separate, double quotes hold together, a backslash takes the next
/// character as it is; `None` where a quote stays open.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().push(chars.next()?),
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!quoted).then_some(words)
}

impl Table {
    /// Whether the kernel made the chain.
    pub(super) fn is_built_in(&self, chain: &str) -> bool {
        self.chains.iter().any(|(name, built_in)| name == chain && *built_in)
    }

    /// Whether the chain is declared.
    pub(super) fn has(&self, chain: &str) -> bool {
        self.chains.iter().any(|(name, _)| name == chain)
    }
}

impl Rule {
    /// The value of an option; values of comments are not taken for options.
    fn option(&self, names: &[&str]) -> Option<&str> {
        let mut words = self.spec.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if names.contains(&word) {
                return words.next();
            }
            if word == "--comment" {
                words.next();
            }
        }
        None
    }

    /// Where the rule sends a packet.
    pub(super) fn target(&self) -> Option<&str> {
        self.option(&["-j", "-g"])
    }

    /// The rule's comment.
    pub(super) fn comment(&self) -> Option<&str> {
        self.option(&["--comment"])
    }

    /// Whether it names exactly that range as source or destination.
    pub(super) fn names(&self, network: &IpNet) -> bool {
        let network = network.to_string();
        ["-s", "-d"].iter().any(|option| self.option(&[option]) == Some(network.as_str()))
    }

    /// The rule as iptables-save prints it, but for quotes.
    pub(super) fn text(&self) -> String {
        format!("-A {} {}", self.chain, self.spec.join(" "))
    }
}

/// The rules that Flannel wrote before v0.17 without a comment, straight into the built-in chains
/// (network/iptables.go, MasqRules and ForwardRules at v0.11.0 and v0.15.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Between pods: not masqueraded.
    Inside,
    /// From pods to the world, but not to multicast: masqueraded.
    Outward,
    /// From the world to this node's pods: not masqueraded.
    Inward,
    /// From hosts to pods: masqueraded.
    FromHost,
    /// Forwarding of what comes from pods.
    ForwardFrom,
    /// Forwarding of what goes to pods.
    ForwardTo,
}

/// All shapes: only together are they surely Flannel's.
pub(super) const SHAPES: [Shape; 6] =
    [Shape::Inside, Shape::Outward, Shape::Inward, Shape::FromHost, Shape::ForwardFrom, Shape::ForwardTo];

/// The shape of a rule, if it has one for that network.
pub(super) fn shape(table: &str, rule: &Rule, network: &IpNet, family: Family) -> Option<Shape> {
    let multicast = match family {
        Family::V4 => "224.0.0.0/4",
        Family::V6 => "ff00::/8",
    };
    let network_text = network.to_string();
    let mut spec: Vec<&str> = rule.spec.iter().map(String::as_str).collect();
    if spec.ends_with(&["-j", "MASQUERADE", "--random-fully"]) {
        spec.pop();
    }
    match (table, rule.chain.as_str(), spec.as_slice()) {
        ("nat", "POSTROUTING", ["-s", s, "-d", d, "-j", "RETURN"]) if *s == network_text && s == d => {
            Some(Shape::Inside)
        }
        ("nat", "POSTROUTING", ["-s", s, "!", "-d", d, "-j", "MASQUERADE"])
            if *s == network_text && *d == multicast =>
        {
            Some(Shape::Outward)
        }
        ("nat", "POSTROUTING", ["!", "-s", s, "-d", d, "-j", "RETURN"])
            if *s == network_text && d.parse().is_ok_and(|subnet: IpNet| network.contains(&subnet)) =>
        {
            Some(Shape::Inward)
        }
        ("nat", "POSTROUTING", ["!", "-s", s, "-d", d, "-j", "MASQUERADE"])
            if *s == network_text && s == d =>
        {
            Some(Shape::FromHost)
        }
        ("filter", "FORWARD", ["-s", s, "-j", "ACCEPT"]) if *s == network_text => Some(Shape::ForwardFrom),
        ("filter", "FORWARD", ["-d", d, "-j", "ACCEPT"]) if *d == network_text => Some(Shape::ForwardTo),
        _ => None,
    }
}
