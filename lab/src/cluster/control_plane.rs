//! etcd and the Kubernetes control plane, as plain processes in the namespace `cp`.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::cgroup::Group;
use super::layout::{CONTROL_PLANE, Layout, POD_CIDR, SERVICE_CIDR};
use super::namespace::inside;
use crate::error::{Context, Error};
use crate::process;

/// Name of the control plane's machine in the fabric.
pub(crate) const MACHINE: &str = "cp";
/// The API server of a fresh cluster needs about 6 s on 2 busy cores.
const READY_DEADLINE: Duration = Duration::from_secs(90);
/// Every request with its user, without bodies: tests read from it who changed what.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
";

/// Starts what is not running and waits until the API server is ready.
pub(crate) fn start(layout: &Layout) -> Result<(), Error> {
    let policy = layout.file("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY).at("write", &policy)?;
    start_component(layout, "etcd", &etcd(layout))?;
    start_component(layout, "kube-apiserver", &apiserver(layout))?;
    wait_until_ready(layout)?;
    // Both give up for good if they come before the API server has made their roles.
    start_component(layout, "kube-controller-manager", &controller_manager(layout))?;
    start_component(layout, "kube-scheduler", &scheduler(layout))
}

fn wait_until_ready(layout: &Layout) -> Result<(), Error> {
    let hint = format!("see {}", layout.log("kube-apiserver").display());
    process::wait_until(READY_DEADLINE, &hint, || {
        let mut kubectl = process::command(layout.bin.join("kubectl"), ["get", "--raw", "/readyz"]);
        kubectl.env("KUBECONFIG", &layout.kubeconfig);
        let answer = inside(&layout.netns_path(MACHINE), None, || process::output(&mut kubectl));
        answer.flatten().map(drop).map_err(|_| "the API server is not ready".to_owned())
    })
}

fn start_component(layout: &Layout, component: &str, flags: &[String]) -> Result<(), Error> {
    let command = process::command(layout.bin.join(component), flags);
    start_daemon(layout, component, &layout.netns_path(MACHINE), &command)
}

/// The control group of a component: it has processes as long as the component runs.
pub(crate) fn group(layout: &Layout, component: &str) -> Group {
    Group::new(format!("{}/{component}", layout.cgroup()))
}

/// Starts a process that outlives this one, in a session and a control group of its own, unless it runs already.
pub(crate) fn start_daemon(
    layout: &Layout,
    name: &str,
    netns: &Path,
    command: &Command,
) -> Result<(), Error> {
    let group = group(layout, name);
    if !group.processes().is_empty() {
        return Ok(());
    }
    let log_path = layout.log(name);
    let log = OpenOptions::new().create(true).append(true).open(&log_path).at("open", &log_path)?;
    let mut detached = process::command("setsid", ["--fork"]);
    detached.arg(command.get_program()).args(command.get_args());
    detached.stdin(Stdio::null()).stdout(log.try_clone().at("open", &log_path)?).stderr(log);
    let status = inside(netns, Some(&group), || detached.status())?;
    status.map_err(|error| process::not_started(&detached, &error)).map(drop)
}

fn etcd(layout: &Layout) -> Vec<String> {
    // The cluster's data need not survive a crash of the machine, and fsync costs seconds.
    flags([
        ("data-dir", layout.file("etcd").display().to_string()),
        ("unsafe-no-fsync", "true".into()),
        ("listen-client-urls", "http://127.0.0.1:2379".into()),
        ("advertise-client-urls", "http://127.0.0.1:2379".into()),
        ("listen-peer-urls", "http://127.0.0.1:2380".into()),
    ])
}

fn apiserver(layout: &Layout) -> Vec<String> {
    let pki = |file: &str| layout.pki.join(file).display().to_string();
    flags([
        ("etcd-servers", "http://127.0.0.1:2379".into()),
        ("advertise-address", CONTROL_PLANE.to_string()),
        ("service-cluster-ip-range", SERVICE_CIDR.into()),
        ("allow-privileged", "true".into()),
        ("authorization-mode", "Node,RBAC".into()),
        ("enable-admission-plugins", "NodeRestriction".into()),
        ("client-ca-file", pki("ca.crt")),
        ("tls-cert-file", pki("apiserver.crt")),
        ("tls-private-key-file", pki("apiserver.key")),
        ("kubelet-client-certificate", pki("apiserver-kubelet-client.crt")),
        ("kubelet-client-key", pki("apiserver-kubelet-client.key")),
        // Without it, exec asks a DNS server for the node's name.
        ("kubelet-preferred-address-types", "InternalIP".into()),
        ("service-account-issuer", "https://kubernetes.default.svc.cluster.local".into()),
        ("service-account-key-file", pki("sa.pub")),
        ("service-account-signing-key-file", pki("sa.key")),
        ("token-auth-file", layout.file("tokens.csv").display().to_string()),
        ("audit-policy-file", layout.file("audit-policy.yaml").display().to_string()),
        ("audit-log-path", layout.log("audit").display().to_string()),
    ])
}

fn controller_manager(layout: &Layout) -> Vec<String> {
    let pki = |file: &str| layout.pki.join(file).display().to_string();
    let own = flags([
        ("service-account-private-key-file", pki("sa.key")),
        ("root-ca-file", pki("ca.crt")),
        ("cluster-signing-cert-file", pki("ca.crt")),
        ("cluster-signing-key-file", pki("ca.key")),
        ("use-service-account-credentials", "true".into()),
        ("allocate-node-cidrs", "true".into()),
        ("cluster-cidr", POD_CIDR.into()),
        ("leader-elect", "false".into()),
    ]);
    [own, identity(layout, "kube-controller-manager")].concat()
}

fn scheduler(layout: &Layout) -> Vec<String> {
    [flags([("leader-elect", "false".into())]), identity(layout, "kube-scheduler")].concat()
}

/// One kubeconfig serves for calling the API and for checking who calls the component.
fn identity(layout: &Layout, component: &str) -> Vec<String> {
    let file = layout.file(&format!("{component}.kubeconfig")).display().to_string();
    flags(
        ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]
            .map(|flag| (flag, file.clone())),
    )
}

fn flags<const N: usize>(pairs: [(&str, String); N]) -> Vec<String> {
    pairs.map(|(flag, value)| format!("--{flag}={value}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_is_told_how_to_reach_kubelets_and_where_to_audit() {
        let flags = apiserver(&Layout::new("x"));
        assert!(flags.contains(&"--kubelet-preferred-address-types=InternalIP".to_owned()));
        assert!(flags.contains(&"--audit-log-path=/var/lib/cni-migrate-lab/x/logs/audit.log".to_owned()));
    }

    #[test]
    fn components_use_their_own_identity_everywhere() {
        let flags = scheduler(&Layout::new("x"));
        let own = flags
            .iter()
            .filter(|flag| flag.ends_with("=/var/lib/cni-migrate-lab/x/kube-scheduler.kubeconfig"));
        assert_eq!(own.count(), 3);
    }
}
