//! Flannel's configuration: `net-conf.json` and `cni-conf.json` of its ConfigMap.
//!
//! Fields and defaults are Flannel's own (pkg/subnet/config.go, pkg/backend/*, Documentation/backends.md at
//! v0.28.9). Go matches JSON keys without regard to case, so does this.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::Value;

/// `net-conf.json`, as far as it decides about the pod network.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NetConf {
    pub(super) backend: String,
    pub(super) port: Option<u16>,
    pub(super) vni: Option<u32>,
    pub(super) networks: Vec<IpNet>,
    pub(super) mtu: Option<u32>,
    pub(super) direct_routes: bool,
    pub(super) nftables: bool,
}

struct Backend {
    name: &'static str,
    /// Key and default of its UDP port.
    port: Option<(&'static str, u16)>,
    keys: &'static [&'static str],
}

/// The backends whose residue is known.
const BACKENDS: &[Backend] = &[
    Backend {
        name: "vxlan",
        port: Some(("port", 8472)),
        keys: &["vni", "port", "mtu", "gbp", "learning", "directrouting", "macprefix", "name"],
    },
    Backend { name: "host-gw", port: None, keys: &[] },
    Backend {
        name: "wireguard",
        port: Some(("listenport", 51820)),
        keys: &["listenport", "listenportv6", "psk", "mtu", "mode", "persistentkeepaliveinterval"],
    },
    Backend { name: "udp", port: Some(("port", 8285)), keys: &["port"] },
    Backend { name: "ipip", port: None, keys: &["directrouting"] },
];

const TOP: &[&str] = &[
    "network",
    "ipv6network",
    "enableipv4",
    "enableipv6",
    "enablenftables",
    "subnetlen",
    "subnetmin",
    "subnetmax",
    "ipv6subnetlen",
    "ipv6subnetmin",
    "ipv6subnetmax",
    "backend",
];

const DEFAULT_VNI: u32 = 1;

/// An object's fields by lower-case key; problems collect over a whole file, so that one look names them all.
struct Fields<'a> {
    at: &'static str,
    values: BTreeMap<String, &'a Value>,
}

impl<'a> Fields<'a> {
    fn of(at: &'static str, value: &'a Value, problems: &mut Vec<String>) -> Self {
        let Some(object) = value.as_object() else {
            problems.push(format!("{at}{value} is not an object"));
            return Self { at, values: BTreeMap::new() };
        };
        Self { at, values: object.iter().map(|(key, value)| (key.to_lowercase(), value)).collect() }
    }

    fn refuse_unknown(&self, known: &[&str], problems: &mut Vec<String>) {
        let unknown = self.values.keys().filter(|key| !known.contains(&key.as_str()));
        problems.extend(unknown.map(|key| format!("{}{key} is not a field that this tool knows", self.at)));
    }

    /// The value, if it is there, as what it should be.
    fn get<T>(
        &self,
        key: &str,
        expected: &str,
        problems: &mut Vec<String>,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.values.get(key)?;
        let read = read(value);
        if read.is_none() {
            problems.push(format!("{}{key} is {value}, expected {expected}", self.at));
        }
        read
    }

    fn flag(&self, key: &str, default: bool, problems: &mut Vec<String>) -> bool {
        self.get(key, "true or false", problems, Value::as_bool).unwrap_or(default)
    }

    fn network(&self, key: &str, v4: bool, problems: &mut Vec<String>) -> Option<IpNet> {
        let family = if v4 { "an IPv4 range" } else { "an IPv6 range" };
        if !self.values.contains_key(key) {
            problems.push(format!("{key} is missing, expected {family}"));
        }
        self.get(key, family, problems, |value| {
            let net: IpNet = value.as_str()?.parse().ok()?;
            (matches!(net, IpNet::V4(_)) == v4).then(|| net.trunc())
        })
    }
}

