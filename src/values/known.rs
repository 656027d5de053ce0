//! Whether the user's values are values of the chart: helm itself ignores a key that it does not know.

use serde_json::Value;

use super::{Overlay, tree};
use crate::error::{Error, Result};
use crate::target::{Target, unlisted};

/// Maps in which Kubernetes decides about the keys, whatever the chart has in them.
const OPEN: [&str; 12] = [
    "affinity",
    "annotations",
    "dnsConfig",
    "extraConfig",
    "labels",
    "nodeSelector",
    "podAnnotations",
    "podLabels",
    "podSecurityContext",
    "resources",
    "securityContext",
    "updateStrategy",
];

/// Refuses keys of `user` that the chart does not have; `chart` is what its `values.yaml` has.
///
/// # Errors
/// Usage, with every unknown key and the nearest that the chart has; a fault in an overlay.
pub fn check_keys(version: &str, chart: &Value, user: &[Overlay]) -> Result<()> {
    let target = Target::of(version)?;
    let mut unknown = Vec::new();
    for overlay in user {
        let mut given = Value::Object(serde_json::Map::new());
        overlay.apply(&mut given)?;
        let mut found = Vec::new();
        walk(&given, chart, "", &mut found);
        found.retain(|path| !unlisted(target.minor).any(|known| overlaps(known, path)));
        unknown.extend(found.into_iter().map(|path| (path, overlay.from())));
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let mut known = Vec::new();
    paths(chart, "", &mut known);
    known.extend(unlisted(target.minor).map(str::to_owned));
    let faults: Vec<_> = unknown
        .iter()
        .map(|(path, from)| {
            let nearest = nearest(path, &known).map_or("", String::as_str);
            format!(
                "{path} ({from}): the chart of Cilium {version} has no such value; the nearest is {nearest}"
            )
        })
        .collect();
    Err(Error::usage(faults.join("\n  ")).hint("see all values: helm show values cilium/cilium"))
}

/// Collects the given paths that the chart closes: the first unknown name of each.
fn walk(given: &Value, chart: &Value, path: &str, found: &mut Vec<String>) {
    // An empty map, a null or a scalar says nothing about what may lie beneath; helm checks those by the schema.
    let (Value::Object(given), Value::Object(chart)) = (given, chart) else { return };
    let name = path.rsplit('.').next().unwrap_or_default();
    if (chart.is_empty() && !path.is_empty()) || OPEN.contains(&name) {
        return;
    }
    for (key, value) in given {
        let path = tree::join(path, key);
        match chart.get(key) {
            Some(inner) => walk(value, inner, &path, found),
            None => found.extend(ends(value, &path)),
        }
    }
}

/// The leaves beneath an unknown name: what was meant is seen by the whole path.
fn ends(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().flat_map(|(key, value)| ends(value, &tree::join(path, key))).collect()
        }
        _ => vec![path.to_owned()],
    }
}

fn paths(chart: &Value, path: &str, found: &mut Vec<String>) {
    let Value::Object(map) = chart else { return };
    for (key, value) in map {
        let path = tree::join(path, key);
        found.push(path.clone());
        paths(value, &path, found);
    }
}

/// Whether one is the other or lies beneath it.
fn overlaps(a: &str, b: &str) -> bool {
    let beneath = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    beneath(a, b) || beneath(b, a)
}

fn nearest<'a>(path: &str, known: &'a [String]) -> Option<&'a String> {
    let wanted = path.to_lowercase();
    let distance = |key: &&String| strsim::damerau_levenshtein(&key.to_lowercase(), &wanted);
    known.iter().min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chart() -> Value {
        json!({
            "hubble": {"enabled": true, "relay": {"enabled": false}}, "tunnelPort": 0, "extraConfig": {},
            "nodeSelector": {"kubernetes.io/os": "linux"}, "bpf": {"masquerade": null}, "tolerations": [{"operator": "Exists"}],
        })
    }

    fn message(set: &str) -> Option<String> {
        check_keys("1.19.6", &chart(), &[Overlay::set(set)]).err().map(|error| error.message)
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest() {
        let cases = [
            ("hubble.rely.enabled=true", "hubble.relay.enabled"),
            ("tunelPort=8473", "tunnelPort"),
            ("hubble.Enabled=false", "hubble.enabled"),
            ("kubeproxyreplacement=true", "kubeProxyReplacement"),
        ];
        for (set, nearest) in cases {
            let key = set.split('=').next().unwrap();
            let expected = format!(
                "{key} (--set): the chart of Cilium 1.19.6 has no such value; the nearest is {nearest}"
            );
            assert_eq!(message(set), Some(expected));
        }
    }

    #[test]
    fn what_the_chart_takes_is_no_error() {
        for set in [
            "hubble.relay.enabled=true",
            "extraConfig.anything=1",
            "nodeSelector.disk=ssd",
            "bpf.masquerade=true",
            "tolerations[0].key=a",
            "devices={eth0}",
            "global.x=1",
            "nodeLabels=a",
            "hubble.relay=null",
        ] {
            assert_eq!(message(set), None, "{set}");
        }
    }

    #[test]
    fn all_unknown_keys_are_named_with_where_they_stand() {
        let user = [
            Overlay::file("site.yaml", "hubble: {relays: {enabled: true}}\nMTUs: 1400\n").unwrap(),
            Overlay::set("nodeLabels=a"),
        ];
        let error = check_keys("1.16.19", &chart(), &user).unwrap_err();
        assert_eq!(crate::exit::code(&Err(error)), crate::exit::USAGE);
        let text = check_keys("1.16.19", &chart(), &user).unwrap_err().message;
        assert!(
            text.contains("hubble.relays.enabled (-f site.yaml)") && text.contains("MTUs (-f site.yaml)"),
            "{text}"
        );
        assert!(text.contains("nodeLabels (--set)"), "only since 1.18: {text}");
    }
}
