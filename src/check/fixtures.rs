//! Builders for tests: a healthy cluster with Flannel, and what to change to make it unhealthy.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeMap;

use clap::ValueEnum;

use super::{ChartAnswer, Check, Facts, Finding, Task, needed_rights};
use crate::model::{
    ApiService, Budget, Cluster, Condition, ConfigData, DaemonSet, Intent, NetworkPolicy, Node, NodeId,
    ObjectRef, OverlayPort, Owner, Phase, Pod, Read, RebootMode, Rollout, Selector, Service, ServiceRef,
    Shared, Snapshot, Webhook,
};
use crate::source::{SOURCES, detect};

/// Everything that a check may know, owned.
pub(crate) struct Case {
    pub(crate) snapshot: Snapshot,
    pub(crate) intent: Intent,
    pub(crate) rights: Read<Vec<super::Right>>,
    pub(crate) helm: Read<Option<String>>,
    pub(crate) chart: Read<ChartAnswer>,
    pub(crate) ours: bool,
}

impl Case {
    /// Every check passes on it.
    pub(crate) fn healthy() -> Self {
        let (snapshot, intent) = (flannel(), intent());
        let rights = Read::Known(needed_rights(
            Task::value_variants(),
            &intent.namespace,
            &SOURCES[0].inventory(&snapshot),
        ));
        let helm = Read::Known(Some("v3.18.0+gcc58e3f".to_owned()));
        let chart = chart(Ok("1.19.6"));
        Self { snapshot, intent, rights, helm, chart, ours: false }
    }

    /// The rights of the healthy case, changed.
    pub(crate) fn change_rights(&mut self, change: impl FnOnce(&mut Vec<super::Right>)) {
        if let Read::Known(rights) = &mut self.rights {
            change(rights);
        }
    }

    pub(crate) fn run(&self, check: &dyn Check) -> Vec<Finding> {
        let detection = detect(&self.snapshot);
        check.run(&Facts {
            snapshot: &self.snapshot,
            detection: &detection,
            intent: &self.intent,
            rights: self.rights.clone(),
            helm: self.helm.clone(),
            chart: self.chart.clone(),
            ours: self.ours,
        })
    }
}

/// What helm says of the chart: its version, or why there is none.
pub(crate) fn chart(version: Result<&str, &str>) -> Read<ChartAnswer> {
    let version = version.map(str::to_owned).map_err(str::to_owned);
    Read::Known(ChartAnswer { chart: "cilium of https://helm.cilium.io".to_owned(), version })
}

pub(crate) fn intent() -> Intent {
    Intent {
        cilium_version: "1.19.6".to_owned(),
        namespace: "kube-system".to_owned(),
        release: "cilium".to_owned(),
        pod_cidr: "10.245.0.0/16".parse().unwrap(),
        mask_size: 24,
        overlay: OverlayPort { protocol: "vxlan".to_owned(), port: 8473 },
        reboot: RebootMode::Never,
        features: crate::model::Features::default(),
    }
}

pub(crate) fn map(pairs: &[(&str, &str)]) -> BTreeMap<Shared, Shared> {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

pub(crate) fn node(index: u32) -> Node {
    Node {
        name: format!("node-{index}").into(),
        uid: format!("node-uid-{index}").into(),
        unschedulable: false,
        labels: BTreeMap::new(),
        annotations: map(&[("flannel.alpha.coreos.com/backend-type", "vxlan")]),
        pod_cidrs: vec![format!("10.244.{index}.0/24").parse().unwrap()],
        internal_ips: vec![format!("192.168.1.{index}").parse().unwrap()],
        external_ips: Vec::new(),
        provider: "".into(),
        taints: Vec::new(),
        conditions: vec![Condition {
            kind: "Ready".into(),
            status: "True".into(),
            reason: "KubeletReady".into(),
        }],
        boot_id: "boot".into(),
        kernel: "6.8.0-45-generic".into(),
        architecture: "amd64".into(),
        kubelet_version: "v1.34.2".into(),
        os: "linux".into(),
        os_image: "Ubuntu 24.04 LTS".into(),
        max_pods: 110,
    }
}

/// A running, ready pod of a ReplicaSet on node `index`, with an address of Flannel.
pub(crate) fn pod(namespace: &str, name: &str, index: u32) -> Pod {
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        uid: format!("uid-{name}").into(),
        node: Some(NodeId(index)),
        host_network: false,
        phase: Phase::Running,
        ready: true,
        ips: vec![format!("10.244.{index}.7").parse().unwrap()],
        deleting: false,
        deletion_timestamp: None,
        grace_seconds: 30,
        owner: Some(owner("ReplicaSet", "web-6d4b")),
        labels: map(&[("app", "web")]).into(),
        mirror: false,
        empty_dir: false,
        host_ports: Vec::new(),
        tolerates_all: false,
        pinned: false,
        claims: Box::default(),
        restarts: 0,
        waiting: None,
        message: None,
    }
}

pub(crate) fn owner(kind: &str, name: &str) -> Owner {
    Owner { kind: kind.into(), name: name.into(), uid: format!("uid-{name}").into() }
}

