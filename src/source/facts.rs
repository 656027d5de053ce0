//! What was read on a node, and the parsers of the commands that say it.

use std::net::{AddrParseError, IpAddr};

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::Error as _;

/// What a node still has, as read through exec in its Cilium agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Names of network links.
    pub links: Vec<String>,
    /// Every iptables dump that could be taken.
    pub rules: Vec<RuleDump>,
    /// nftables tables, as family and name.
    pub nft_tables: Vec<(String, String)>,
    /// File names in the CNI configuration directory.
    pub cni_files: Vec<String>,
    /// Absolute paths that exist, of those that were looked for.
    pub paths: Vec<String>,
    /// Keys of the node's annotations.
    pub annotations: Vec<String>,
    /// Routes of the main table, of both families; default routes are not among them.
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Destination.
    pub dst: IpNet,
    /// Next hop; `None` on the link itself, over several hops, or where packets are dropped.
    pub gateway: Option<IpAddr>,
    /// Name of the link; `None` over several hops or where packets are dropped.
    pub dev: Option<String>,
    /// Who made it, in the words of iproute2's `rt_protos`; `ip` prints none for `boot`.
    pub protocol: Option<String>,
}

/// One output of `iptables-save`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDump {
    /// Which kernel interface it was read through.
    pub flavour: Flavour,
    /// Address family.
    pub family: Family,
    /// The output.
    pub text: String,
}

/// The kernel interface of an iptables binary; rules of one are invisible to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// xtables (`iptables-legacy`).
    Legacy,
    /// nftables (`iptables-nft`).
    Nft,
}

/// Address family of a rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl RuleDump {
    /// The binary that edits these rules; with `-save` appended, the one that prints them.
    pub fn tool(&self) -> &'static str {
        match (self.family, self.flavour) {
            (Family::V4, Flavour::Legacy) => "iptables-legacy",
            (Family::V4, Flavour::Nft) => "iptables-nft",
            (Family::V6, Flavour::Legacy) => "ip6tables-legacy",
            (Family::V6, Flavour::Nft) => "ip6tables-nft",
        }
    }
}

#[derive(Deserialize)]
struct Link {
    ifname: String,
}

#[derive(Deserialize)]
struct WireRoute {
    dst: String,
    gateway: Option<IpAddr>,
    dev: Option<String>,
    protocol: Option<String>,
}

#[derive(Deserialize)]
struct Ruleset {
    nftables: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    table: Option<Table>,
}

#[derive(Deserialize)]
struct Table {
    family: String,
    name: String,
}

/// Link names from `ip -j link show`.
///
/// # Errors
/// Where the text is not that command's JSON.
pub fn link_names(json: &str) -> Result<Vec<String>, serde_json::Error> {
    let links: Vec<Link> = serde_json::from_str(json)?;
    Ok(links.into_iter().map(|link| link.ifname).collect())
}

/// Routes from `ip -j route show` of one family, without the default route: that leads nowhere in particular.
///
/// # Errors
/// Where the text is not that command's JSON, or a destination is neither a range nor an address.
pub fn routes(json: &str) -> Result<Vec<Route>, serde_json::Error> {
    let routes: Vec<WireRoute> = serde_json::from_str(json)?;
    let specific = routes.into_iter().filter(|route| route.dst != "default");
    let read = |WireRoute { dst, gateway, dev, protocol }| {
        let dst = range(&dst).map_err(|e| serde_json::Error::custom(format!("destination {dst}: {e}")))?;
        Ok(Route { dst, gateway, dev, protocol })
    };
    specific.map(read).collect()
}

/// `ip` leaves out the length of a prefix that is a single address.
fn range(text: &str) -> Result<IpNet, AddrParseError> {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
}

/// Families and names from `nft -j list tables`.
///
/// # Errors
/// Where the text is not that command's JSON.
pub fn nft_tables(json: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    let ruleset: Ruleset = serde_json::from_str(json)?;
    Ok(ruleset.nftables.into_iter().filter_map(|entry| entry.table).map(|t| (t.family, t.name)).collect())
}

/// Names from `ls -1`.
pub fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
