//! `/openapi/v3`: as much as `kubectl apply` and `create` ask for before they let the server validate
//! (`client-go/.../query_param_verifier_v3.go`), and the fields that `kubectl explain` prints; no descriptions.

use std::collections::BTreeMap;

use crate::sim::resource::{Registry, Resource};
use crate::sim::schema::{self, Shape, Type};
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Value, json};

/// Where the schemas of a document stand.
const SCHEMAS: &str = "#/components/schemas/";

/// Answers what follows `/openapi/v3/`: the list of documents, or one of a group and version.
///
/// # Errors
/// 404 for a group or version that is not served.
pub(super) fn answer(registry: &Registry, segments: &[&str]) -> Answer<Value> {
    match segments {
        [] => Ok(index(registry)),
        ["api", version] => document(registry, "", version),
        ["apis", group, version] => document(registry, group, version),
        _ => Err(Refusal::no_such_path()),
    }
}

fn index(registry: &Registry) -> Value {
    let mut paths = BTreeMap::new();
    for (_, resource) in registry.served() {
        for version in &resource.versions {
            let place = place(resource, version);
            let url = json!({"serverRelativeURL": format!("/openapi/v3/{place}")});
            paths.insert(place, url);
        }
    }
    json!({"paths": paths})
}

/// `api/v1` or `apis/apps/v1`.
fn place(resource: &Resource, version: &str) -> String {
    let root = if resource.group.is_empty() { "api" } else { "apis" };
    format!("{root}/{}", resource.api_version(version))
}

fn document(registry: &Registry, group: &str, version: &str) -> Answer<Value> {
    let (mut paths, mut schemas) = (BTreeMap::new(), BTreeMap::new());
    let serves = |r: &Resource| r.group == group && r.versions.iter().any(|v| v == version);
    for (_, resource) in registry.served().filter(|(_, r)| serves(r)) {
        let kind = json!({"group": group, "version": version, "kind": resource.kind});
        let space = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
        let collection = format!("/{}/{space}{}", place(resource, version), resource.plural);
        let responses = |name: &str| {
            let schema = json!({"$ref": format!("{SCHEMAS}{name}")});
            json!({"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}})
        };
        let name = schema_of(resource, version, &kind, &mut schemas);
        let get = json!({"x-kubernetes-action": "list", "x-kubernetes-group-version-kind": kind,
            "responses": responses(&name)});
        paths.insert(collection.clone(), json!({"get": get}));
        let patch = json!({"x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind,
            "parameters": parameters(), "responses": responses(&name)});
        paths.insert(format!("{collection}/{{name}}"), json!({"patch": patch}));
    }
    if paths.is_empty() {
        return Err(Refusal::no_such_path());
    }
    Ok(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "unversioned"}, "paths": paths,
        "components": {"schemas": schemas},
    }))
}

/// What a patch may be asked with.
fn parameters() -> Vec<Value> {
    let all = ["dryRun", "fieldManager", "fieldValidation", "force"];
    all.map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}})).into()
}

/// Adds a kind and all types that it is made of; gives its name among the schemas.
fn schema_of(
    resource: &Resource,
    version: &str,
    kind: &Value,
    schemas: &mut BTreeMap<String, Value>,
) -> String {
    let (name, mut schema) = match schema::of(resource) {
        Shape::Struct(name) => {
            let schema = schema::named(&name).map(|of| object(of, schemas));
            (name, schema.unwrap_or_default())
        }
        shape => (format!("{}.{version}.{}", resource.group, resource.kind), schema_for(&shape, schemas)),
    };
    schema["x-kubernetes-group-version-kind"] = json!([kind]);
    schemas.insert(name.clone(), schema);
    name
}

fn object(of: &Type, schemas: &mut BTreeMap<String, Value>) -> Value {
    let fields: BTreeMap<&String, Value> =
        of.fields.iter().map(|(name, field)| (name, schema_for(&field.shape, schemas))).collect();
    json!({"type": "object", "properties": fields})
}

fn schema_for(shape: &Shape, schemas: &mut BTreeMap<String, Value>) -> Value {
    match shape {
        Shape::Text => json!({"type": "string"}),
        Shape::Int => json!({"type": "integer"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Struct(name) => {
            if !schemas.contains_key(name)
                && let Some(of) = schema::named(name)
            {
                // Before its fields: some types hold themselves.
                schemas.insert(name.clone(), Value::Null);
                let schema = object(of, schemas);
                schemas.insert(name.clone(), schema);
            }
            json!({"allOf": [{"$ref": format!("{SCHEMAS}{name}")}]})
        }
        Shape::Inline(of) => object(of, schemas),
        Shape::List(item, ..) => json!({"type": "array", "items": schema_for(item, schemas)}),
        Shape::Map(item, _) => json!({"type": "object", "additionalProperties": schema_for(item, schemas)}),
        Shape::Any => json!({"type": "object"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_of_the_index_is_there_and_refers_to_nothing_that_is_not() {
        let registry = Registry::new();
        let index = answer(&registry, &[]).unwrap();
        for place in index["paths"].as_object().unwrap().keys() {
            let segments: Vec<&str> = place.split('/').collect();
            let document = answer(&registry, &segments).unwrap();
            let text = document.to_string();
            let schemas = &document["components"]["schemas"];
            for name in text.split(SCHEMAS).skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(schemas[name].is_object(), "{place}: {name}");
            }
        }
        let pods = &answer(&registry, &["api", "v1"]).unwrap()["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"];
        assert_eq!(pods["patch"]["parameters"][2]["name"], "fieldValidation");
        assert!(answer(&registry, &["apis", "metrics.k8s.io", "v1"]).is_err());
    }
}
