//! What is left of Flannel: in the API and on each node.

use std::path::Path;

use k8s_openapi::api::core::v1::Node;

use super::world::World;
use crate::error::Error;

/// Files and folders that Flannel, its plugins and their IPAM leave on a node.
const FILES: [&str; 5] = [
    "/run/flannel",
    "/var/lib/cni/flannel",
    "/var/lib/cni/networks/cbr0",
    "/opt/cni/bin/flannel",
    "/etc/cni/net.d/10-flannel.conflist",
];

/// Links that Flannel and the bridge plugin make.
const LINKS: [&str; 4] = ["flannel.1", "flannel-v6.1", "flannel0", "cni0"];

/// How addresses of Flannel's pod network begin (`layout::POD_CIDR`).
const NETWORK: &str = "10.244.";

/// Prefix of the annotations that flanneld writes on its Node.
const ANNOTATIONS: &str = "flannel.alpha.coreos.com/";

/// Kinds of objects of which Flannel's manifest has one each.
const KINDS: &str = "namespaces,daemonsets,configmaps,serviceaccounts,clusterroles,clusterrolebindings,pods";

/// The commands that print packet filter rules, whichever back end wrote them.
const RULES: [(&str, &[&str]); 5] = [
    ("iptables-legacy-save", &[]),
    ("ip6tables-legacy-save", &[]),
    ("iptables-nft-save", &[]),
    ("ip6tables-nft-save", &[]),
    ("nft", &["list", "ruleset"]),
];

/// A file, or a folder with something in it: the empty `/run/flannel` is a mount point of the tool's sweeper
/// (docs/adr/0005-file-sweeper-pod.md) and goes with the next boot.
fn is_left(path: &Path) -> bool {
    match path.read_dir() {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.symlink_metadata().is_ok(),
    }
}

impl World {
    /// Everything that is left of Flannel, as `what where`.
    ///
    /// # Errors
    /// When the API or a node does not answer.
    pub(crate) fn flannel_residue(&self) -> Result<Vec<String>, Error> {
        let mut found = objects(&self.list(KINDS)?);
        found.extend(self.list::<Node>("nodes")?.iter().flat_map(annotations));
        for node in self.node_names() {
            let names =
                [self.residue_files(&node), self.residue_links(&node)?, self.residue_rules(&node)?].concat();
            found.extend(names.iter().map(|name| format!("{name} on {node}")));
        }
        Ok(found)
    }

    fn residue_files(&self, node: &str) -> Vec<String> {
        let known = FILES.iter().filter(|path| is_left(&self.node_file(node, path)));
        let known = known.map(|path| format!("file {path}"));
        let configurations = self.cni_files(node).into_iter().filter(|name| name.contains("flannel"));
        known.chain(configurations.map(|name| format!("file /etc/cni/net.d/{name}"))).collect()
    }

    fn residue_links(&self, node: &str) -> Result<Vec<String>, Error> {
        let links = self.on_node(node, "ip", &["-o", "link", "show"])?;
        let routes = self.on_node(node, "ip", &["-o", "route", "show", "table", "all"])?;
        Ok([links_of(&links), routes_of(&routes)].concat())
    }

    fn residue_rules(&self, node: &str) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        for (program, arguments) in RULES {
            let rules = self.on_node(node, program, arguments)?;
            found.extend(rules_of(&rules).into_iter().map(|rule| format!("{program}: {rule}")));
        }
        Ok(found)
    }
}

fn objects(objects: &[serde_json::Value]) -> Vec<String> {
    let text = |object: &serde_json::Value, pointer: &str| {
        object.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let flannels = objects.iter().filter(|object| {
        ["/metadata/name", "/metadata/namespace"]
            .iter()
            .any(|pointer| text(object, pointer).contains("flannel"))
    });
    flannels.map(|object| format!("{} {}", text(object, "/kind"), text(object, "/metadata/name"))).collect()
}

fn annotations(node: &Node) -> Vec<String> {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let keys = node.metadata.annotations.iter().flatten().map(|(key, _)| key);
    keys.filter(|key| key.starts_with(ANNOTATIONS)).map(|key| format!("annotation {key} on {name}")).collect()
}

/// The links of `ip -o link show` that are Flannel's: `7: cni0: <BROADCAST,...`.
fn links_of(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.split(": ").nth(1));
    let names = names.map(|name| name.split('@').next().unwrap_or(name));
    names.filter(|name| LINKS.contains(name)).map(|name| format!("link {name}")).collect()
}

/// The routes of `ip -o route show` that go through Flannel's links, or name its pod network whatever their link:
/// those of `host-gw` go through the node's own.
fn routes_of(text: &str) -> Vec<String> {
    let through = |line: &str| LINKS.iter().any(|link| line.contains(&format!("dev {link} ")));
    let names = |line: &str| line.split_whitespace().any(|word| word.starts_with(NETWORK));
    text.lines()
        .filter(|line| through(line) || names(line))
        .map(|line| format!("route {}", line.trim()))
        .collect()
}

/// The lines of a packet filter's rules that mention Flannel: chains, jumps and comments.
fn rules_of(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.to_lowercase().contains("flannel"))
        .map(|line| line.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_are_found_by_their_whole_name() {
        let text = "1: lo: <LOOPBACK,UP>\n5: flannel.1: <BROADCAST>\n7: veth1@if2: <UP>\n8: cni0: <UP>\n9: cni01: <UP>\n";
        assert_eq!(links_of(text), ["link flannel.1", "link cni0"]);
    }

    #[test]
    fn routes_chains_and_comments_are_found() {
        let routes = "default via 172.30.0.1 dev eth0 \n10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink \n";
        assert_eq!(routes_of(routes), ["route 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink"]);
        let others = "default via 172.30.0.1 dev eth0 \n10.245.1.0/24 via 10.245.0.9 dev cilium_host proto kernel \n\
            10.24.4.0/24 via 172.30.0.9 dev eth0 \n172.30.10.244 dev eth0 scope link \n\
            local 110.244.0.1 dev lo table local proto kernel scope host src 110.244.0.1 \n";
        assert!(routes_of(others).is_empty(), "{:?}", routes_of(others));
        for left in [
            "10.244.1.0/24 via 172.30.0.12 dev eth0",
            "blackhole 10.244.0.0/16 proto static",
            "local 10.244.0.1 dev eth0 table local proto kernel scope host src 10.244.0.1",
            "10.0.0.0/8 dev cni0 proto kernel",
        ] {
            assert_eq!(routes_of(&format!("{left} \n")), [format!("route {left}")]);
        }
        let rules = ":FLANNEL-FWD - [0:0]\n-A FORWARD -m comment --comment \"flanneld forward\" -j X\n-A INPUT -j Y\n";
        assert_eq!(rules_of(rules).len(), 2);
    }

    #[test]
    fn objects_are_found_by_name_or_namespace() {
        let found = objects(&[
            json!({"kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": "kube-flannel"}}),
            json!({"kind": "ClusterRole", "metadata": {"name": "flannel"}}),
            json!({"kind": "ClusterRole", "metadata": {"name": "cilium"}}),
        ]);
        assert_eq!(found, ["ConfigMap kube-root-ca.crt", "ClusterRole flannel"]);
    }
}
