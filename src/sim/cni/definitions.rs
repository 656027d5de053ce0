//! The CustomResourceDefinitions that the Cilium operator creates when it starts (chart 1.20.0, operator ClusterRole).

use crate::sim::resource::id;
use crate::sim::value::{Value, json};
use crate::sim::world::World;

use super::agent::GROUP;

/// Kind, plural, version where it is not v2, and whether it lives in namespaces.
const ALL: &[(&str, &str, &str, bool)] = &[
    ("CiliumNode", "ciliumnodes", "v2", false),
    ("CiliumEndpoint", "ciliumendpoints", "v2", true),
    ("CiliumNodeConfig", "ciliumnodeconfigs", "v2", true),
    ("CiliumIdentity", "ciliumidentities", "v2", false),
    ("CiliumNetworkPolicy", "ciliumnetworkpolicies", "v2", true),
    ("CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", "v2", false),
    ("CiliumCIDRGroup", "ciliumcidrgroups", "v2", false),
    ("CiliumEgressGatewayPolicy", "ciliumegressgatewaypolicies", "v2", false),
    ("CiliumLocalRedirectPolicy", "ciliumlocalredirectpolicies", "v2", true),
    ("CiliumLoadBalancerIPPool", "ciliumloadbalancerippools", "v2", false),
    ("CiliumEnvoyConfig", "ciliumenvoyconfigs", "v2", true),
    ("CiliumClusterwideEnvoyConfig", "ciliumclusterwideenvoyconfigs", "v2", false),
    ("CiliumBGPClusterConfig", "ciliumbgpclusterconfigs", "v2", false),
    ("CiliumBGPPeerConfig", "ciliumbgppeerconfigs", "v2", false),
    ("CiliumBGPAdvertisement", "ciliumbgpadvertisements", "v2", false),
    ("CiliumBGPNodeConfig", "ciliumbgpnodeconfigs", "v2", false),
    ("CiliumBGPNodeConfigOverride", "ciliumbgpnodeconfigoverrides", "v2", false),
    ("CiliumEndpointSlice", "ciliumendpointslices", "v2alpha1", false),
    ("CiliumPodIPPool", "ciliumpodippools", "v2alpha1", false),
    ("CiliumL2AnnouncementPolicy", "ciliuml2announcementpolicies", "v2alpha1", false),
    ("CiliumGatewayClassConfig", "ciliumgatewayclassconfigs", "v2alpha1", true),
];

/// Creates the definitions that are missing; the kinds' versions follow the installed release.
pub(crate) fn ensure(world: &mut World) {
    let name = |plural: &str| format!("{plural}.{GROUP}");
    let is_there = |plural: &str| world.object(id::DEFINITIONS, "", &name(plural)).is_some();
    let missing: Vec<_> = ALL.iter().filter(|(_, plural, ..)| !is_there(plural)).collect();
    // To read a release is to unpack it: only where it is needed.
    if missing.is_empty() {
        return;
    }
    let release = world.releases("").into_iter().next();
    let minor = release.and_then(|r| r.version.split('.').nth(1)?.parse().ok()).unwrap_or(19);
    for (kind, plural, version, namespaced) in missing {
        let versions = versions(kind, version, minor);
        let definition = definition(&name(plural), kind, plural, &versions, *namespaced);
        // Nothing can be wrong with a definition of this table, and a lost race is no loss.
        drop(world.create(id::DEFINITIONS, definition, false));
    }
}

/// CiliumNodeConfig: v2alpha1 up to 1.15, both from 1.16 to 1.19, v2 alone in 1.20.0 (PRs #31721, #44739).
fn versions(kind: &str, version: &'static str, minor: u32) -> Vec<&'static str> {
    match (kind, minor) {
        ("CiliumNodeConfig", ..=15) => vec!["v2alpha1"],
        ("CiliumNodeConfig", 16..=19) => vec!["v2", "v2alpha1"],
        _ => vec![version],
    }
}

fn definition(name: &str, kind: &str, plural: &str, versions: &[&str], namespaced: bool) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .enumerate()
        .map(|(at, version)| json!({"name": version, "served": true, "storage": at == 0}))
        .collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {
            "group": GROUP, "scope": if namespaced { "Namespaced" } else { "Cluster" }, "versions": versions,
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase()},
        },
    })
}
