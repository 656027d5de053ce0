//! The one table of what a snapshot holds: where each kind is listed, and the fields that are kept of it.
//!
//! Kept is what the readers of `observe` decode, and what a rehearsal needs to make pods anew. There is no Secret in
//! it, and no field in which people write secrets: environment variables, commands, arguments, other annotations.

use std::sync::LazyLock;

use super::project::Keep;
use crate::model::is_of_the_journal;

/// A kind.
#[derive(Debug)]
pub struct Kind {
    /// Such as `apps/v1`.
    pub api_version: &'static str,
    /// Such as `DaemonSet`.
    pub kind: &'static str,
    /// Such as `daemonsets`.
    pub plural: &'static str,
    /// The fields that are kept.
    pub keep: LazyLock<Keep>,
}

impl Kind {
    /// URL path of the list of all namespaces.
    pub fn path(&self) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        format!("/{root}/{}/{}", self.api_version, self.plural)
    }
}

macro_rules! kind {
    ($api:literal, $kind:literal, $plural:literal, $($keep:expr),+) => {
        Kind {
            api_version: $api,
            kind: $kind,
            plural: $plural,
            keep: LazyLock::new(|| Keep::parse(concat!(meta!(), $($keep),+))),
        }
    };
}

/// Of every object.
macro_rules! meta {
    () => {
        "apiVersion kind metadata{name namespace uid generation creationTimestamp deletionTimestamp labels{*} annotations{\
         flannel.alpha.coreos.com/* projectcalico.org/* cni-migrate.dev/* network.cilium.io/* \
         kubernetes.io/config.mirror meta.helm.sh/release-name deployment.kubernetes.io/revision} \
         ownerReferences{apiVersion kind name uid controller blockOwnerDeletion}} "
    };
}

/// Of a pod's spec: what decides where it may run and how long it takes.
macro_rules! pod {
    ($more:literal) => {
        concat!(
            "nodeName nodeSelector{*} affinity{**} tolerations{key operator value effect tolerationSeconds} \
             topologySpreadConstraints{**} priorityClassName priority terminationGracePeriodSeconds hostNetwork \
             restartPolicy serviceAccountName initContainers{name image ",
            $more,
            "resources{requests{*} limits{*}} restartPolicy} containers{name image ",
            $more,
            "resources{requests{*} limits{*}} ports{name containerPort hostPort protocol} \
             readinessProbe{initialDelaySeconds periodSeconds failureThreshold}} volumes{name emptyDir{} \
             persistentVolumeClaim{claimName} ephemeral{} hostPath{} configMap{} secret{} projected{} \
             downwardAPI{} csi{} nfs{}} "
        )
    };
}

macro_rules! template {
    ($more:literal) => {
        concat!("template{metadata{labels{*}} spec{", pod!($more), "}} ")
    };
}

macro_rules! peer {
    () => {
        "{ipBlock{cidr except} podSelector{**} namespaceSelector{**}} ports{port endPort protocol}} "
    };
}

