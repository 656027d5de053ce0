//! The values of what the user asked for by a flag: encryption, the replacement of kube-proxy, Hubble.

use serde_json::json;

use super::settings::{Setting, asked, detected_as, locked};
use super::{Detected, Phase};
use crate::model::{Encryption, Features};

const KPR_FLAG: &str = "--kube-proxy-replacement";

/// What the features set in a phase.
pub(super) fn settings(phase: Phase, detected: &Detected, features: &Features) -> Vec<Setting> {
    let mut settings = Vec::new();
    if let Some(kind) = features.encryption {
        settings.extend(encryption(phase, kind));
    }
    if features.kube_proxy_replacement {
        settings.extend(kube_proxy(phase, detected));
    }
    if features.hubble && phase == Phase::Final {
        // During the migration its pods would only be more pods to move.
        let keys = ["hubble.enabled", "hubble.relay.enabled", "hubble.ui.enabled"];
        settings.extend(keys.map(|key| asked(key, json!(true), "--hubble")));
    }
    settings
}

/// Agents that encrypt and agents that do not drop each other's packets, so all of them change at the end.
fn encryption(phase: Phase, kind: Encryption) -> Vec<Setting> {
    let flag = format!("--encryption {}", kind.name());
    match phase {
        Phase::Migration => vec![locked(
            "encryption.enabled",
            json!(false),
            &format!(
                "{flag} begins with the final values, on all nodes: pods of the old CNI do not take part"
            ),
            "cilium/cilium issues 19958 and 44691",
        )],
        Phase::Final => vec![
            asked("encryption.enabled", json!(true), &flag),
            asked("encryption.type", json!(kind.name()), &flag),
        ],
    }
}

/// Without kube-proxy agents cannot reach the API server through its Service: they need its address.
fn kube_proxy(phase: Phase, detected: &Detected) -> Vec<Setting> {
    let mut settings = Vec::new();
    if phase == Phase::Final {
        settings.push(asked("kubeProxyReplacement", json!("true"), KPR_FLAG));
    }
    if let Some((host, port)) = detected.distribution.api_server() {
        let from =
            format!("load balancer for the API server on each node of {}", detected.distribution.name());
        settings.push(detected_as("k8sServiceHost", json!(host), from.clone()));
        settings.push(detected_as("k8sServicePort", json!(port), from));
    }
    settings
}