pub(crate) fn daemon_set(namespace: &str, name: &str, image: &str) -> DaemonSet {
    DaemonSet {
        namespace: namespace.into(),
        name: name.into(),
        uid: format!("uid-{name}").into(),
        labels: BTreeMap::new(),
        images: vec![image.into()],
        args: Vec::new(),
        helm_release: None,
        rollout: Rollout { desired: 3, updated: 3, ready: 3, observed: true, rolls: true },
    }
}

pub(crate) fn config(namespace: &str, net_conf: &str) -> ConfigData {
    let data = BTreeMap::from([("net-conf.json".to_owned(), net_conf.to_owned())]);
    ConfigData { namespace: namespace.into(), name: "kube-flannel-cfg".into(), data }
}

/// A budget over the pods labelled `app=web`, with room for one.
pub(crate) fn budget(namespace: &str, name: &str) -> Budget {
    let selector = Selector { labels: map(&[("app", "web")]), expressions: Vec::new() };
    Budget {
        namespace: namespace.into(),
        name: name.into(),
        selector: Some(selector),
        disruptions_allowed: 1,
        current_healthy: 3,
        desired_healthy: 2,
        expected_pods: 3,
        observed: true,
        always_evict_unhealthy: false,
    }
}

/// Objects as the observer finds them: those of the candidates in `namespace` or none, with UIDs.
pub(crate) fn objects(namespace: &str) -> Vec<ObjectRef> {
    let candidates = SOURCES.iter().flat_map(|source| source.candidates());
    let there = |o: &ObjectRef| {
        o.kind != "PodSecurityPolicy" && o.namespace.as_deref().is_none_or(|n| n == namespace)
    };
    let mut all: Vec<_> =
        candidates.filter(there).map(|o| ObjectRef { uid: format!("uid-{}", o.kind), ..o }).collect();
    all.sort();
    all
}

/// Three nodes of kubeadm with Flannel as its manifest has it since v0.19, a web application with a budget, and DNS.
pub(crate) fn flannel() -> Snapshot {
    let dns = |index| Pod {
        labels: map(&[("k8s-app", "kube-dns")]).into(),
        ..pod("kube-system", &format!("dns-{index}"), index)
    };
    let web = |index| pod("shop", &format!("web-{index}"), index);
    let proxy = |index| Pod {
        labels: map(&[("k8s-app", "kube-proxy")]).into(),
        host_network: true,
        owner: Some(owner("DaemonSet", "kube-proxy")),
        ..pod("kube-system", &format!("kube-proxy-{index}"), index)
    };
    let plane = |index| Node { labels: map(&[("node-role.kubernetes.io/control-plane", "")]), ..node(index) };
    let kubeadm = ConfigData { name: "kubeadm-config".into(), ..config("kube-system", "") };
    let cluster = Cluster {
        uid: "cluster".to_owned(),
        name: "prod".to_owned(),
        version: "v1.34.2".to_owned(),
        minor: (1, 34),
    };
    Snapshot {
        nodes: (0..3).map(plane).collect(),
        pods: (0..3).map(web).chain((0..3).map(proxy)).chain((0..2).map(dns)).collect(),
        budgets: vec![budget("shop", "web")],
        daemon_sets: vec![daemon_set(
            "kube-flannel",
            "kube-flannel-ds",
            "ghcr.io/flannel-io/flannel:v0.28.9",
        )],
        configs: vec![
            config("kube-flannel", r#"{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}"#),
            kubeadm,
        ],
        service_cidrs: Read::Known(vec!["10.96.0.0/12".parse().unwrap()]),
        release: Read::Known(None),
        objects: objects("kube-flannel"),
        ..Snapshot::empty(cluster)
    }
}

/// A Service in front of the pods labelled `app=web`.
pub(crate) fn service(namespace: &str, name: &str) -> Service {
    Service {
        namespace: namespace.into(),
        name: name.into(),
        selector: map(&[("app", "web")]),
        external_ips: Vec::new(),
    }
}

/// A webhook that must answer, served by a Service of the same name.
pub(crate) fn webhook(namespace: &str, name: &str) -> Webhook {
    let service = ServiceRef { namespace: namespace.into(), name: name.into() };
    Webhook {
        configuration: name.into(),
        name: format!("{name}.example.io").into(),
        service,
        fail_closed: true,
    }
}

/// An aggregated API that is available, served by a Service of the same name.
pub(crate) fn api_service(namespace: &str, name: &str) -> ApiService {
    let service = ServiceRef { namespace: namespace.into(), name: name.into() };
    ApiService { name: format!("v1.{name}").into(), service, available: true }
}

/// A NetworkPolicy over the pods labelled `app=web`, with those ranges.
pub(crate) fn network_policy(namespace: &str, name: &str, blocks: &[&str]) -> NetworkPolicy {
    let selector = Selector { labels: map(&[("app", "web")]), expressions: Vec::new() };
    NetworkPolicy {
        namespace: namespace.into(),
        name: name.into(),
        selector: Some(selector),
        blocks: blocks.iter().map(|block| block.parse().unwrap()).collect(),
    }
}
