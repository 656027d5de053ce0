//! Readers of namespaces, and of the volumes that bind pods to nodes.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::intern::Interner;
use super::object::Object;
use crate::error::Result;
use crate::kube::{Reader, Selection};
use crate::model::{LocalVolume, Namespace};

type WireNamespace = Object<IgnoredAny, IgnoredAny, IgnoredAny, Labels>;

#[derive(Default, Deserialize)]
struct Labels {
    #[serde(rename = "pod-security.kubernetes.io/enforce")]
    pod_security: Option<String>,
}

/// All namespaces.
pub(super) async fn namespaces(reader: &Reader, strings: &mut Interner) -> Result<Vec<Namespace>> {
    let wires: Vec<WireNamespace> = reader.list("/api/v1/namespaces", &Selection::default()).await?;
    let mut convert = |wire: &WireNamespace| Namespace {
        name: strings.get(&wire.metadata.name),
        pod_security: wire.metadata.labels.pod_security.as_deref().map(|level| strings.get(level)),
    };
    Ok(wires.iter().map(&mut convert).collect())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VolumeSpec {
    local: Option<IgnoredAny>,
    host_path: Option<IgnoredAny>,
    claim_ref: Option<ClaimRef>,
}

#[derive(Deserialize)]
struct ClaimRef {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
}

/// PersistentVolumes that live on one node, of those that are claimed.
pub(super) async fn local_volumes(reader: &Reader, strings: &mut Interner) -> Result<Vec<LocalVolume>> {
    let mut state = (Vec::new(), strings);
    reader
        .each::<Object<VolumeSpec>, _>(
            "/api/v1/persistentvolumes",
            &Selection::default(),
            &mut state,
            |(all, _)| all.clear(),
            |(all, strings), wire| {
                let local = wire.spec.local.is_some() || wire.spec.host_path.is_some();
                if let Some(claim) = wire.spec.claim_ref.filter(|_| local) {
                    all.push(LocalVolume {
                        name: strings.get(&wire.metadata.name),
                        namespace: strings.get(&claim.namespace),
                        claim: strings.get(&claim.name),
                    });
                }
            },
        )
        .await?;
    Ok(state.0)
}
