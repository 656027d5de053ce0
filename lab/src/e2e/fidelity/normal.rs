//! What must differ between two servers is replaced by what it stands for: UIDs and resource versions by the order of
//! their appearance in the case, times of now, generated suffixes, continue tokens.

use jiff::Timestamp;
use serde_json::Value;

use super::{request::Answer, script::Script};

/// A time within this many seconds of now is one that the server took from its clock; others were given by the case.
const NOW: i64 = 3600;
/// Length of the suffix that `generateName` gets, and its letters.
const SUFFIX: usize = 5;
const LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";
/// How much of a prefix is kept before it.
const KEPT: usize = 63 - SUFFIX;

/// The answers of one server to a case, comparable with those of another server.
pub(super) fn normal(script: &Script, answers: &[Answer], now: Timestamp) -> Vec<Value> {
    let mut names = Names { now: now.as_second(), prefixes: prefixes(script), ..Names::default() };
    answers
        .iter()
        .map(|answer| {
            let mut document = answer.document();
            names.learn(&document["body"]);
            hide_ages(&mut document["body"]);
            names.replace(&mut document, "");
            document
        })
        .collect()
}

/// Prefixes of names that the server makes in a case, as far as it keeps them.
fn prefixes(script: &Script) -> Vec<String> {
    let bodies = script.steps.iter().filter_map(|step| step.body.as_deref());
    let objects = bodies.filter_map(|body| serde_json::from_str::<Value>(body).ok());
    let prefix = |object: Value| object["metadata"]["generateName"].as_str().map(str::to_owned);
    objects.filter_map(prefix).map(|whole| whole.chars().take(KEPT).collect()).collect()
}

/// How old a row of a table is depends on the moment.
fn hide_ages(table: &mut Value) {
    let columns = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
    let Some(at) = columns.iter().position(|column| column["name"] == "Age") else { return };
    for row in table["rows"].as_array_mut().into_iter().flatten() {
        if row["cells"][at].as_str().is_some_and(|age| age.ends_with('s')) {
            row["cells"][at] = "<age>".into();
        }
    }
}

/// What stands for what.
#[derive(Default)]
struct Names {
    /// The server's time, in seconds.
    now: i64,
    uids: Vec<String>,
    versions: Vec<String>,
    /// Of names that the server makes.
    prefixes: Vec<String>,
}

impl Names {
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(metadata) = map.get("metadata") {
                    self.learn_metadata(metadata);
                }
                if let Some(Value::String(uid)) = map.get("uid") {
                    note(&mut self.uids, uid);
                }
                map.values().for_each(|inner| self.learn(inner));
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn learn_metadata(&mut self, metadata: &Value) {
        let text = |member: &str| metadata[member].as_str();
        if let (Some(version), Some(_)) = (text("resourceVersion"), text("uid")) {
            note(&mut self.versions, version);
        }
    }

    fn replace(&self, value: &mut Value, member: &str) {
        match value {
            Value::Object(map) => {
                let is_list = map.contains_key("continue")
                    || (map.contains_key("resourceVersion") && !map.contains_key("uid"));
                for (key, inner) in map.iter_mut() {
                    match (key.as_str(), &inner) {
                        ("resourceVersion", Value::String(_)) if is_list => *inner = "<of the list>".into(),
                        ("continue", Value::String(token)) if !token.is_empty() => *inner = "<token>".into(),
                        _ => self.replace(inner, key),
                    }
                }
            }
            Value::Array(items) => {
                for item in &mut *items {
                    self.replace(item, member);
                }
                if member == "body" {
                    without_bookmarks_of_time(items);
                }
                if member == "causes" {
                    sort_conflicts(items);
                }
                if member == "managedFields" {
                    items
                        .iter_mut()
                        .filter_map(Value::as_object_mut)
                        .for_each(|entry| drop(entry.remove("time")));
                    // Entries of one second come in any order.
                    items.sort_by_cached_key(owner);
                }
            }
            Value::String(text) => *text = self.replaced(text, member),
            _ => {}
        }
    }

    fn replaced(&self, text: &str, member: &str) -> String {
        if self.is_now(text) {
            return "<now>".to_owned();
        }
        let mut text = without_unseen_version(&self.with_document(text), "too old resource version: 1 (");
        for (number, uid) in self.uids.iter().enumerate() {
            text = text.replace(uid, &format!("<uid {number}>"));
        }
        for prefix in &self.prefixes {
            text = without_suffix(&text, prefix);
        }
        for (number, version) in self.versions.iter().enumerate() {
            if text == *version && member == "resourceVersion" {
                return format!("<version {number}>");
            }
            if member == "message" {
                text = replace_number(&text, version, &format!("<version {number}>"));
            }
        }
        without_unseen_version(&text, "in record (")
    }

