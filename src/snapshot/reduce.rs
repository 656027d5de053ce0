//! Texts that hold more than is needed: each is cut down to the words that a reader looks for.

use serde_json::{Value, json};

use super::project::Keep;

/// What stands in place of a value that nobody needs.
const LEFT_OUT: &str = "(left out)";
/// Arguments by which the agents' init container says which options may be overridden; their values are names of keys.
const FLAGS: [&str; 3] = ["--source=", "--allow-config-keys=", "--deny-config-keys="];
/// By this word a container that runs Flannel is known.
const FLANNELD: &str = "flanneld";
/// Lines of kube-proxy's configuration.
const PROXY_LINES: [&str; 2] = ["clusterCIDR:", "mode:"];
/// Fields of Flannel's `net-conf.json` whose values are no secrets (Flannel: pkg/subnet/config.go, pkg/backend/*);
/// `PSK` is one.
const NET_CONF: [&str; 25] = [
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
    "type",
    "vni",
    "port",
    "mtu",
    "gbp",
    "learning",
    "directrouting",
    "macprefix",
    "name",
    "listenport",
    "listenportv6",
    "mode",
    "persistentkeepaliveinterval",
];
const CNI_CONF: &str = "name cniVersion type delegate{type bridge hairpinMode isDefaultGateway mtu} plugins{type delegate{type \
     bridge hairpinMode isDefaultGateway mtu}}";

/// Whether [`reduce`] changes objects of that kind.
pub fn is_reduced(kind: &str) -> bool {
    cut(kind).is_some()
}

/// Cuts down the texts of an object that was pruned.
pub fn reduce(object: &mut Value) {
    if let Some(cut) = object["kind"].as_str().and_then(cut) {
        cut(object);
    }
}

fn cut(kind: &str) -> Option<fn(&mut Value)> {
    match kind {
        "Node" => Some(provider),
        "DaemonSet" => Some(arguments),
        "ConfigMap" => Some(data),
        _ => None,
    }
}

/// Of a machine's id only the scheme tells something; the rest names an account.
fn provider(node: &mut Value) {
    if let Some(id) = node.pointer_mut("/spec/providerID") {
        let scheme =
            id.as_str().and_then(|id| id.split_once("://")).map(|(scheme, _)| format!("{scheme}://"));
        *id = json!(scheme.unwrap_or_default());
    }
}

fn arguments(daemon_set: &mut Value) {
    for list in ["initContainers", "containers"] {
        let containers = daemon_set.pointer_mut(&format!("/spec/template/spec/{list}"));
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            for field in ["command", "args"] {
                if let Some(words) = container.get_mut(field).and_then(Value::as_array_mut) {
                    *words =
                        words.iter().filter_map(|word| needed(word.as_str()?)).map(Value::from).collect();
                }
            }
        }
    }
}

fn needed(word: &str) -> Option<String> {
    if FLAGS.iter().any(|flag| word.starts_with(flag)) {
        return Some(word.to_owned());
    }
    word.contains(FLANNELD).then(|| FLANNELD.to_owned())
}

fn data(config_map: &mut Value) {
    let Some(data) = config_map.get_mut("data").and_then(Value::as_object_mut) else { return };
    for (key, value) in data {
        let text = value.as_str().unwrap_or_default();
        let short = match key.as_str() {
            "net-conf.json" => of_json(text, known),
            "cni-conf.json" => of_json(text, |conf| Keep::parse(CNI_CONF).prune(conf)),
            "record" => of_json(text, without_saved_objects),
            "config.conf" => proxy(text),
            _ => continue,
        };
        *value = Value::String(short);
    }
}

/// What is no JSON may be anything, and is left out.
fn of_json(text: &str, change: impl FnOnce(Value) -> Value) -> String {
    serde_json::from_str(text).map_or_else(|_| LEFT_OUT.to_owned(), |value| change(value).to_string())
}

/// Go matches keys without regard to case. Names of other fields stay: their being there is a finding.
fn known(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let pairs = map.into_iter().map(|(key, value)| {
        let is_known = NET_CONF.contains(&key.to_lowercase().as_str());
        (key, if is_known { known(value) } else { json!(LEFT_OUT) })
    });
    Value::Object(pairs.collect())
}

/// The source's objects as they were are for a re-creation only.
fn without_saved_objects(mut record: Value) -> Value {
    if let Some(record) = record.as_object_mut() {
        record.shift_remove("savedObjects");
    }
    record
}

fn proxy(text: &str) -> String {
    let is_kept = |line: &&str| PROXY_LINES.iter().any(|start| line.trim().starts_with(start));
    text.lines().filter(is_kept).map(|line| format!("{}\n", line.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_what_is_looked_for_and_nothing_else() {
        let mut daemon_set = json!({"kind": "DaemonSet", "spec": {"template": {"spec": {
            "initContainers": [{"command": ["cilium-dbg", "build-config", "--deny-config-keys=a,b", "--token=S3CRET"]}],
            "containers": [{"command": ["sh", "-c", "S3CRET=1 exec /opt/bin/flanneld --ip-masq"], "args": ["S3CRET"]}],
        }}}});
        reduce(&mut daemon_set);
        let spec = &daemon_set["spec"]["template"]["spec"];
        assert_eq!(spec["initContainers"][0]["command"], json!(["--deny-config-keys=a,b"]));
        assert_eq!(spec["containers"][0], json!({"command": ["flanneld"], "args": []}));

        let mut node = json!({"kind": "Node", "spec": {"providerID": "aws:///eu-1/i-S3CRET"}});
        reduce(&mut node);
        assert_eq!(node["spec"]["providerID"], "aws://");
    }

    #[test]
    fn configuration_is_cut_down() {
        let net = json!({"Network": "10.0.0.0/8", "Odd": "S3CRET", "Backend": {"Type": "wireguard", "PSK": "S3CRET"}});
        let cni = json!({"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {"bridge": "b", "x": "S3CRET"}}]});
        let mut config = json!({"kind": "ConfigMap", "data": {
            "net-conf.json": net.to_string(), "cni-conf.json": cni.to_string(),
            "config.conf": "apiVersion: v1\nclusterCIDR: \"10.0.0.0/8\"\nclientConnection: S3CRET\n",
            "record": json!({"steps": {}, "savedObjects": ["S3CRET"]}).to_string(),
        }});
        reduce(&mut config);
        let data = &config["data"];
        let wanted = json!({"Network": "10.0.0.0/8", "Odd": LEFT_OUT, "Backend": {"Type": "wireguard", "PSK": LEFT_OUT}});
        assert_eq!(data["net-conf.json"], wanted.to_string());
        assert_eq!(
            data["cni-conf.json"],
            json!({"name": "cbr0", "plugins": [{"type": "flannel", "delegate": {"bridge": "b"}}]})
                .to_string()
        );
        assert_eq!(data["config.conf"], "clusterCIDR: \"10.0.0.0/8\"\n");
        assert_eq!(data["record"], "{\"steps\":{}}");
        let mut odd = json!({"kind": "ConfigMap", "data": {"net-conf.json": "S3CRET {"}});
        reduce(&mut odd);
        assert_eq!(odd["data"]["net-conf.json"], LEFT_OUT);
    }
}
