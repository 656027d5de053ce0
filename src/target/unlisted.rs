//! Values that charts take although their `values.yaml` does not list them: what templates ask for with `hasKey` or `with`.

use super::Minor;

/// In all minors; a minor that lists one after all does no harm.
const UNLISTED: &[&str] = &[
    "azure.clientID",
    "azure.clientSecret",
    "azure.resourceGroup",
    "azure.subscriptionID",
    "azure.tenantID",
    "azure.usePrimaryAddress",
    "azure.userAssignedIdentityID",
    "clusterHealthPort",
    "clustermesh.apiserver.metrics.serviceMonitor.namespace",
    "clustermesh.apiserver.tls.auto.schedule",
    "cni.configMap",
    "cni.externalRouting",
    "cni.readCniConf",
    "devices",
    "disableEnvoyVersionCheck",
    "disableIptablesFeederRules",
    "dnsPolicyUnloadOnShutdown",
    "dnsProxy.enableTransparentMode",
    "egressGateway.maxPolicyEntries",
    "egressMasqueradeInterfaces",
    "enableIdentityMark",
    "enableK8sEndpointSlice",
    "envoy.prometheus.serviceMonitor.namespace",
    "fragmentTracking",
    "global",
    "hostServices",
    "hubble.eventBufferCapacity",
    "hubble.eventQueueSize",
    "hubble.peerService.servicePort",
    "hubble.relay.prometheus.serviceMonitor.namespace",
    "hubble.relay.servicePort",
    "ipMasqAgent.config",
    "iptablesLockTimeout",
    "k8s.serviceProxyName",
    "kubeProxyReplacement",
    "l2announcements.leaseDuration",
    "l2announcements.leaseRenewDeadline",
    "l2announcements.leaseRetryPeriod",
    "labels",
    "loadBalancer.algorithm",
    "loadBalancer.dsrDispatch",
    "loadBalancer.mode",
    "loadBalancer.serviceTopology",
    "loadBalancer.standalone",
    "logOptions",
    "monitor.eventTypes",
    "monitor.resources",
    "nodePort.directRoutingDevice",
    "nodePort.range",
    "nodeinit.revertReconfigureKubelet",
    "operator.prometheus.serviceMonitor.namespace",
    "policyAuditMode",
    "prometheus.serviceMonitor.namespace",
    "sessionAffinity",
    "tls.caBundle.content",
];

/// The same, from a minor on.
const SINCE: &[(&str, Minor)] = &[
    ("loadBalancer.protocolDifferentiation", (1, 17)),
    ("hubble.export.fileCompress", (1, 18)),
    ("hubble.export.fileMaxBackups", (1, 18)),
    ("hubble.export.fileMaxSizeMb", (1, 18)),
    ("k8s.apiServerURLs", (1, 18)),
    ("l2podAnnouncements.interfacePattern", (1, 18)),
    ("nodeLabels", (1, 18)),
    ("hubble.export.aggregationInterval", (1, 19)),
    ("hubble.lostEventSendInterval", (1, 19)),
    ("nonIdempotentAnnotations", (1, 19)),
    ("clustermesh.disableKubernetesHostAliases", (1, 20)),
    ("loadBalancer.reflectorWaitTime", (1, 20)),
];

/// The unlisted values of a minor, as paths in the syntax of `--set`.
pub fn unlisted(minor: Minor) -> impl Iterator<Item = &'static str> {
    let newer = SINCE.iter().filter(move |(_, first)| *first <= minor).map(|(path, _)| *path);
    UNLISTED.iter().copied().chain(newer)
}
