//! Hides values whose names say that they are secret, in values and in rendered objects.

use serde_json::{Map, Value, json};

/// What stands in place of a secret.
const HIDDEN: &str = "(private)";
/// Words that make a name secret wherever they stand in it.
const WORDS: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "privatekey",
    "apikey",
    "accesskey",
    "cabundle",
    "bearer",
];
/// Ends that make a name secret.
const ENDS: [&str; 6] = ["key", "keys", "cert", "certs", "crt", "pem"];
/// Ends of names that only tell about a secret, or of keys of other sorts.
const HARMLESS: [&str; 19] = [
    "name",
    "names",
    "namespace",
    "file",
    "path",
    "dir",
    "ref",
    "duration",
    "seconds",
    "ttl",
    "enabled",
    "method",
    "mode",
    "watcher",
    "taintkey",
    "topologykey",
    "labelkey",
    "backend",
    "sync",
];

/// A copy without secrets, in the same order.
pub fn public(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.get("kind") == Some(&json!("Secret")) => secret_object(map),
        Value::Object(map) => {
            // An environment variable has its name beside its value.
            let variable = map.get("name").and_then(Value::as_str).is_some_and(is_secret);
            let pairs = map.iter().map(|(key, value)| {
                let hidden = (variable && key == "value") || is_secret(key);
                (key.clone(), if hidden { hide(value) } else { public(value) })
            });
            Value::Object(pairs.collect())
        }
        Value::Array(items) => items.iter().map(item).collect(),
        scalar => scalar.clone(),
    }
}

/// What is shown of the value at a path in the syntax of `--set`.
pub(super) fn shown(path: &str, value: &Value) -> Value {
    let name = path.rsplit('.').next().unwrap_or(path);
    let hidden = path.split('.').any(is_secret) && !is_harmless(name);
    if hidden { hide(value) } else { public(value) }
}

/// A toleration's or an expression's `key` is none.
fn item(value: &Value) -> Value {
    let mut copy = public(value);
    if let (Some(key), Some(fields)) = (value.get("key"), copy.as_object_mut()) {
        fields.insert("key".to_owned(), key.clone());
    }
    copy
}

/// Of a Secret the names of its data are shown.
fn secret_object(map: &Map<String, Value>) -> Value {
    let pairs = map.iter().map(|(key, value)| match (key.as_str(), value) {
        ("data" | "stringData", Value::Object(data)) => {
            (key.clone(), data.keys().map(|name| (name.clone(), json!(HIDDEN))).collect::<Map<_, _>>().into())
        }
        _ => (key.clone(), value.clone()),
    });
    Value::Object(pairs.collect())
}

/// Flags and empty texts hold no secret; of what lies beneath a secret's name only harmless names are shown.
fn hide(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(_) | Value::Number(_) => json!(HIDDEN),
        Value::Array(items) => items.iter().map(hide).collect(),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| {
                (key.clone(), if is_harmless(key) { public(value) } else { hide(value) })
            });
            Value::Object(pairs.collect())
        }
    }
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_harmless(name: &str) -> bool {
    let name = plain(name);
    HARMLESS.iter().any(|end| name.ends_with(end))
}

fn is_secret(name: &str) -> bool {
    let text = plain(name);
    let named = WORDS.iter().any(|word| text.contains(word)) || ENDS.iter().any(|end| text.ends_with(end));
    named && !is_harmless(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_secrets() {
        for name in
            ["key", "cert", "ca.crt", "adminPassword", "apiToken", "clientSecret", "caBundle", "extraCerts"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "secretName",
            "keyFile",
            "agentNotReadyTaintKey",
            "topologyKey",
            "keyWatcher",
            "certValidityDuration",
            "enable-ipsec-key-watcher",
            "monkeys-mode",
            "tokenExpirationSeconds",
            "nodeSelectorLabels",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_hidden_and_nothing_else_is() {
        let values = json!({
            "tls": {"server": {"key": "S3CRET", "cert": "S3CRET"}, "ca": {"cert": ""}},
            "token": 5, "secret": {"enabled": true, "values": ["S3CRET"]}, "extraCerts": ["S3CRET"],
            "tolerations": [{"key": "a/b", "operator": "Exists"}],
            "env": [{"name": "API_TOKEN", "value": "S3CRET"}, {"name": "LEVEL", "value": "info"}],
        });
        let shown = public(&values);
        assert_eq!(shown["tls"], json!({"server": {"key": HIDDEN, "cert": HIDDEN}, "ca": {"cert": ""}}));
        assert_eq!(shown["token"], HIDDEN);
        assert_eq!(shown["secret"]["enabled"], true);
        assert_eq!(shown["extraCerts"], json!([HIDDEN]));
        assert_eq!(shown["tolerations"], values["tolerations"]);
        assert_eq!(
            shown["env"],
            json!([{"name": "API_TOKEN", "value": HIDDEN}, {"name": "LEVEL", "value": "info"}])
        );
    }

    #[test]
    fn of_a_secret_only_names_are_shown() {
        let secret = json!({"kind": "Secret", "metadata": {"name": "x"}, "data": {"user": "eA=="}});
        assert_eq!(
            public(&secret),
            json!({"kind": "Secret", "metadata": {"name": "x"}, "data": {"user": HIDDEN}})
        );
        assert_eq!(shown("spire.secrets.db", &json!("S3CRET")), HIDDEN);
        assert_eq!(shown("encryption.ipsec.secretName", &json!("cilium-ipsec-keys")), "cilium-ipsec-keys");
        let webhook = json!({"kind": "W", "webhooks": [{"clientConfig": {"caBundle": "AAA"}}]});
        assert_eq!(public(&webhook)["webhooks"][0]["clientConfig"]["caBundle"], HIDDEN);
    }
}
