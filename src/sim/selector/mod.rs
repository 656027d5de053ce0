//! Label and field selectors as the API server reads them (`k8s.io/apimachinery/pkg/labels`, `.../fields`).

mod parse;

use crate::sim::value::Value;

use super::json::{flag, list, text};

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    Is(String, String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    More(String, i64),
    Less(String, i64),
}

impl Requirement {
    fn key(&self) -> &str {
        let (Self::Is(key, _)
        | Self::In(key, _)
        | Self::NotIn(key, _)
        | Self::Exists(key)
        | Self::Absent(key)
        | Self::More(key, _)
        | Self::Less(key, _)) = self;
        key
    }
}

/// A label selector: all requirements hold; without requirements it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels(Vec<Requirement>);

impl Labels {
    /// Reads the query parameter `labelSelector`, set-based terms included.
    ///
    /// # Errors
    /// The server's sentence about what cannot be read.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text).map(Self)
    }

    /// Whether there are no requirements.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a `LabelSelector` object (`matchLabels`, `matchExpressions`); `None` where it is invalid.
    pub(crate) fn from_object(selector: &Value) -> Option<Self> {
        let mut all = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in labels {
                all.push(Requirement::Is(key.to_string(), value.as_str()?.to_owned()));
            }
        }
        for expression in list(selector, "/matchExpressions") {
            all.push(requirement(expression)?);
        }
        all.sort_by(|a, b| a.key().cmp(b.key()));
        Some(Self(all))
    }

    /// Reads the `matchExpressions` of a node selector term.
    pub(crate) fn from_expressions(expressions: &[Value]) -> Option<Self> {
        expressions.iter().map(requirement).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Labels that everything it means has with this value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|requirement| match requirement {
            Requirement::Is(key, value) => Some((key.as_str(), value.as_str())),
            Requirement::In(key, values) if values.len() == 1 => Some((key.as_str(), values[0].as_str())),
            _ => None,
        })
    }

    /// Whether the labels of `object` match.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.matches_map(object.pointer("/metadata/labels").unwrap_or(&Value::Null))
    }

    /// Whether a map of labels matches.
    pub(crate) fn matches_map(&self, labels: &Value) -> bool {
        let value = |key: &str| labels.get(key).and_then(Value::as_str);
        let number = |key: &str| value(key).and_then(|v| v.parse::<i64>().ok());
        self.0.iter().all(|requirement| match requirement {
            Requirement::Is(key, wanted) => value(key) == Some(wanted),
            Requirement::More(key, than) => number(key).is_some_and(|n| n > *than),
            Requirement::Less(key, than) => number(key).is_some_and(|n| n < *than),
            Requirement::In(key, values) => value(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Requirement::NotIn(key, values) => value(key).is_none_or(|v| values.iter().all(|w| w != v)),
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Absent(key) => value(key).is_none(),
        })
    }
}

fn sorted(values: &[String]) -> String {
    let mut all: Vec<&str> = values.iter().map(String::as_str).collect();
    all.sort_unstable();
    all.join(",")
}

impl std::fmt::Display for Labels {
    /// As a query parameter would have it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = |requirement: &Requirement| match requirement {
            Requirement::Is(key, value) => format!("{key}={value}"),
            Requirement::More(key, than) => format!("{key}>{than}"),
            Requirement::Less(key, than) => format!("{key}<{than}"),
            Requirement::In(key, values) => format!("{key} in ({})", sorted(values)),
            Requirement::NotIn(key, values) => format!("{key} notin ({})", sorted(values)),
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
    ("status.podIPs", "/status/podIPs"),
    ("status.nominatedNodeName", "/status/nominatedNodeName"),
];

/// Those of events (`pkg/apis/core/v1/conversion.go`, `AddFieldLabelConversionsForEvent`).
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject.kind", "/involvedObject/kind"),
    ("involvedObject.namespace", "/involvedObject/namespace"),
    ("involvedObject.name", "/involvedObject/name"),
    ("involvedObject.uid", "/involvedObject/uid"),
    ("involvedObject.apiVersion", "/involvedObject/apiVersion"),
    ("involvedObject.resourceVersion", "/involvedObject/resourceVersion"),
    ("involvedObject.fieldPath", "/involvedObject/fieldPath"),
    ("reason", "/reason"),
    ("reportingComponent", "/reportingComponent"),
    ("source", "/source/component"),
    ("type", "/type"),
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

    /// Whether there are no terms.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `object` matches.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        // The only flag that can be selected by.
        let network = || if flag(object, HOST_NETWORK) { "true" } else { "false" };
        let shown = |pointer: &str| if pointer == HOST_NETWORK { network() } else { text(object, pointer) };
        self.0.iter().all(|(pointer, wanted, value)| (shown(pointer) == value) == *wanted)
    }

    /// The name that the selector asks for.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0
            .iter()
            .find(|(p, wanted, v)| *p == "/metadata/name" && *wanted && !v.is_empty())
            .map(|(.., v)| v.as_str())
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
        _ => {
            let fields = match plural {
                "pods" => POD_FIELDS,
                "events" => EVENT_FIELDS,
                _ => &[],
            };
            fields.iter().find(|(name, _)| *name == field).map(|(_, pointer)| *pointer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::value::json;

    fn hit(selector: &str, labels: &Value) -> bool {
        Labels::parse(selector).unwrap().matches_map(labels)
    }

    #[test]
    fn set_based_terms() {
        let labels = json!({"app": "web", "tier": "front", "n": "5"});
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
            ("n>4", true),
            ("n<5", false),
            ("app>4", false),
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
        assert_eq!(selector.to_string(), "a=1,b");
        let values = json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["c", "b"]}]});
        assert_eq!(Labels::from_object(&values).unwrap().to_string(), "a in (b,c)");
        assert_eq!(selector.pairs().collect::<Vec<_>>(), [("a", "1")], "what an index finds it by");
        assert!(selector.matches_map(&json!({"a": "1", "b": "x"})));
        assert!(!selector.matches_map(&json!({"a": "1"})));
        assert!(
            Labels::from_object(&json!({"matchExpressions": [{"key": "b", "operator": "In"}]})).is_none()
        );
    }
}
