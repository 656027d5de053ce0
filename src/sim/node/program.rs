//! What runs in a pod, told by its shape: the simulator plays these programs.

use crate::agent::Spec;
use crate::sim::json::{label, list, text};
use crate::sim::value::Value;

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// Anything that just runs.
    Server,
    /// Anything that ends by itself (`restartPolicy` other than Always).
    Batch,
    /// flanneld and its init containers.
    Flannel,
    /// The Cilium agent.
    CiliumAgent,
    /// This tool's probe server; it answers with a name.
    ProbeServer(String),
    /// This tool's probe client.
    ProbeClient(Spec),
    /// This tool's reboot helper with the boot id it was told.
    Reboot(String),
    /// This tool's file sweeper.
    Sweep { patterns: Vec<String>, only_list: bool },
    /// This tool's in-pod mode with arguments that it would not understand.
    Broken(String),
}

impl Program {
    /// The program of a pod.
    pub(crate) fn of(pod: &Value) -> Self {
        let args: Vec<&str> = list(pod, "/spec/containers/0/args").iter().filter_map(Value::as_str).collect();
        if let ["agent", verb, rest @ ..] = args.as_slice() {
            return in_pod_mode(verb, rest);
        }
        let has_container =
            |name: &str| list(pod, "/spec/containers").iter().any(|c| text(c, "/name") == name);
        if has_container("kube-flannel") {
            return Self::Flannel;
        }
        if label(pod, "k8s-app") == Some("cilium") && has_container("cilium-agent") {
            return Self::CiliumAgent;
        }
        if text(pod, "/spec/restartPolicy") == "Always" { Self::Server } else { Self::Batch }
    }
}

fn in_pod_mode(verb: &str, rest: &[&str]) -> Program {
    let values = |flag: &str| -> Vec<String> {
        let pairs = rest.windows(2).filter(|w| w[0] == flag).map(|w| w[1].to_owned());
        let joined = rest.iter().filter_map(|w| w.strip_prefix(flag)?.strip_prefix('=')).map(str::to_owned);
        pairs.chain(joined).collect()
    };
    let value = |flag: &str| values(flag).into_iter().next();
    match verb {
        "serve" => Program::ProbeServer(value("--name").unwrap_or_default()),
        "probe" => match serde_json::from_str(&value("--spec").unwrap_or_default()) {
            Ok(spec) => Program::ProbeClient(spec),
            Err(e) => Program::Broken(format!("--spec is not a probe specification: {e}")),
        },
        "reboot" => Program::Reboot(value("--boot-id").unwrap_or_default()),
        "sweep" => Program::Sweep { patterns: values("--path"), only_list: rest.contains(&"--list") },
        other => Program::Broken(format!("unrecognized subcommand {other:?}")),
    }
}
