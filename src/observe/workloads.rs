//! Readers of DaemonSets and of the ConfigMaps in which CNIs keep their parameters.

use serde::Deserialize;

use super::intern::Interner;
use super::object::{Map, Meta, Object};
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::{ConfigData, DaemonSet, Rollout};

type Wire = Object<Spec, Status, Helm, Map>;

#[derive(Default, Deserialize)]
struct Helm {
    #[serde(rename = "meta.helm.sh/release-name")]
    release: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    template: Template,
    #[serde(default)]
    update_strategy: Strategy,
}

#[derive(Default, Deserialize)]
struct Strategy {
    #[serde(default)]
    r#type: String,
}

#[derive(Default, Deserialize)]
struct Template {
    #[serde(default)]
    spec: PodSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    #[serde(default)]
    containers: Vec<Container>,
    #[serde(default)]
    init_containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    desired_number_scheduled: u32,
    #[serde(default)]
    updated_number_scheduled: u32,
    #[serde(default)]
    number_ready: u32,
    #[serde(default)]
    observed_generation: i64,
}

/// All DaemonSets.
pub(super) async fn daemon_sets(reader: &Reader, strings: &mut Interner) -> Result<Vec<DaemonSet>> {
    let wires: Vec<Wire> = reader.list("/apis/apps/v1/daemonsets", &Selection::default()).await?;
    Ok(wires.iter().map(|wire| convert(wire, strings)).collect())
}

fn convert(wire: &Wire, strings: &mut Interner) -> DaemonSet {
    let pod = &wire.spec.template.spec;
    let containers = || pod.init_containers.iter().chain(&pod.containers);
    let meta = &wire.metadata;
    DaemonSet {
        namespace: strings.get(&meta.namespace),
        name: strings.get(&meta.name),
        uid: strings.get(&meta.uid),
        images: containers().map(|c| strings.get(&c.image)).collect(),
        args: containers().flat_map(|c| c.command.iter().chain(&c.args)).map(|a| strings.get(a)).collect(),
        helm_release: meta.annotations.release.as_deref().map(|name| strings.get(name)),
        rollout: Rollout {
            desired: wire.status.desired_number_scheduled,
            updated: wire.status.updated_number_scheduled,
            ready: wire.status.number_ready,
            observed: wire.status.observed_generation >= meta.generation,
            rolls: wire.spec.update_strategy.r#type != "OnDelete",
        },
        labels: strings.map(&meta.labels),
    }
}

#[derive(Deserialize)]
struct WireConfig {
    metadata: Meta,
    #[serde(default)]
    data: Map,
}

/// The named ConfigMaps that exist, by namespace (`*`: any) and name; one request a name.
pub(super) async fn configs(
    reader: &Reader,
    strings: &mut Interner,
    wanted: &[(&str, &str)],
) -> Result<Vec<ConfigData>> {
    let mut found: Vec<ConfigData> = Vec::new();
    for (namespace, name) in wanted {
        let path = match *namespace {
            "*" => "/api/v1/configmaps".to_owned(),
            namespace => format!("/api/v1/namespaces/{namespace}/configmaps"),
        };
        for wire in reader.list::<WireConfig>(&path, &Selection::named(name)).await? {
            let config = ConfigData {
                namespace: strings.get(&wire.metadata.namespace),
                name: strings.get(&wire.metadata.name),
                data: wire.data,
            };
            if !found.contains(&config) {
                found.push(config);
            }
        }
    }
    Ok(found)
}
