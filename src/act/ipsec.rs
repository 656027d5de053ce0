//! The Secret with the key of Cilium's IPsec, which must be there before agents start with it.
//!
//! A Secret that exists is never read and never changed: creating it is tried, and the refusal tells that it exists. The
//! key is made of the operating system's randomness and goes to the API server only, in the body of that one request.

use serde_json::{Value, json};

use super::engine::Engine;
use super::install::Installation;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::kube::{Refusal, explain, refusal};
use crate::target::{IPSEC_KEY_BYTES, IPSEC_SECRET, ipsec_key};

/// Step that reporters show.
const STEP: &str = "ipsec-key";

impl Engine<'_> {
    /// Sees to the Secret that the values want; without IPsec in them there is nothing to do.
    ///
    /// # Errors
    /// A refusal where it is missing and nobody asked for a new key.
    pub(super) async fn ensure_ipsec_key(&self, what: &Installation<'_>) -> Result<()> {
        let Some(name) = secret(&what.job.values) else { return Ok(()) };
        let namespace = &what.job.namespace;
        if self.is_dry() {
            self.would(format!("create Secret {namespace}/{name} with a new IPsec key, unless it exists"));
            return Ok(());
        }
        self.may_go_on()?;
        self.report.event(&Event::Started { step: STEP.into() });
        let detail = if what.may_make_key {
            let made = self.create_secret(namespace, name, &new_key()?, false).await?;
            let how = if made { "was created with a new key" } else { "exists and is kept" };
            format!("Secret {namespace}/{name} {how}")
        } else if self.create_secret(namespace, name, "", true).await? {
            return Err(Error::no(format!(
                "IPsec needs the Secret {namespace}/{name}, which does not exist"
            ))
            .hint("to have it made with a new key ask for --encryption ipsec"));
        } else {
            format!("Secret {namespace}/{name} exists and is kept")
        };
        self.report.event(&Event::Done { step: STEP.into(), detail, took: None });
        Ok(())
    }

    /// Whether it was, or with `only_ask` could have been, created; false where it exists.
    async fn create_secret(&self, namespace: &str, name: &str, key: &str, only_ask: bool) -> Result<bool> {
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": name, "namespace": namespace}, "stringData": {"keys": key},
        });
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        let writer = if only_ask { self.writer.dry_run() } else { self.writer.clone() };
        match writer.create(&path, &body).await {
            Ok(_) => Ok(true),
            Err(e) if refusal(&e) == Refusal::Exists => Ok(false),
            Err(e) => Err(explain(&format!("creating Secret {namespace}/{name}"), &e)),
        }
    }
}

/// Name of the Secret, where the values have IPsec on (chart values `encryption`).
fn secret(values: &Value) -> Option<&str> {
    let encryption = values.get("encryption")?;
    let is_on = matches!(encryption.get("enabled"), Some(Value::Bool(true)));
    let kind = encryption.get("type").and_then(Value::as_str).unwrap_or("ipsec");
    let name = encryption.pointer("/ipsec/secretName").and_then(Value::as_str);
    (is_on && kind == "ipsec").then(|| name.unwrap_or(IPSEC_SECRET))
}

fn new_key() -> Result<String> {
    let mut random = [0; IPSEC_KEY_BYTES];
    getrandom::fill(&mut random)
        .map_err(|e| Error::failed(format!("the operating system gives no random bytes: {e}")))?;
    Ok(ipsec_key(&random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_the_one_that_the_agents_mount() {
        let of = |values: &Value| secret(values).map(str::to_owned);
        assert_eq!(of(&json!({"encryption": {"enabled": true}})).as_deref(), Some("cilium-ipsec-keys"));
        let named =
            json!({"encryption": {"enabled": true, "type": "ipsec", "ipsec": {"secretName": "mine"}}});
        assert_eq!(of(&named).as_deref(), Some("mine"));
        for values in [
            json!({}),
            json!({"encryption": {"enabled": false, "type": "ipsec"}}),
            json!({"encryption": {"enabled": true, "type": "wireguard"}}),
        ] {
            assert_eq!(of(&values), None, "{values}");
        }
    }

    #[test]
    fn no_two_keys_are_alike() {
        assert_ne!(new_key().expect("randomness"), new_key().expect("randomness"));
    }
}