/// Reads `net-conf.json`.
///
/// # Errors
/// One sentence for each field that is missing, unknown or not what it should be.
pub(super) fn net_conf(text: &str) -> Result<NetConf, Vec<String>> {
    let value: Value =
        serde_json::from_str(text).map_err(|e| vec![format!("net-conf.json is not JSON: {e}")])?;
    let mut problems = Vec::new();
    let top = Fields::of("net-conf.json: ", &value, &mut problems);
    top.refuse_unknown(TOP, &mut problems);
    let networks = networks(&top, &mut problems);
    let nftables = top.flag("enablenftables", false, &mut problems);
    let mut conf = NetConf {
        backend: String::new(),
        port: None,
        vni: None,
        networks,
        mtu: None,
        direct_routes: false,
        nftables,
    };
    backend(&top, &mut conf, &mut problems);
    if problems.is_empty() { Ok(conf) } else { Err(problems) }
}

/// IPv4 is on by default, IPv6 is off even where a range is given (ParseConfig).
fn networks(top: &Fields, problems: &mut Vec<String>) -> Vec<IpNet> {
    let v4 = top.flag("enableipv4", true, problems).then(|| top.network("network", true, problems));
    let v6 = top.flag("enableipv6", false, problems).then(|| top.network("ipv6network", false, problems));
    if v4.is_none() && v6.is_none() {
        problems.push("EnableIPv4 and EnableIPv6 are both off, expected one of them on".to_owned());
    }
    [v4, v6].into_iter().flatten().flatten().collect()
}

fn backend(top: &Fields, conf: &mut NetConf, problems: &mut Vec<String>) {
    // Without a backend Flannel takes udp (parseBackendType).
    let absent = serde_json::json!({"Type": "udp"});
    let fields = Fields::of("Backend.", top.values.get("backend").copied().unwrap_or(&absent), problems);
    let name = fields.get("type", "a backend's name", problems, |v| v.as_str().map(str::to_owned));
    let name = name.unwrap_or_default();
    let Some(backend) = BACKENDS.iter().find(|b| b.name == name) else {
        let known: Vec<_> = BACKENDS.iter().map(|b| b.name).collect();
        problems.push(format!("Backend.type is \"{name}\", this tool knows {}", known.join(", ")));
        return;
    };
    fields.refuse_unknown(&[&["type"], backend.keys].concat(), problems);
    let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
    let port = |value: &Value| value.as_u64().and_then(|n| u16::try_from(n).ok());
    conf.port = backend.port.map(|(key, default)| {
        let given = fields.get(key, "a port", problems, port);
        given.filter(|port| *port != 0).unwrap_or(default)
    });
    conf.mtu = fields.get("mtu", "a number of bytes", problems, number).filter(|mtu| *mtu != 0);
    conf.vni = (name == "vxlan")
        .then(|| fields.get("vni", "a VXLAN identifier", problems, number).unwrap_or(DEFAULT_VNI));
    conf.direct_routes = fields.flag("directrouting", name == "host-gw", problems);
    conf.backend = name;
}

/// Reads `cni-conf.json`: the network's name and the bridge that pods hang on.
///
/// # Errors
/// What is missing or not what it should be.
pub(super) fn cni_conf(text: &str) -> Result<(String, String), String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("cni-conf.json is not JSON: {e}"))?;
    let name = value["name"].as_str().ok_or("cni-conf.json: name is missing, expected the network's name")?;
    // Up to v0.9 the file was a single plugin, not a list.
    let plugins = value["plugins"].as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
    let flannel = plugins
        .iter()
        .find(|plugin| plugin["type"] == "flannel")
        .ok_or("cni-conf.json: no plugin of type flannel")?;
    let delegate = flannel["delegate"]["type"].as_str().unwrap_or("bridge");
    if delegate != "bridge" {
        return Err(format!("cni-conf.json: delegate.type is {delegate}, this tool knows bridge"));
    }
    let bridge = flannel["delegate"]["bridge"].as_str().unwrap_or(super::DEFAULT_BRIDGE);
    Ok((name.to_owned(), bridge.to_owned()))
}