/// Every kind that is listed, in the order of the file.
pub static KINDS: [Kind; 18] = [
    kind!("v1", "Namespace", "namespaces", "status{phase}"),
    kind!(
        "v1",
        "Node",
        "nodes",
        "spec{unschedulable providerID podCIDR podCIDRs taints{key value effect}} status{addresses{type address} \
         conditions{type status reason} nodeInfo{bootID kernelVersion architecture kubeletVersion operatingSystem \
         osImage containerRuntimeVersion} capacity{*} allocatable{*}}"
    ),
    kind!(
        "apps/v1",
        "DaemonSet",
        "daemonsets",
        "spec{selector{**} updateStrategy{type rollingUpdate{*}} ",
        template!("command args "),
        "} status{currentNumberScheduled desiredNumberScheduled updatedNumberScheduled numberReady numberAvailable \
         numberMisscheduled numberUnavailable observedGeneration}"
    ),
    kind!(
        "apps/v1",
        "Deployment",
        "deployments",
        "spec{replicas selector{**} strategy{type rollingUpdate{*}} minReadySeconds paused ",
        template!(""),
        "} status{replicas updatedReplicas readyReplicas availableReplicas unavailableReplicas observedGeneration}"
    ),
    kind!(
        "apps/v1",
        "ReplicaSet",
        "replicasets",
        "spec{replicas selector{**} minReadySeconds ",
        template!(""),
        "} status{replicas fullyLabeledReplicas readyReplicas availableReplicas observedGeneration}"
    ),
    kind!(
        "apps/v1",
        "StatefulSet",
        "statefulsets",
        "spec{replicas selector{**} serviceName podManagementPolicy updateStrategy{type rollingUpdate{*}} \
         volumeClaimTemplates{metadata{name}} ",
        template!(""),
        "} status{replicas currentReplicas updatedReplicas readyReplicas availableReplicas currentRevision \
         updateRevision observedGeneration}"
    ),
    kind!(
        "batch/v1",
        "Job",
        "jobs",
        "spec{parallelism completions backoffLimit suspend selector{**} ",
        template!(""),
        "} status{active ready succeeded failed conditions{type status reason}}"
    ),
    kind!(
        "batch/v1",
        "CronJob",
        "cronjobs",
        "spec{schedule suspend concurrencyPolicy jobTemplate{spec{parallelism completions backoffLimit ",
        template!(""),
        "}}}"
    ),
    kind!(
        "v1",
        "Pod",
        "pods",
        "spec{",
        pod!(""),
        "} status{phase podIP podIPs{ip} hostIP startTime conditions{type status reason} containerStatuses{name ready \
         restartCount state{waiting{reason} terminated{reason exitCode}}} initContainerStatuses{name ready \
         restartCount state{waiting{reason} terminated{reason exitCode}}}}"
    ),
    kind!(
        "policy/v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "spec{selector{**} minAvailable maxUnavailable unhealthyPodEvictionPolicy} status{disruptionsAllowed \
         currentHealthy desiredHealthy expectedPods observedGeneration conditions{type status reason}}"
    ),
    kind!(
        "v1",
        "Service",
        "services",
        "spec{type clusterIP clusterIPs selector{*} externalIPs ports{name port protocol targetPort nodePort}} \
         status{loadBalancer{ingress{ip}}}"
    ),
    kind!(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "networkpolicies",
        "spec{podSelector{**} policyTypes ingress{from",
        peer!(),
        "egress{to",
        peer!(),
        "}"
    ),
    kind!("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", "spec{cidrs}"),
    kind!(
        "v1",
        "PersistentVolume",
        "persistentvolumes",
        "spec{accessModes storageClassName capacity{*} claimRef{namespace name uid} nodeAffinity{**} local{} hostPath{} \
         csi{} nfs{}} status{phase}"
    ),
    kind!(
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "spec{accessModes storageClassName volumeName resources{requests{*}}} status{phase}"
    ),
    kind!(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        "webhooks{name failurePolicy clientConfig{service{namespace name port}}}"
    ),
    kind!(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        "webhooks{name failurePolicy clientConfig{service{namespace name port}}}"
    ),
    kind!(
        "apiregistration.k8s.io/v1",
        "APIService",
        "apiservices",
        "spec{group version groupPriorityMinimum versionPriority service{namespace name port}} \
         status{conditions{type status}}"
    ),
];

/// Kinds of the group `cilium.io`, listed in the version that discovery names.
pub static CILIUM: [Kind; 3] = [
    kind!("cilium.io", "CiliumNodeConfig", "ciliumnodeconfigs", "spec{nodeSelector{**} defaults{*}}"),
    kind!(
        "cilium.io",
        "CiliumNode",
        "ciliumnodes",
        "spec{ipam{podCIDRs} addresses{type ip}} status{ipam{operator-status{error}}}"
    ),
    kind!(
        "cilium.io",
        "CiliumEndpoint",
        "ciliumendpoints",
        "status{networking{addressing{ipv4 ipv6} node} state}"
    ),
];

/// What is kept of a ConfigMap, of those that are read by name; of any other only that it is there.
pub fn config_map(name: &str) -> Keep {
    let data = match name {
        "kube-flannel-cfg" => "data{net-conf.json cni-conf.json}",
        "kube-proxy" => "data{config.conf}",
        "cilium-config" => "data{*}",
        name if is_of_the_journal(name) => "data{record}",
        _ => "",
    };
    Keep::parse(&format!("{}{data}", meta!()))
}

/// What is kept of an object that matters only for being there.
pub fn presence() -> Keep {
    Keep::parse(meta!())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_is_well_formed_and_names_no_secret() {
        for kind in KINDS.iter().chain(&CILIUM) {
            let text = format!("{:?}", *kind.keep);
            assert!(text.contains("ownerReferences"), "{}", kind.kind);
            // A brace too many would end the selection early, one too few would nest the rest.
            let object = json!({"metadata": {"name": "a", "x": 1}, "spec": {"x": 1}, "status": {"x": 1},
                "webhooks": [], "data": {"x": 1}, "x": 1});
            let kept = kind.keep.prune(object).to_string();
            assert!(!kept.contains("\"x\""), "{}: {kept}", kind.kind);
            assert_ne!(kind.kind, "Secret");
            let plain = text.replace("secret", "");
            assert!(
                !["env", "data", "Secret", "lastAppliedConfig"]
                    .iter()
                    .any(|word| plain.contains(&format!("\"{word}\""))),
                "{}",
                kind.kind
            );
        }
    }

    #[test]
    fn a_list_is_asked_where_the_api_server_has_it() {
        assert_eq!(KINDS[0].path(), "/api/v1/namespaces");
        assert_eq!(KINDS[2].path(), "/apis/apps/v1/daemonsets");
    }
}
