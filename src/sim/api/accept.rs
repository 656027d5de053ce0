//! In which form a client wants its answer: `Accept`, as
//! `k8s.io/apiserver/pkg/endpoints/handlers/negotiation` reads it. JSON is the only encoding here.

use std::iter;

use crate::sim::clock::Clock;
use crate::sim::resource::Resource;
use crate::sim::status::{Answer, Refusal};
use crate::sim::table;
use crate::sim::value::{Map, Value, json};
use crate::sim::world::World;

use super::read::present;
use super::{Call, Reply, Target};

/// What an object becomes on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Itself.
    Whole,
    /// `PartialObjectMetadata`.
    Metadata,
    /// `PartialObjectMetadataList`.
    MetadataList,
    /// A table whose rows carry what [`Include`] says.
    Table(Include),
}

/// Which part of an object a row of a table carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    /// None of it.
    Nothing,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

/// What lists offer besides, for watches.
const STREAMS: &str = ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

impl Form {
    /// Reads what a call accepts; `is_list` for the read of a collection.
    ///
    /// # Errors
    /// 406 where that is nothing that is made here.
    pub(crate) fn of(call: &Call, info: &Resource, is_list: bool) -> Answer<Self> {
        let accepted = call.header("accept");
        if accepted.is_empty() {
            return Ok(Self::Whole);
        }
        let mut clauses: Vec<(f64, &str)> = accepted.split(',').map(|c| (quality(c), c.trim())).collect();
        clauses.sort_by(|a, b| b.0.total_cmp(&a.0));
        if let Some(form) = clauses.iter().find_map(|(_, clause)| form(clause)) {
            return if form == Self::Table(Include::Metadata) {
                included(call).map(Self::Table)
            } else {
                Ok(form)
            };
        }
        // The router of built-in kinds refuses what none of its types is like, before anybody looks at parameters.
        let encodings = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
        let is_known =
            |(_, clause): &(f64, &str)| encodings.split(", ").any(|e| clause.split(';').next() == Some(e));
        Err(match (info.custom, clauses.iter().any(is_known)) {
            (false, false) => {
                let streams = if is_list { STREAMS } else { "" };
                Refusal::not_acceptable(format!(
                    "406: Not Acceptable\n\nAvailable representations: {encodings}{streams}"
                ))
                .bare()
            }
            (is_custom, _) => {
                let encodings = if is_custom { "application/json, application/yaml" } else { encodings };
                Refusal::not_acceptable(format!("only the following media types are accepted: {encodings}"))
            }
        })
    }

    /// Whether only metadata goes out.
    pub(crate) fn is_bare(self) -> bool {
        matches!(self, Self::Metadata | Self::MetadataList)
    }
}

fn quality(clause: &str) -> f64 {
    let given = clause.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    given.and_then(|q| q.parse().ok()).unwrap_or(1.0)
}

/// The form of one clause; `None` for what is not served.
fn form(clause: &str) -> Option<Form> {
    let mut parts = clause.split(';').map(str::trim);
    if !matches!(parts.next(), Some("application/json" | "application/*" | "*/*")) {
        return None;
    }
    let parameters: Vec<(&str, &str)> = parts.filter_map(|p| p.split_once('=')).collect();
    let of = |name: &str| parameters.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| *value);
    let is_meta = of("g") == "meta.k8s.io" && of("v") == "v1";
    match (of("as"), of("g"), of("v")) {
        ("", "", "") => Some(Form::Whole),
        ("PartialObjectMetadata", ..) if is_meta => Some(Form::Metadata),
        ("PartialObjectMetadataList", ..) if is_meta => Some(Form::MetadataList),
        ("Table", ..) if is_meta => Some(Form::Table(Include::Metadata)),
        _ => None,
    }
}

fn included(call: &Call) -> Answer<Include> {
    match call.param("includeObject") {
        None | Some("Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::Nothing),
        Some("Object") => Ok(Include::Object),
        Some(other) => Err(Refusal::bad_request(format!("unrecognized includeObject value: {other:?}"))),
    }
}

/// Answers with one object in the form that the call accepts.
///
/// # Errors
/// 406 where that is the form of a list.
pub(crate) fn one(world: &World, call: &Call, target: &Target, code: u16, object: &Value) -> Answer<Reply> {
    let info = world.registry.get(target.resource);
    match call.form {
        Form::Table(include) => {
            let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            let kind = (&**info, target.version.as_str(), &world.clock);
            Ok(Reply::json(code, &table(kind, include, metadata, iter::once(object), true)))
        }
        Form::MetadataList => Err(Refusal::not_acceptable(format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list (*{})",
            go_type(info)
        ))),
        form => Ok(Reply::json(code, &present(info, &target.version, form, object))),
    }
}

/// The type of a kind inside of the server, as messages tell it: `core.Pod`.
pub(crate) fn go_type(info: &Resource) -> String {
    if info.custom {
        return "unstructured.Unstructured".to_owned();
    }
    format!("{}.{}", info.go_package(), info.kind)
}

/// The table of some objects; without columns where the client has seen them.
pub(crate) fn table<'a>(
    (info, version, clock): (&Resource, &str, &Clock),
    include: Include,
    metadata: Value,
    objects: impl Iterator<Item = &'a Value>,
    with_columns: bool,
) -> Value {
    let shown = |object: &Value| match include {
        Include::Nothing => Value::Null,
        Include::Metadata => present(info, version, Form::Metadata, object),
        Include::Object => present(info, version, Form::Whole, object),
    };
    let rows: Vec<Value> = objects.map(|o| table::row(info, clock, o, shown(o))).collect();
    let columns = if with_columns { json!(table::columns(info)) } else { Value::Null };
    let mut whole = Map::new();
    for (member, value) in [
        ("kind", json!("Table")),
        ("apiVersion", json!("meta.k8s.io/v1")),
        ("metadata", metadata),
        ("columnDefinitions", columns),
        ("rows", json!(rows)),
    ] {
        whole.insert(member, value);
    }
    Value::Object(whole)
}
