//! A migration by hand on the embedded cluster, over HTTP: what the tool will do, and what a node shows of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::sim::{Door, Sim, Workload};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use kube::api::{Api, AttachParams, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

const LIMIT: Duration = Duration::from_secs(20);
const NODE: &str = "worker-1";

struct Cluster {
    sim: Sim,
    _door: Door,
    client: Client,
}

async fn cluster() -> Cluster {
    let workloads = [
        Workload::deployment("shop", "web", 4).min_available(3).service(8080),
        Workload::daemon_set("shop", "node-local").service(9000),
    ];
    let sim = Sim::builder().nodes(3).flannel_vxlan().workloads(workloads).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let door = sim.serve().await.unwrap();
    let file = Kubeconfig::read_from(door.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    Cluster { sim, _door: door, client: Client::try_from(config).unwrap() }
}

fn pod_ips(sim: &Sim, node: &str) -> Vec<String> {
    let pods = sim.pods_on(node).into_iter().filter(|p| p["spec"]["hostNetwork"] != true);
    pods.map(|p| p["status"]["podIP"].as_str().unwrap_or_default().to_owned()).collect()
}

impl Cluster {
    async fn install(&self, values: Value) {
        let order = json!({"name": "cilium", "namespace": "kube-system", "version": "1.19.6", "action": "install",
            "values": values});
        let request = http::Request::post("/sim/helm/releases").body(order.to_string().into_bytes()).unwrap();
        self.client.request::<Value>(request).await.unwrap();
        self.sim.settled(LIMIT).await.unwrap();
    }

    async fn node_config(&self) {
        let path = "/apis/cilium.io/v2/namespaces/kube-system/ciliumnodeconfigs";
        let config = json!({"apiVersion": "cilium.io/v2", "kind": "CiliumNodeConfig", "metadata": {"name": "cilium-default"},
            "spec": {"nodeSelector": {"matchLabels": {"io.cilium.migration/cilium-default": "true"}},
                "defaults": {"write-cni-conf-when-ready": "/host/etc/cni/net.d/05-cilium.conflist",
                    "custom-cni-conf": "false", "cni-chaining-mode": "none", "cni-exclusive": "true"}}});
        let request = http::Request::post(path).body(config.to_string().into_bytes()).unwrap();
        self.client.request::<Value>(request).await.unwrap();
    }

    /// Evicts what is no DaemonSet's and on the pod network, again where a budget refuses.
    async fn drain(&self) {
        let fields = ListParams::default().fields(&format!("spec.nodeName={NODE}"));
        let all: Api<Pod> = Api::all(self.client.clone());
        for pod in all.list(&fields).await.unwrap() {
            let owner = pod.metadata.owner_references.as_ref().and_then(|o| o.first());
            if owner.is_some_and(|o| o.kind == "DaemonSet") {
                continue;
            }
            let (namespace, name) =
                (pod.metadata.namespace.clone().unwrap(), pod.metadata.name.clone().unwrap());
            let pods: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
            let eviction = Eviction { metadata: pod.metadata.clone(), ..Eviction::default() };
            while let Err(error) = pods
                .create_subresource::<_, Value>("eviction", &name, &PostParams::default(), &eviction)
                .await
            {
                assert!(error.to_string().contains("disruption budget"), "{error}");
                tokio::task::yield_now().await;
            }
        }
    }

    async fn agent(&self) -> Pod {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "kube-system");
        let wanted = ListParams::default().labels("k8s-app=cilium").fields(&format!("spec.nodeName={NODE}"));
        pods.list(&wanted).await.unwrap().items.remove(0)
    }

    async fn exec(&self, argv: &[&str]) -> (String, Option<String>) {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "kube-system");
        let agent = self.agent().await.metadata.name.unwrap();
        let params = AttachParams::default().container("cilium-agent").stdin(false).stdout(true).stderr(true);
        let mut process = pods.exec(&agent, argv.iter().copied(), &params).await.unwrap();
        let (status, mut out) = (process.take_status().unwrap(), String::new());
        process.stdout().unwrap().read_to_string(&mut out).await.unwrap();
        let status = status.await.unwrap();
        let code = status.details.and_then(|d| d.causes).and_then(|c| c[0].message.clone());
        (out, code)
    }

    async fn switch(&self) {
        let nodes: Api<Node> = Api::all(self.client.clone());
        nodes.cordon(NODE).await.unwrap();
        self.drain().await;
        self.sim.until("a drained node", LIMIT, |sim| pod_ips(sim, NODE).len() == 1).await.unwrap();
        let label = json!({"metadata": {"labels": {"io.cilium.migration/cilium-default": "true"}}});
        nodes.patch(NODE, &PatchParams::default(), &Patch::Merge(label)).await.unwrap();
        let agent = self.agent().await;
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "kube-system");
        pods.delete(&agent.metadata.name.unwrap(), &DeleteParams::default()).await.unwrap();
        let is_switched = |sim: &Sim| sim.files(NODE, "/etc/cni/net.d/05-cilium.conflist").len() == 1;
        self.sim.until("the switch", LIMIT, is_switched).await.unwrap();
        self.sim.settled(LIMIT).await.unwrap();
    }
}

