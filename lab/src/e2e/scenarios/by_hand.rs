//! The migration as Cilium's guide tells it, with kubectl and helm and without the tool.
//!
//! It shows that the lab's own assertions can be met, and what they cost: whatever the tool does not reach here is the
//! tool's fault and not the lab's.

use std::time::Duration;

use super::{Run, Scenario};
use crate::{
    e2e::{exec, proof::all_classes, world::World},
    error::Error,
};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "by-hand",
    about: "the guide's steps with kubectl and helm reach the state that all other scenarios ask of the tool",
    run: Run::OnCluster(run),
};

const LAB_VALUES: &str = include_str!("../../../manifests-workload/values-lab.yaml");

/// Source: Documentation/installation/k8s-install-migration.rst of Cilium, and `operator.setNodeTaints=false`, without
/// which the operator taints every node whose agent is not Ready although the old CNI works.
const MIGRATION_VALUES: &str = "\
operator: {unmanagedPodWatcher: {restart: false}, setNodeTaints: false}
routingMode: tunnel
tunnelProtocol: vxlan
tunnelPort: 8473
cni: {customConf: true, uninstall: false}
ipam: {mode: cluster-pool, operator: {clusterPoolIPv4PodCIDRList: [10.245.0.0/16]}}
policyEnforcementMode: never
bpf: {hostLegacyRouting: true}
kubeProxyReplacement: \"false\"
";

const FINAL_VALUES: &str = "\
operator: {unmanagedPodWatcher: {restart: true}}
cni: {customConf: false}
policyEnforcementMode: default
";

const NODE_CONFIG: &str = "\
apiVersion: cilium.io/v2
kind: CiliumNodeConfig
metadata: {namespace: kube-system, name: cilium-default}
spec:
  nodeSelector: {matchLabels: {io.cilium.migration/cilium-default: \"true\"}}
  defaults:
    write-cni-conf-when-ready: /host/etc/cni/net.d/05-cilium.conflist
    custom-cni-conf: \"false\"
    cni-chaining-mode: none
    cni-exclusive: \"true\"
";

/// What Flannel leaves on a node, seen in the lab.
const CLEAN: &str = "\
ip link delete flannel.1; ip link delete cni0
rm -rf /run/flannel /var/lib/cni/flannel /var/lib/cni/networks/cbr0 /opt/cni/bin/flannel /etc/cni/net.d/*flannel*
for table in nat filter; do
  iptables-legacy -t $table -S | grep -i flannel | grep '^-A' | sed 's/^-A/-D/' | \
    while read -r rule; do echo \"$rule\" | xargs iptables-legacy -t $table; done
  iptables-legacy -t $table -S | grep -i '^-N FLANNEL' | while read -r _ chain; do iptables-legacy -t $table -X $chain; done
done
true
";

const ROLLOUT_LIMIT: Duration = Duration::from_secs(180);

fn run(world: &mut World) -> Result<(), Error> {
    let before = world.snapshot()?;
    helm(world, "install", &[MIGRATION_VALUES, LAB_VALUES])?;
    world.apply(NODE_CONFIG)?;
    for node in ["n2", "n3", "n1"] {
        migrate(world, node)?;
    }
    helm(world, "upgrade", &[MIGRATION_VALUES, LAB_VALUES, FINAL_VALUES])?;
    kubectl(world, &["rollout", "restart", "daemonset/cilium", "-n", "kube-system"])?;
    kubectl(world, &["rollout", "status", "daemonset/cilium", "-n", "kube-system"])?;
    kubectl(world, &["delete", "ciliumnodeconfig", "cilium-default", "-n", "kube-system"])?;
    remove_flannel(world)?;
    world.prove_migrated(&before)?;
    world.prove_no_loss(&all_classes())
}

fn migrate(world: &World, node: &str) -> Result<(), Error> {
    world.progress(&format!("migrating {node} by hand"));
    let on_node = format!("spec.nodeName={node}");
    let agent = ["-n", "kube-system", "-l", "k8s-app=cilium", "--field-selector", &on_node];
    kubectl(world, &["cordon", node])?;
    kubectl(world, &["drain", node, "--ignore-daemonsets", "--delete-emptydir-data"])?;
    kubectl(world, &["label", "node", node, "--overwrite", "io.cilium.migration/cilium-default=true"])?;
    kubectl(world, &[&["delete", "pod"], &agent[..]].concat())?;
    world.settle()?;
    for pod in world.snapshot()?.on_pod_network().filter(|pod| pod.node == node) {
        let (namespace, name) = pod.name.split_once('/').unwrap_or_default();
        kubectl(world, &["delete", "pod", "-n", namespace, name])?;
    }
    world.settle()?;
    kubectl(world, &["uncordon", node])
}

fn remove_flannel(world: &World) -> Result<(), Error> {
    kubectl(world, &["delete", "namespace", "kube-flannel"])?;
    kubectl(world, &["delete", "clusterrole,clusterrolebinding", "flannel"])?;
    for node in world.node_names() {
        let annotations = ["backend-data", "backend-type", "kube-subnet-manager", "public-ip"];
        let keys = annotations.map(|key| format!("flannel.alpha.coreos.com/{key}-"));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        kubectl(world, &[&["annotate", "node", node.as_str()], &keys[..]].concat())?;
        world.on_node(&node, "sh", &["-c", CLEAN])?;
    }
    Ok(())
}

fn kubectl(world: &World, arguments: &[&str]) -> Result<(), Error> {
    world.kubectl_with(arguments, "", ROLLOUT_LIMIT)?.success().map(drop)
}

/// Runs helm with value files of that content, the last one winning, and waits until all it made is Ready.
fn helm(world: &World, verb: &str, values: &[&str]) -> Result<(), Error> {
    world.progress(&format!("helm {verb} by hand"));
    let mut command = world.cluster.client_command(world.cluster.helm(3));
    command.args([verb, "cilium"]).arg(world.cluster.chart()).args([
        "-n",
        "kube-system",
        "--wait",
        "--timeout=3m",
    ]);
    for (index, content) in values.iter().enumerate() {
        let path = world.folder.join(format!("values-{verb}-{index}.yaml"));
        std::fs::write(&path, content).map_err(|source| Error::Io {
            action: "write",
            path: path.clone(),
            source,
        })?;
        command.arg("-f").arg(path);
    }
    exec::run(&mut command, "", world.deadline(ROLLOUT_LIMIT))?.success().map(drop)
}
