//! One request, taken apart.

use http::request::Parts;
use http::{HeaderMap, Method};
use hyper::body::Bytes;
use hyper::upgrade::OnUpgrade;
use serde::de::DeserializeOwned;

use crate::sim::status::{Answer, Refusal};
use crate::sim::value::plain;

use super::{Form, protobuf};

/// A request as the handlers see it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) raw_query: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) upgrade: Option<OnUpgrade>,
    /// In which form the answer goes out.
    pub(crate) form: Form,
}

impl Call {
    /// Takes a request apart.
    pub(crate) fn new(parts: &Parts, body: Bytes, upgrade: Option<OnUpgrade>) -> Self {
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let query = raw_query.split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key, true), decode(value, true))
        });
        Self {
            method: parts.method.clone(),
            path: decode(parts.uri.path(), false),
            query: query.collect(),
            raw_query,
            headers: parts.headers.clone(),
            body,
            upgrade,
            form: Form::Whole,
        }
    }

    /// A header's text; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// A query parameter that is there and not empty.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// Whether a query parameter is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.query.iter().any(|(k, _)| k == name)
    }

    /// The user whom the caller wants to be, if another than itself.
    pub(crate) fn impersonated(&self) -> Option<&str> {
        Some(self.header("impersonate-user")).filter(|user| !user.is_empty())
    }

    /// All values of a query parameter.
    pub(crate) fn params(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(k, _)| k == name).map(|(_, v)| v.as_str()).collect()
    }

    /// A query parameter that says yes.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        matches!(self.param(name), Some("true" | "1"))
    }

    /// Whether this is a watch.
    pub(crate) fn is_watch(&self) -> bool {
        self.is_set("watch")
    }

    /// Whether nothing may be kept.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.param("dryRun") == Some("All")
    }

    /// The name for field ownership: the parameter, or the first word of the user agent.
    pub(crate) fn manager(&self) -> String {
        let agent = self.header("user-agent").split(['/', ' ']).next().unwrap_or_default();
        self.param("fieldManager").unwrap_or(if agent.is_empty() { "unknown" } else { agent }).to_owned()
    }

    /// The same call with another body, of JSON.
    pub(crate) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// The same call with other values of a query parameter.
    pub(crate) fn with_param(mut self, name: &str, change: impl Fn(&str) -> String) -> Self {
        for (_, value) in self.query.iter_mut().filter(|(key, _)| key == name) {
            *value = change(value);
        }
        self
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// 400 where it is none, 415 where it is protobuf of a kind that is not read.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Answer<T> {
        if self.header("content-type").contains("protobuf") {
            let read = protobuf::decode(&self.body).map_err(|why| Refusal::unsupported_media(&why))?;
            return serde_json::from_value(plain(&read)).map_err(|e| Refusal::bad_request(e.to_string()));
        }
        serde_json::from_slice(&self.body).map_err(|e| {
            Refusal::bad_request(format!("the body of the request is not the JSON expected: {e}"))
        })
    }
}

/// Percent-decoding; `+` means a space in queries only.
fn decode(text: &str, plus_is_space: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).unwrap_or(b'%'));
            }
            b'+' if plus_is_space => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