fn migration_values() -> Value {
    json!({
        "cni": {"customConf": true}, "tunnelPort": 8473, "policyEnforcementMode": "never",
        "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.245.0.0/16"]}},
        "operator": {"setNodeTaints": false, "unmanagedPodWatcher": {"restart": false}},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_moved_and_its_neighbours_are_not() {
    let cluster = cluster().await;
    let sim = &cluster.sim;
    assert!(pod_ips(sim, NODE).iter().all(|ip| ip.starts_with("10.244.1.")));
    let node = sim.get("v1", "Node", "", NODE).unwrap();
    assert_eq!(node["metadata"]["annotations"]["flannel.alpha.coreos.com/backend-type"], "vxlan");
    let before = pod_ips(sim, NODE);
    cluster.install(migration_values()).await;
    cluster.node_config().await;
    assert_eq!(pod_ips(sim, NODE), before, "an installation moves nothing");
    assert_eq!(sim.list("cilium.io/v2", "CiliumNode").len(), 3);
    cluster.switch().await;
    assert_eq!(
        sim.files(NODE, "/etc/cni/net.d"),
        ["/etc/cni/net.d/05-cilium.conflist", "/etc/cni/net.d/10-flannel.conflist.cilium_bak"]
    );
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    nodes.uncordon(NODE).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), "shop");
    let daemon =
        sim.pods_on(NODE).into_iter().find(|p| p["metadata"]["labels"]["app"] == "node-local").unwrap();
    pods.delete(daemon["metadata"]["name"].as_str().unwrap(), &DeleteParams::default()).await.unwrap();
    let has_moved = |sim: &Sim| pod_ips(sim, NODE).iter().all(|ip| ip.starts_with("10.245."));
    sim.until("new addresses", LIMIT, has_moved).await.unwrap();
    sim.settled(LIMIT).await.unwrap();
    assert!(pod_ips(sim, "worker-2").iter().all(|ip| ip.starts_with("10.244.2.")));
    let moved =
        sim.pods_on(NODE).into_iter().find(|p| p["metadata"]["labels"]["app"] == "node-local").unwrap();
    let name = moved["metadata"]["name"].as_str().unwrap();
    let endpoint = sim.get("cilium.io/v2", "CiliumEndpoint", "shop", name).unwrap();
    assert_eq!(endpoint["metadata"]["ownerReferences"][0]["uid"], moved["metadata"]["uid"]);
    assert_eq!(endpoint["status"]["networking"]["addressing"][0]["ipv4"], moved["status"]["podIP"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_in_the_agent_see_and_change_the_node() {
    let cluster = cluster().await;
    cluster.install(migration_values()).await;
    cluster.node_config().await;
    assert_eq!(cluster.exec(&["ls", "-1", "/host/etc/cni/net.d"]).await.0, "10-flannel.conflist\n");
    assert_eq!(cluster.exec(&["cat", "/tmp/cilium/config-map/custom-cni-conf"]).await.0, "true");
    cluster.switch().await;
    assert_eq!(cluster.exec(&["cat", "/tmp/cilium/config-map/custom-cni-conf"]).await.0, "false");
    let (rules, _) = cluster.exec(&["iptables-legacy-save"]).await;
    assert!(rules.contains("-A POSTROUTING -m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG\n"));
    for chain in ["FLANNEL-FWD"] {
        let jump = ["-m", "comment", "--comment", "flanneld forward", "-j", chain];
        let delete = [&["iptables-legacy", "-t", "filter", "-D", "FORWARD"][..], &jump].concat();
        for argv in [&delete[..], &["iptables-legacy", "-F", chain], &["iptables-legacy", "-X", chain]] {
            assert_eq!(cluster.exec(argv).await.1, None, "{argv:?}");
        }
    }
    let (links, _) = cluster.exec(&["ip", "-j", "link", "show"]).await;
    assert!(links.contains("\"flannel.1\"") && links.contains("\"cilium_vxlan\""));
    assert_eq!(cluster.exec(&["ip", "link", "delete", "flannel.1"]).await.1, None);
    assert!(!cluster.sim.links(NODE).contains(&"flannel.1".to_owned()));
    assert_eq!(cluster.exec(&["reboot"]).await.1.as_deref(), Some("127"));
}

fn helper(name: &str, node: &str, args: &Value, more: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"nodeName": node, "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "c", "image": "tool:1", "args": args}]}});
    for (key, value) in more.as_object().unwrap() {
        pod["spec"][key] = value.clone();
    }
    pod
}

fn message(sim: &Sim, name: &str) -> Option<String> {
    let pod = sim.get("v1", "Pod", "kube-system", name)?;
    let state = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    (!state.is_null()).then(|| state["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_reboot_gives_pods_new_addresses_under_their_old_names() {
    let sim = Sim::builder().workloads([Workload::daemon_set("shop", "node-local")]).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let node = |sim: &Sim| sim.get("v1", "Node", "", NODE).unwrap();
    let daemon = |sim: &Sim| {
        sim.pods_on(NODE).into_iter().find(|p| p["metadata"]["labels"]["app"] == "node-local").unwrap()
    };
    let (before, pod) = (node(&sim)["status"]["nodeInfo"]["bootID"].clone(), daemon(&sim));
    let args = json!(["agent", "reboot", "--boot-id", before]);
    sim.create(&helper("reboot", NODE, &args, &json!({"hostPID": true}))).unwrap();
    let is_down = |sim: &Sim| {
        node(sim)["status"]["conditions"][1]["status"] == "Unknown"
            || node(sim)["status"]["nodeInfo"]["bootID"] != before
    };
    sim.until("a reboot", LIMIT, is_down).await.unwrap();
    let is_back = |sim: &Sim| node(sim)["status"]["nodeInfo"]["bootID"] != before;
    sim.until("a new boot", LIMIT, is_back).await.unwrap();
    sim.settled(LIMIT).await.unwrap();
    let after = daemon(&sim);
    assert_eq!(after["metadata"]["uid"], pod["metadata"]["uid"]);
    assert_ne!(after["status"]["podIP"], pod["status"]["podIP"]);
    assert_eq!(after["status"]["containerStatuses"][0]["restartCount"], 1);
    assert_eq!(sim.get("v1", "Pod", "kube-system", "reboot").unwrap()["status"]["phase"], "Failed");
}

#[tokio::test(start_paused = true)]
async fn probes_find_what_is_cut() {
    let sim = Sim::builder().workloads([Workload::daemon_set("shop", "web").service(8080)]).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let target = pod_ips(&sim, "worker-2").remove(0);
    let service =
        sim.get("v1", "Service", "shop", "web").unwrap()["spec"]["clusterIP"].as_str().unwrap().to_owned();
    let spec = json!({"attempts": 3, "intervalMs": 100, "targets": [
        {"id": "pod", "kind": "tcp", "address": format!("{target}:8080")},
        {"id": "service", "kind": "tcp", "address": format!("{service}:8080")},
        {"id": "closed", "kind": "tcp", "address": format!("{target}:1")},
        {"id": "dns", "kind": "dns", "name": "kubernetes.default.svc.cluster.local"},
        {"id": "api", "kind": "tcp", "address": "10.96.0.1:443"}]});
    let probe = async |name: &str| -> Vec<(String, u64, u64)> {
        let args = json!(["agent", "probe", "--spec", spec.to_string()]);
        sim.create(&helper(name, NODE, &args, &json!({}))).unwrap();
        sim.until("a result", LIMIT, |sim| message(sim, name).is_some()).await.unwrap();
        let results: Value = serde_json::from_str(&message(&sim, name).unwrap()).unwrap();
        let one = |r: &Value| {
            (
                r["id"].as_str().unwrap().to_owned(),
                r["ok"].as_u64().unwrap(),
                r["longestGapMs"].as_u64().unwrap(),
            )
        };
        results["results"].as_array().unwrap().iter().map(one).collect()
    };
    let expected = |id: &str, ok: u64| (id.to_owned(), ok, 300 - 100 * ok);
    let all =
        ["pod", "service", "closed", "dns", "api"].map(|id| expected(id, if id == "closed" { 0 } else { 3 }));
    assert_eq!(probe("before").await, all);
    sim.cut(NODE, "worker-2", true);
    assert_eq!(probe("after").await[0], expected("pod", 0));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_removes_what_it_is_told() {
    let sim = Sim::builder().workloads([Workload::daemon_set("shop", "web")]).build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    let args = json!([
        "agent",
        "sweep",
        "--path",
        "/run/flannel/subnet.env",
        "--path",
        "/var/lib/cni/flannel",
        "--path",
        "/none"
    ]);
    sim.create(&helper("sweep", NODE, &args, &json!({}))).unwrap();
    sim.until("a sweep", LIMIT, |sim| message(sim, "sweep").is_some()).await.unwrap();
    assert_eq!(message(&sim, "sweep").unwrap(), "/run/flannel/subnet.env\n/var/lib/cni/flannel\n");
    assert!(sim.files(NODE, "/run/flannel").is_empty());
    assert_eq!(sim.files("worker-2", "/run/flannel").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pod_whose_image_is_lost_waits_for_it() {
    let sim = Sim::builder().build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    sim.lose_image("tool", true);
    sim.create(&helper("probe", NODE, &json!(["agent", "serve", "--name", NODE]), &json!({}))).unwrap();
    let state = |sim: &Sim| sim.get("v1", "Pod", "kube-system", "probe").unwrap()["status"].clone();
    let waits =
        |sim: &Sim| state(sim)["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff";
    sim.until("a pull that fails", LIMIT, waits).await.unwrap();
    sim.lose_image("tool", false);
    sim.until("a start", LIMIT, |sim| state(sim)["phase"] == "Running").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_without_cni_configuration_is_not_ready() {
    let sim = Sim::builder().build().unwrap();
    sim.settled(LIMIT).await.unwrap();
    sim.delete("apps/v1", "DaemonSet", "kube-flannel", "kube-flannel-ds").unwrap();
    let args = json!(["agent", "sweep", "--path", "/etc/cni/net.d/10-flannel.conflist"]);
    sim.create(&helper("sweep", NODE, &args, &json!({"hostNetwork": true}))).unwrap();
    let is_tainted = |sim: &Sim| {
        let node = sim.get("v1", "Node", "", NODE).unwrap();
        node["spec"]["taints"]
            .as_array()
            .is_some_and(|t| t.iter().any(|t| t["key"] == "node.kubernetes.io/not-ready"))
    };
    sim.until("a node that is not ready", LIMIT, is_tainted).await.unwrap();
}