    /// A message that shows a whole patched object: the order of its members says nothing.
    fn with_document(&self, text: &str) -> String {
        const BEFORE: &str = "Invalid value: ";
        let document = || -> Option<String> {
            let (left, right) = text.split_once(BEFORE)?;
            let mut parts = serde_json::Deserializer::from_str(right).into_iter::<String>();
            let shown = parts.next()?.ok()?;
            let mut document: Value = serde_json::from_str(&shown).ok().filter(Value::is_object)?;
            let rest = &right[parts.byte_offset()..];
            self.replace(&mut document, "");
            sort_members(&mut document);
            Some(format!("{left}{BEFORE}{document}{rest}"))
        };
        document().unwrap_or_else(|| text.to_owned())
    }

    fn is_now(&self, text: &str) -> bool {
        let Ok(time) = text.parse::<Timestamp>() else { return false };
        (time.as_second() - self.now).abs() < NOW
    }
}

/// A version that a message tells and no answer has shown.
fn without_unseen_version(text: &str, before: &str) -> String {
    let Some((left, right)) = text.split_once(before) else { return text.to_owned() };
    let rest = right.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() < right.len() { format!("{left}{before}<number>{rest}") } else { text.to_owned() }
}

/// Names that begin with a prefix and end with five letters of the server's choice.
fn without_suffix(text: &str, prefix: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(prefix) {
        let (before, after) = rest.split_at(at + prefix.len());
        out.push_str(before);
        rest = after;
        if after.len() >= SUFFIX && after.chars().take(SUFFIX).all(|c| LETTERS.contains(c)) {
            out.push_str("<generated>");
            rest = &after[SUFFIX..];
        }
    }
    out + rest
}

fn sort_members(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort_members);
        }
        Value::Array(items) => items.iter_mut().for_each(sort_members),
        _ => {}
    }
}

/// Bookmarks that say no more than that time passes: how many come depends on the second in which a watch begins. The one
/// that ends the initial events stays.
fn without_bookmarks_of_time(events: &mut Vec<Value>) {
    events.retain(|e| e["type"] != "BOOKMARK" || !e["object"]["metadata"]["annotations"].is_null());
}

/// The server goes through the owners of fields in any order.
fn sort_conflicts(causes: &mut [Value]) {
    if causes.iter().all(|cause| cause["reason"] == "FieldManagerConflict") {
        causes.sort_by_cached_key(ToString::to_string);
    }
}

fn note(known: &mut Vec<String>, new: &str) {
    if !new.is_empty() && !known.iter().any(|k| k == new) {
        known.push(new.to_owned());
    }
}

fn owner(entry: &Value) -> String {
    ["manager", "operation", "subresource"].map(|m| entry[m].as_str().unwrap_or_default()).join(" ")
}

/// Replaces a number where it stands alone: not as a part of a longer word.
fn replace_number(text: &str, number: &str, with: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(number) {
        let (before, after) = (&rest[..at], &rest[at + number.len()..]);
        let alone = !before.ends_with(is_part) && !after.starts_with(|c: char| c != '.' && is_part(c));
        out.push_str(before);
        out.push_str(if alone { with } else { number });
        rest = after;
    }
    out + rest
}

/// The places where two documents differ, with what stands there.
pub(super) fn differences(left: &Value, right: &Value) -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    compare(left, right, "", &mut found);
    found
}

fn compare(left: &Value, right: &Value, path: &str, found: &mut Vec<(String, Value, Value)>) {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys {
                let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                compare(a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), &path, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter()
                .zip(b)
                .enumerate()
                .for_each(|(at, (a, b))| compare(a, b, &format!("{path}/{at}"), found));
        }
        _ if left == right => {}
        _ => found.push((path.to_owned(), left.clone(), right.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(body: Value) -> Answer {
        Answer { status: 200, headers: std::collections::BTreeMap::new(), body }
    }

    fn object(uid: &str, version: &str, name: &str) -> Value {
        json!({"metadata": {"uid": uid, "resourceVersion": version, "name": name, "generateName": "web-"}})
    }

    #[test]
    fn servers_that_count_otherwise_are_equal_and_a_lost_write_is_not() {
        let mut script = Script::new("x".into());
        script.post("/x", &json!({"metadata": {"generateName": "web-"}}));
        let of = |uid: &str, versions: [&str; 2]| {
            let answers = versions.map(|version| answer(object(uid, version, &format!("web-{}", &uid[..5]))));
            normal(&script, &answers, Timestamp::UNIX_EPOCH)
        };
        let real = of("bcdf4-real", ["100", "101"]);
        assert_eq!(real, of("xwzb2-sim", ["7", "9"]));
        assert_ne!(real, of("xwzb2-sim", ["7", "7"]));
    }

    #[test]
    fn versions_in_messages_are_found_where_they_stand_alone() {
        assert_eq!(replace_number("is 12: not 12, 112 or a12", "12", "V"), "is V: not V, 112 or a12");
    }

    #[test]
    fn differences_name_their_place() {
        let found = differences(&json!({"a": {"b": 1, "c/d": [1]}}), &json!({"a": {"b": 1, "c/d": [2]}}));
        assert_eq!(found, [("/a/c~1d/0".to_owned(), json!(1), json!(2))]);
    }
}
