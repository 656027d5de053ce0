//! The real kubectl and helm at the door of the embedded cluster.

use std::fs;

use super::{Run, Scenario};
use crate::{
    e2e::stage::{
        Case,
        Program::{Helm, Kubectl, Tool},
        Stage,
    },
    error::{Context as _, Error},
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "kubectl-on-sim",
    about: "the real kubectl and Helm 3 and 4 look at a cluster of `rehearse --serve`, drain, patch, apply and install \
            on it, without any real cluster",
    run: Run::OnStage(run),
};

/// Reads.
const LOOKS: &[Case<'_>] = &[
    ("get nodes -o name", 0, &["node/cp-1\n", "node/worker-1\n", "node/worker-3\n"]),
    ("get nodes -o wide", 0, &["NAME", "worker-1"]),
    ("get pods -A -o wide", 0, &["NAMESPACE", "NAME", "kube-flannel-ds-"]),
    ("get pods -n shop -l app=web -o name", 0, &["pod/web-"]),
    (
        "get pods -A --field-selector spec.nodeName=worker-1 -o name",
        0,
        &["pod/kube-flannel-ds-", "pod/kube-proxy-"],
    ),
    ("get pod db-0 -n shop -o yaml", 0, &["kind: Pod", "nodeName: worker-", "uid: "]),
    ("get all -n shop", 0, &["deployment.apps/web", "statefulset.apps/db", "pod/db-0", "service/"]),
    ("get pod nobody", 1, &["Error from server (NotFound): pods \"nobody\" not found"]),
    ("get nothings", 1, &["the server doesn't have a resource type \"nothings\""]),
    ("get --raw /readyz", 0, &["ok"]),
    ("get pods -n shop -o name --watch --request-timeout=2s", 0, &["pod/db-0"]),
    ("describe node worker-1", 0, &["Unschedulable:      false", "Kubelet Version:", "Non-terminated Pods:"]),
    (
        "describe pod -n shop db-0",
        0,
        &["Controlled By:  StatefulSet/db", "Ready             True", "Events:"],
    ),
    ("describe pdb -n shop web", 0, &["Allowed disruptions:", "Selector:"]),
    ("api-resources", 0, &["poddisruptionbudgets", "customresourcedefinitions", "Deployment"]),
    ("api-versions", 0, &["apps/v1", "policy/v1"]),
    ("version", 0, &["Server Version: v1."]),
    ("explain pod.spec.affinity", 0, &["nodeAffinity", "podAntiAffinity"]),
    ("auth can-i delete pods", 0, &["yes"]),
    ("auth can-i --list", 0, &["*.*", "[*]"]),
    ("get events -A", 0, &["No resources found"]),
    ("events -A", 0, &["No events found"]),
    ("get events.events.k8s.io -A", 0, &["No resources found"]),
    ("wait --for=condition=Ready node/worker-1 --timeout=10s", 0, &["node/worker-1 condition met"]),
    ("rollout status -n shop deploy/web --timeout=60s", 0, &["successfully rolled out"]),
];

/// What is not modelled says so.
const REFUSED: &[Case<'_>] = &[
    ("logs -n shop db-0", 1, &["(NotImplemented)", "does not model the subresource \"log\""]),
    ("port-forward -n shop db-0 :80", 1, &["does not model the subresource \"portforward\""]),
    ("create token default", 1, &["does not model the subresource \"token\""]),
    ("create deployment x --image=x", 1, &["reads Deployment as JSON only", "kubectl apply -f"]),
    ("top nodes", 1, &["Metrics API not available"]),
];

