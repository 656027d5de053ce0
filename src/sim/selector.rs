//! Label and field selectors as the API server reads them (`k8s.io/apimachinery/pkg/labels`, `.../fields`).

use serde_json::Value;

use super::json::{flag, list, text};

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A label selector: all requirements hold; without requirements it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<Requirement>);

impl Labels {
    /// Reads the query parameter `labelSelector`, set-based terms included.
    ///
    /// # Errors
    /// A sentence about the term that cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        split_terms(text).into_iter().map(parse_term).collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// Reads a `LabelSelector` object (`matchLabels`, `matchExpressions`); `None` where it is invalid.
    pub(crate) fn from_object(selector: &Value) -> Option<Self> {
        let mut all = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in labels {
                all.push(Requirement::In(key.clone(), vec![value.as_str()?.to_owned()]));
            }
        }
        for expression in list(selector, "/matchExpressions") {
            all.push(requirement(expression)?);
        }
        Some(Self(all))
    }

    /// Reads the `matchExpressions` of a node selector term.
    pub(crate) fn from_expressions(expressions: &[Value]) -> Option<Self> {
        expressions.iter().map(requirement).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether the labels of `object` match.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.matches_map(object.pointer("/metadata/labels").unwrap_or(&Value::Null))
    }

    /// Whether a map of labels matches.
    pub(crate) fn matches_map(&self, labels: &Value) -> bool {
        let value = |key: &str| labels.get(key).and_then(Value::as_str);
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => value(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Requirement::NotIn(key, values) => value(key).is_none_or(|v| values.iter().all(|w| w != v)),
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Absent(key) => value(key).is_none(),
        })
    }
}

impl std::fmt::Display for Labels {
    /// As a query parameter would have it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = |requirement: &Requirement| match requirement {
            Requirement::In(key, values) if values.len() == 1 => format!("{key}={}", values[0]),
            Requirement::In(key, values) => format!("{key} in ({})", values.join(",")),
            Requirement::NotIn(key, values) => format!("{key} notin ({})", values.join(",")),
            Requirement::Exists(key) => key.clone(),
            Requirement::Absent(key) => format!("!{key}"),
        };
        f.write_str(&self.0.iter().map(one).collect::<Vec<_>>().join(","))
    }
}

fn requirement(expression: &Value) -> Option<Requirement> {
    let key = text(expression, "/key").to_owned();
    let values: Vec<String> =
        list(expression, "/values").iter().filter_map(Value::as_str).map(Into::into).collect();
    if key.is_empty() {
        return None;
    }
    match (text(expression, "/operator"), values.is_empty()) {
        ("In", false) => Some(Requirement::In(key, values)),
        ("NotIn", false) => Some(Requirement::NotIn(key, values)),
        ("Exists", true) => Some(Requirement::Exists(key)),
        ("DoesNotExist", true) => Some(Requirement::Absent(key)),
        _ => None,
    }
}

/// Commas inside parentheses separate values, not terms.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[from..]);
    terms.into_iter().map(str::trim).filter(|t| !t.is_empty()).collect()
}

