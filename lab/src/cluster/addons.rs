//! What runs on top of the bare cluster: the source CNI, kube-proxy and CoreDNS, as their projects ship them.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::time::Duration;

use super::namespace::inside;
use super::{Backend, Cluster, Source, layout};
use crate::error::{Context, Error};
use crate::process;
use crate::ui::Ui;

const FLANNEL: &str = include_str!("../../manifests/flannel.yaml");
const KUBE_PROXY: &str = include_str!("../../manifests/kube-proxy.yaml");
const COREDNS: &str = include_str!("../../manifests/coredns.yaml");
/// Placeholder in the Flannel manifest.
const BACKEND: &str = "${BACKEND}";
/// Everything is ready in well under a minute; a machine busy with a build gets more.
const READY_DEADLINE: Duration = Duration::from_mins(4);
/// One try of a check.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Brings everything up in the order in which it is needed; safe to repeat.
pub(crate) fn install(cluster: &Cluster, ui: &Ui) -> Result<(), Error> {
    ui.step("nodes register", || registered(cluster))?;
    let label = ["label", "--overwrite", "nodes", "n1", "node-role.kubernetes.io/control-plane="];
    process::output(cluster.client_command("kubectl").args(label))?;
    apply(cluster, "kube-proxy.yaml", KUBE_PROXY)?;
    // Flannel would wait 30 s for its first answer if it started before the API's Service worked.
    ui.step("Services work on every node", || each_node(cluster, api_answers))?;
    if cluster.options.source == Source::None {
        return apply(cluster, "coredns.yaml", COREDNS);
    }
    apply(cluster, "flannel.yaml", &flannel(cluster.options.backend))?;
    ui.step("nodes are Ready", || nodes_ready(cluster))?;
    ui.step("Flannel has leased subnets", || subnets_leased(cluster))?;
    // Only now: the replicas find more than one node to spread over, and their first start does not fail.
    apply(cluster, "coredns.yaml", COREDNS)?;
    ui.step("Flannel is ready", || rollout(cluster, "kube-flannel", "daemonset/kube-flannel-ds"))?;
    ui.step("CoreDNS is ready", || rollout(cluster, "kube-system", "deployment/coredns"))?;
    ui.step("names resolve on every node", || {
        each_node(cluster, || lookup("kubernetes.default.svc.cluster.local"))
    })
}

fn flannel(backend: Backend) -> String {
    FLANNEL.replace(BACKEND, backend.name())
}

fn apply(cluster: &Cluster, name: &str, manifest: &str) -> Result<(), Error> {
    let file = cluster.layout.file(name);
    fs::write(&file, manifest).at("write", &file)?;
    process::output(cluster.client_command("kubectl").args(["apply", "-f"]).arg(&file)).map(drop)
}

fn registered(cluster: &Cluster) -> Result<(), Error> {
    let hint = format!("see the logs of the kubelets in {}", cluster.logs_dir().display());
    process::wait_until(READY_DEADLINE, &hint, || {
        let listed = process::text(cluster.client_command("kubectl").args(["get", "nodes", "-o", "name"]));
        let listed = listed.map_err(|error| error.to_string())?;
        let absent = cluster
            .nodes()
            .into_iter()
            .find(|node| !listed.lines().any(|line| line == format!("node/{}", node.name)));
        absent.map_or(Ok(()), |node| Err(format!("node {} has not registered", node.name)))
    })
}

fn rollout(cluster: &Cluster, namespace: &str, object: &str) -> Result<(), Error> {
    let timeout = format!("--timeout={}s", READY_DEADLINE.as_secs());
    let status = ["--namespace", namespace, "rollout", "status", &timeout, object];
    process::output(cluster.client_command("kubectl").args(status)).map(drop)
}

fn nodes_ready(cluster: &Cluster) -> Result<(), Error> {
    let timeout = format!("--timeout={}s", READY_DEADLINE.as_secs());
    let wait = ["wait", "--for=condition=Ready", "nodes", "--all", &timeout];
    process::output(cluster.client_command("kubectl").args(wait)).map(drop)
}

/// Flannel's CNI plugin fails until flanneld has written this file, seconds after the node is Ready.
fn subnets_leased(cluster: &Cluster) -> Result<(), Error> {
    let hint = "see `kubectl -n kube-flannel logs -l app=flannel`";
    process::wait_until(READY_DEADLINE, hint, || {
        let nodes = cluster.nodes();
        let without = nodes.iter().find(|node| !node.dir.join("run/flannel/subnet.env").is_file());
        without.map_or(Ok(()), |node| Err(format!("node {} has no Flannel subnet", node.name)))
    })
}

/// Repeats a check in the network namespace of every node until it succeeds there.
fn each_node(cluster: &Cluster, check: impl Fn() -> io::Result<()> + Sync) -> Result<(), Error> {
    cluster.nodes().iter().try_for_each(|node| {
        let hint = format!("see the logs in {}", cluster.logs_dir().display());
        process::wait_until(READY_DEADLINE, &hint, || {
            let netns = cluster.layout.netns_path(&node.name);
            let answer = inside(&netns, None, &check).map_err(|error| error.to_string())?;
            answer.map_err(|error| format!("node {} gets no answer: {error}", node.name))
        })
    })
}

/// kube-proxy has written its rules if the API server answers under its ClusterIP.
fn api_answers() -> io::Result<()> {
    let address: Ipv4Addr = layout::API_SERVICE.parse().map_err(io::Error::other)?;
    TcpStream::connect_timeout(&(address, 443).into(), ANSWER_TIMEOUT).map(drop)
}

/// Asks the DNS Service: kube-proxy's rules, the source CNI and CoreDNS must all work for an answer.
fn lookup(name: &str) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    socket.send_to(&query(name), (layout::DNS_SERVICE, 53))?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    if is_success(&answer[..length]) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("no address for {name}")))
}

/// A standard query for the IPv4 address of a name (RFC 1035, section 4.1).
fn query(name: &str) -> Vec<u8> {
    let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or(0));
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// Response code 0 and at least one answer.
fn is_success(message: &[u8]) -> bool {
    matches!(message, [_, _, _, flags, _, _, high, low, ..] if flags % 16 == 0 && (*high, *low) != (0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backend_is_filled_in_and_nothing_is_left_open() {
        for (backend, kind) in [(Backend::Vxlan, "vxlan"), (Backend::HostGw, "host-gw")] {
            let text = flannel(backend);
            assert!(text.contains(&format!("\"Type\": \"{kind}\"")) && !text.contains("${"));
        }
    }

    #[test]
    fn addresses_in_the_manifests_are_those_of_the_cluster() {
        assert!(FLANNEL.contains(layout::POD_CIDR) && KUBE_PROXY.contains(layout::POD_CIDR));
        assert!(KUBE_PROXY.contains(&format!("https://{}:6443", layout::CONTROL_PLANE)));
        assert!(COREDNS.contains(&format!("clusterIP: {}", layout::DNS_SERVICE)));
    }

    #[test]
    fn a_query_has_one_question_and_an_answer_needs_an_address() {
        assert_eq!(query("a.bc")[12..], [1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1]);
        assert!(is_success(&[0, 1, 0x81, 0x80, 0, 1, 0, 1]));
        assert!(!is_success(&[0, 1, 0x81, 0x83, 0, 1, 0, 1]), "the name does not exist");
        assert!(!is_success(&[0, 1, 0x81, 0x80, 0, 1, 0, 0]), "no address");
    }
}
