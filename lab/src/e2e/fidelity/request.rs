//! One request of a case, and what a server answers to it.

use std::{collections::BTreeMap, time::Duration};

use http_body_util::BodyExt as _;
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::error::Error;

/// Longest wait for one answer, a watch's own end included.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for a status that comes about by itself.
const STATUS_LIMIT: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// Headers of an answer that clients act on.
const COMPARED_HEADERS: &[&str] = &["content-type", "retry-after", "warning", "allow"];

/// One request. In its path and body, `$(N:/pointer)` stands for a text in the answer to step N of the same case.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
    /// Asked again and again until this status comes.
    pub(super) until: Option<u16>,
}

impl Step {
    /// The request as one line.
    pub(super) fn line(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!(" {name}: {value}")).collect();
        format!("{} {}{headers} {}", self.method, self.path, self.body.as_deref().unwrap_or_default())
    }
}

/// What a server says.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    /// A JSON document; a list of them for a watch; a text for what is neither.
    pub(super) body: Value,
}

impl Answer {
    /// As one document.
    pub(super) fn document(&self) -> Value {
        json!({"status": self.status, "headers": self.headers, "body": self.body})
    }
}

/// Sends a step and reads the whole answer.
///
/// # Errors
/// When there is no answer in time.
pub(super) async fn ask(client: &Client, step: &Step, before: &[Answer]) -> Result<Answer, Error> {
    let begun = Instant::now();
    loop {
        let answer = timeout(ANSWER_LIMIT, send(client, step, before)).await;
        let answer = answer.map_err(|_| Error::Timeout {
            what: format!("no answer to {}", step.line()),
            seconds: ANSWER_LIMIT.as_secs(),
            hint: "see the API server's log".into(),
        })??;
        let has_come = step.until.is_none_or(|status| status == answer.status);
        if has_come || begun.elapsed() > STATUS_LIMIT {
            return Ok(answer);
        }
        sleep(PAUSE).await;
    }
}

async fn send(client: &Client, step: &Step, before: &[Answer]) -> Result<Answer, Error> {
    let invalid = |why: String| Error::Invalid(format!("{}: {why}", step.line()));
    let mut request = http::Request::builder().method(step.method).uri(filled(&step.path, before));
    for (name, value) in &step.headers {
        request = request.header(*name, value);
    }
    let body = step.body.as_ref().map(|body| filled(body, before)).unwrap_or_default();
    let request = request.body(Body::from(body.into_bytes())).map_err(|e| invalid(e.to_string()))?;
    let response = client.send(request).await.map_err(|e| invalid(e.to_string()))?;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|e| invalid(e.to_string()))?.to_bytes();
    let mut headers = BTreeMap::new();
    for name in COMPARED_HEADERS {
        let values: Vec<&str> = parts.headers.get_all(*name).iter().filter_map(|v| v.to_str().ok()).collect();
        if !values.is_empty() {
            headers.insert((*name).to_owned(), values.join("\n"));
        }
    }
    Ok(Answer { status: parts.status.as_u16(), headers, body: read(&bytes) })
}

fn read(bytes: &[u8]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    match documents {
        Ok(mut one) if one.len() == 1 && one[0].get("object").is_none() => one.remove(0),
        Ok(events) => Value::Array(events),
        Err(_) => text.into(),
    }
}

/// Puts texts of earlier answers in.
fn filled(text: &str, before: &[Answer]) -> String {
    let Some((left, rest)) = text.split_once("$(") else { return text.to_owned() };
    let Some((reference, right)) = rest.split_once(')') else { return text.to_owned() };
    let value = reference
        .split_once(':')
        .and_then(|(step, pointer)| before.get(step.parse::<usize>().ok()?)?.body.pointer(pointer));
    let value = match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "nothing".to_owned(),
    };
    format!("{left}{value}{}", filled(right, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_earlier_answers_are_put_in() {
        let answer = Answer { status: 200, headers: BTreeMap::new(), body: json!({"a": {"b": "x"}, "n": 3}) };
        assert_eq!(filled("/$(0:/a/b)/$(0:/n)/$(1:/a)", &[answer]), "/x/3/nothing");
    }

    #[test]
    fn a_watch_is_a_list_of_events() {
        assert_eq!(read(b"{\"kind\":\"Pod\"}\n"), json!({"kind": "Pod"}));
        assert_eq!(read(b"{\"object\":{}}\n{\"object\":{}}\n").as_array().unwrap().len(), 2);
        assert_eq!(read(b"{\"type\":\"ADDED\",\"object\":{}}\n").as_array().unwrap().len(), 1);
        assert_eq!(read(b""), json!([]));
        assert_eq!(read(b"404 page not found"), json!("404 page not found"));
    }
}
