//! The bill of materials: CycloneDX 1.5 from `cargo metadata`, of what is linked into the binary.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Context as _, Error};

const ROOT: &str = "kubectl-cni-migrate";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None for an ordinary dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// The document as JSON text.
///
/// # Errors
/// Where cargo does not answer as expected.
pub(crate) fn of(root: &Path) -> Result<String, Error> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--format-version=1", "--locked"]).current_dir(root);
    let output = cargo.output().at("run", Path::new("cargo"))?;
    if !output.status.success() {
        return Err(Error::Failed(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr))));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)
        .map_err(|e| Error::Failed(format!("cargo metadata was not understood: {e}")))?;
    let text = serde_json::to_string_pretty(&document(&metadata));
    text.map(|text| text + "\n").map_err(|e| Error::Failed(e.to_string()))
}

fn document(metadata: &Metadata) -> Value {
    let linked = linked(metadata);
    let mut components: Vec<&Package> =
        metadata.packages.iter().filter(|p| linked.contains(p.id.as_str()) && p.name != ROOT).collect();
    components.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {
            "type": "application", "name": ROOT, "version": env!("CARGO_PKG_VERSION"),
        }},
        "components": components.iter().map(|p| component(p)).collect::<Vec<_>>(),
    })
}

/// What the binary reaches over ordinary dependencies.
fn linked(metadata: &Metadata) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
    let root = metadata.packages.iter().find(|p| p.name == ROOT).map(|p| p.id.as_str());
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = root.into_iter().collect();
    while let Some(id) = open.pop() {
        if !reached.insert(id) {
            continue;
        }
        let dependencies = nodes.get(id).into_iter().flat_map(|node| &node.deps);
        let ordinary = dependencies.filter(|d| d.dep_kinds.iter().any(|k| k.kind.is_none()));
        open.extend(ordinary.map(|d| d.pkg.as_str()));
    }
    reached
}

fn component(package: &Package) -> Value {
    let Package { name, version, license, source, .. } = package;
    let mut component = json!({"type": "library", "name": name, "version": version});
    if source.is_some() {
        component["purl"] = json!(format!("pkg:cargo/{name}@{version}"));
    }
    if let Some(license) = license {
        component["licenses"] = json!([{"expression": license}]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tests_and_builds_use_is_left_out() {
        let package =
            |id: &str| json!({"id": id, "name": id, "version": "1.0.0", "license": "MIT", "source": "x"});
        let edge = |to: &str, kind: Value| json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": [package(ROOT), package("kube"), package("http"), package("insta"), package("cc")],
            "resolve": {"nodes": [
                {"id": ROOT, "deps": [edge("kube", Value::Null), edge("insta", json!("dev")), edge("cc", json!("build"))]},
                {"id": "kube", "deps": [edge("http", Value::Null)]},
                {"id": "http", "deps": []}, {"id": "insta", "deps": []}, {"id": "cc", "deps": []},
            ]},
        });
        let document = document(&serde_json::from_value(metadata).unwrap());
        let names: Vec<_> =
            document["components"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["http", "kube"]);
        assert_eq!(document["components"][0]["purl"], "pkg:cargo/http@1.0.0");
    }
}