fn parse_term(term: &str) -> Result<Requirement, String> {
    let bad = || format!("unable to parse requirement: {term:?}");
    let key = |k: &str| {
        let k = k.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if k.is_empty() || !k.chars().all(legal) { Err(bad()) } else { Ok(k.to_owned()) }
    };
    if let Some((left, right)) = term.split_once('(') {
        let values = right.strip_suffix(')').ok_or_else(bad)?;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        let (name, operator) = left.trim().rsplit_once(' ').ok_or_else(bad)?;
        return match operator {
            "in" => Ok(Requirement::In(key(name)?, values)),
            "notin" => Ok(Requirement::NotIn(key(name)?, values)),
            _ => Err(bad()),
        };
    }
    if let Some((name, value)) = term.split_once("!=") {
        return Ok(Requirement::NotIn(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Requirement::In(key(name)?, vec![value.trim().to_owned()]));
    }
    match term.strip_prefix('!') {
        Some(name) => Ok(Requirement::Absent(key(name)?)),
        None => Ok(Requirement::Exists(key(term)?)),
    }
}

const HOST_NETWORK: &str = "/spec/hostNetwork";

/// The field selectors that the real server knows for the kinds at hand.
const POD_FIELDS: &[(&str, &str)] = &[
    ("spec.nodeName", "/spec/nodeName"),
    ("spec.restartPolicy", "/spec/restartPolicy"),
    ("spec.schedulerName", "/spec/schedulerName"),
    ("spec.hostNetwork", HOST_NETWORK),
    ("spec.serviceAccountName", "/spec/serviceAccountName"),
    ("status.phase", "/status/phase"),
    ("status.podIP", "/status/podIP"),
    ("status.nominatedNodeName", "/status/nominatedNodeName"),
];

/// A field selector.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(&'static str, bool, String)>);

impl Fields {
    /// Reads the query parameter `fieldSelector` for a resource.
    ///
    /// # Errors
    /// The server's sentence for a field that the resource does not offer.
    pub(crate) fn parse(text: &str, plural: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for term in text.split(',').map(str::trim).filter(|t| !t.is_empty()) {
            let (field, wanted, value) = match (term.split_once("!="), term.split_once("==")) {
                (Some((f, v)), _) => (f, false, v),
                (None, Some((f, v))) => (f, true, v),
                (None, None) => match term.split_once('=') {
                    Some((f, v)) => (f, true, v),
                    None => return Err(format!("invalid selector: '{text}'; can't understand '{term}'")),
                },
            };
            let pointer =
                field_pointer(field, plural).ok_or_else(|| format!("field label not supported: {field}"))?;
            all.push((pointer, wanted, value.to_owned()));
        }
        Ok(Self(all))
    }

    /// Whether `object` matches.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        // The only flag that can be selected by.
        let network = || if flag(object, HOST_NETWORK) { "true" } else { "false" };
        let shown = |pointer: &str| if pointer == HOST_NETWORK { network() } else { text(object, pointer) };
        self.0.iter().all(|(pointer, wanted, value)| (shown(pointer) == value) == *wanted)
    }

    /// The node that the selector pins `spec.nodeName` to.
    pub(crate) fn node(&self) -> Option<&str> {
        self.0
            .iter()
            .find(|(p, wanted, v)| *p == "/spec/nodeName" && *wanted && !v.is_empty())
            .map(|(.., v)| v.as_str())
    }
}

fn field_pointer(field: &str, plural: &str) -> Option<&'static str> {
    match field {
        "metadata.name" => Some("/metadata/name"),
        "metadata.namespace" => Some("/metadata/namespace"),
        "spec.unschedulable" if plural == "nodes" => Some("/spec/unschedulable"),
        "status.phase" if plural == "namespaces" => Some("/status/phase"),
        "type" if plural == "secrets" => Some("/type"),
        _ if plural == "pods" => POD_FIELDS.iter().find(|(f, _)| *f == field).map(|(_, p)| *p),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hit(selector: &str, labels: &Value) -> bool {
        Labels::parse(selector).unwrap().matches_map(labels)
    }

    #[test]
    fn set_based_terms() {
        let labels = json!({"app": "web", "tier": "front"});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app!=web", false),
            ("app in (db, web),tier", true),
            ("app notin (web)", false),
            ("gone notin (web)", true),
            ("!gone", true),
            ("!app", false),
            ("gone", false),
        ] {
            assert_eq!(hit(selector, &labels), expected, "{selector}");
        }
        assert!(Labels::parse("a b c").is_err());
    }

    #[test]
    fn objects_with_expressions() {
        let selector =
            json!({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]});
        let selector = Labels::from_object(&selector).unwrap();
        assert!(selector.matches_map(&json!({"a": "1", "b": "x"})));
        assert!(!selector.matches_map(&json!({"a": "1"})));
        assert!(
            Labels::from_object(&json!({"matchExpressions": [{"key": "b", "operator": "In"}]})).is_none()
        );
    }
}