/// Writes to objects.
const WRITES: &[Case<'_>] = &[
    ("label node worker-1 tier=web", 0, &["node/worker-1 labeled"]),
    ("get nodes -l tier=web -o name", 0, &["node/worker-1"]),
    ("annotate node worker-1 note=seen", 0, &["node/worker-1 annotated"]),
    ("taint node worker-1 key=value:NoSchedule", 0, &["node/worker-1 tainted"]),
    ("taint node worker-1 key-", 0, &["node/worker-1 untainted"]),
    (r#"patch node worker-1 -p {"metadata":{"labels":{"tier":"strategic"}}}"#, 0, &["node/worker-1 patched"]),
    (
        r#"patch node worker-1 --type merge -p {"metadata":{"labels":{"tier":"merge"}}}"#,
        0,
        &["node/worker-1 patched"],
    ),
    ("get nodes -l tier=merge -o name", 0, &["node/worker-1"]),
    (
        r#"patch node worker-1 --type json -p [{"op":"test","path":"/metadata/labels/tier","value":"merge"},{"op":"remove","path":"/metadata/labels/tier"}]"#,
        0,
        &["node/worker-1 patched"],
    ),
    ("get nodes -l tier", 0, &["No resources found"]),
    ("create namespace lab", 0, &["namespace/lab created"]),
    ("create configmap typed -n lab --from-literal=a=b", 0, &["configmap/typed created"]),
    ("apply -f $FOLDER/limits.yaml", 0, &["configmap/limits created"]),
    ("apply -f $FOLDER/limits.yaml", 0, &["configmap/limits unchanged"]),
    ("apply -f $FOLDER/changed.yaml", 0, &["configmap/limits configured"]),
    ("get configmap limits -n lab -o yaml", 0, &["most: \"9\""]),
    ("apply -f $FOLDER/wrong.yaml", 1, &["strict decoding error: unknown field \"dat\""]),
    ("apply --server-side -f $FOLDER/own.yaml", 0, &["configmap/own serverside-applied"]),
    (
        "apply --server-side --field-manager=other -f $FOLDER/own-changed.yaml",
        1,
        &["Apply failed with 1 conflict: conflict with \"kubectl\"", ".data.most"],
    ),
    (
        "apply --server-side --field-manager=other --force-conflicts -f $FOLDER/own-changed.yaml",
        0,
        &["configmap/own serverside-applied"],
    ),
    ("delete -f $FOLDER/limits.yaml", 0, &["configmap \"limits\" deleted"]),
    ("delete namespace lab --timeout=30s", 0, &["namespace \"lab\" deleted"]),
    ("get configmap own -n lab", 1, &["(NotFound)"]),
    ("scale -n shop deploy/web --replicas=5", 0, &["deployment.apps/web scaled"]),
    ("rollout status -n shop deploy/web --timeout=120s", 0, &["successfully rolled out"]),
    ("delete pod db-0 -n shop --timeout=60s", 0, &["pod \"db-0\" deleted"]),
    ("wait --for=create pod/db-0 -n shop --timeout=60s", 0, &["pod/db-0 condition met"]),
    ("wait --for=condition=Ready pod/db-0 -n shop --timeout=90s", 0, &["pod/db-0 condition met"]),
];

/// A node is drained, first against a budget.
const DRAINS: &[Case<'_>] = &[
    ("cordon worker-1", 0, &["node/worker-1 cordoned"]),
    (
        "describe node worker-1",
        0,
        &["Unschedulable:      true", "node.kubernetes.io/unschedulable:NoSchedule"],
    ),
    (
        r#"patch pdb web -n shop --type merge -p {"spec":{"minAvailable":5,"maxUnavailable":null}}"#,
        0,
        &["poddisruptionbudget.policy/web patched"],
    ),
    (
        "wait pdb/web -n shop --for=jsonpath={.status.disruptionsAllowed}=0 --timeout=30s",
        0,
        &["condition met"],
    ),
    (
        "drain worker-1 --ignore-daemonsets --delete-emptydir-data --pod-selector=app=web --timeout=8s",
        1,
        &[
            "Cannot evict pod as it would violate the pod's disruption budget.",
            "unable to drain node \"worker-1\"",
        ],
    ),
    ("drain worker-1 --delete-emptydir-data", 1, &["cannot delete DaemonSet-managed Pods"]),
    (
        r#"patch pdb web -n shop --type merge -p {"spec":{"minAvailable":1}}"#,
        0,
        &["poddisruptionbudget.policy/web patched"],
    ),
    (
        "drain worker-1 --ignore-daemonsets --delete-emptydir-data --timeout=150s",
        0,
        &["evicting pod shop/web-", "node/worker-1 drained"],
    ),
    ("uncordon worker-1", 0, &["node/worker-1 uncordoned"]),
];

/// What both Helms see of a release.
const RELEASE: &[Case<'_>] = &[
    ("list -A", 0, &["cilium", "kube-system", "deployed", "cilium-1.19.6"]),
    ("status cilium -n kube-system", 0, &["STATUS: deployed", "REVISION: 1"]),
    ("get values cilium -n kube-system", 0, &["tunnelPort: 8473", "customConf: true"]),
    ("history cilium -n kube-system", 0, &["deployed", "cilium-1.19.6", "Install complete"]),
    ("status nothing", 1, &["release: not found"]),
];

fn run(stage: &mut Stage) -> Result<(), Error> {
    for (name, content) in [
        ("limits.yaml", config_map("limits", "data: {most: \"7\"}")),
        ("changed.yaml", config_map("limits", "data: {most: \"9\"}")),
        ("wrong.yaml", config_map("wrong", "dat: {most: \"9\"}")),
        ("own.yaml", config_map("own", "data: {most: \"7\"}")),
        ("own-changed.yaml", config_map("own", "data: {most: \"9\"}")),
    ] {
        let path = stage.folder.join(name);
        fs::write(&path, content).at("write", &path)?;
    }
    let shop = stage.serve(&["--sample", "shop"])?;
    for cases in [LOOKS, REFUSED, WRITES, DRAINS] {
        stage.assert(&shop, Kubectl, cases)?;
    }
    stage.assert(&shop, Helm(3), &[("list -A -o json", 0, &["[]"])])?;
    // The real chart by the real helm, then a snapshot of it, played by the stand-in.
    let install = format!("install --yes=sample-shop --probe-image x --chart {}", stage.chart());
    stage.assert(&shop, Tool, &[(&install, 0, &["agents ready on 4 nodes"])])?;
    stage.assert(&shop, Tool, &[("snapshot -o $FOLDER/begun.snapshot.gz", 0, &["objects"])])?;
    let file = stage.folder.join("begun.snapshot.gz").display().to_string();
    let begun = stage.serve(&["--from", &file])?;
    for cluster in [&shop, &begun] {
        for major in [3, 4] {
            stage.assert(cluster, Helm(major), RELEASE)?;
        }
    }
    stage.assert(&begun, Helm(4), &[("uninstall cilium -n kube-system", 0, &["uninstalled"])])?;
    stage.assert(&begun, Helm(3), &[("list -A -o json", 0, &["[]"])])?;
    stage.assert(&begun, Kubectl, &[("get ds cilium -n kube-system", 1, &["(NotFound)"])])
}

fn config_map(name: &str, content: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: lab}}\n{content}\n")
}
