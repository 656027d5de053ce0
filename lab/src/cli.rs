//! The command line of the lab.

use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

use crate::cluster::{self, Cluster, UpOptions, cluster_name};
use crate::error::{Context, Error};
use crate::setup::cache::sorted;
use crate::ui::Ui;
use crate::{e2e, meter, process, setup};

/// A real Kubernetes cluster with real Flannel and Cilium on this machine, without a container engine
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// Which cluster is meant
#[derive(Debug, clap::Args)]
struct Named {
    /// Name of the cluster
    #[arg(long, default_value = "lab", value_parser = cluster_name)]
    name: String,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make everything a cluster is started from: packages, programs, images; once per version, into the user's cache
    Setup,
    /// Start a cluster, or what is missing of it, and wait until it works
    Up(UpOptions),
    /// Run a command as a client of the cluster, or inside a node
    Exec {
        #[command(flatten)]
        cluster: Named,
        /// Run inside this node's namespaces
        #[arg(long)]
        node: Option<String>,
        /// Program and arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Cut the power of a node; it boots again by itself
    Reboot {
        #[command(flatten)]
        cluster: Named,
        /// Name of the node, e.g. n2
        node: String,
    },
    /// Say what runs and where the kubeconfig is
    Status(Named),
    /// List the logs, or print one
    Logs {
        #[command(flatten)]
        cluster: Named,
        /// Name from the list, e.g. kubelet-n2
        log: Option<String>,
    },
    /// End the cluster and remove all it left on the machine
    Down(Named),
    /// Show the claims of kubectl cni-migrate on fresh clusters
    E2e(e2e::Args),
    /// Measure traffic from inside a pod
    #[command(hide = true)]
    Meter(meter::Args),
    /// Write down what a cluster's API server answers to the cases of a seed, for the tests without a lab
    #[command(hide = true)]
    Record {
        #[command(flatten)]
        cluster: Named,
        /// What the cases are made from
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Boot a node again and again
    #[command(hide = true)]
    Supervise {
        #[command(flatten)]
        cluster: Named,
        /// Name of the node
        node: String,
    },
    /// Be PID 1 of a node
    #[command(hide = true)]
    NodeInit {
        #[command(flatten)]
        cluster: Named,
        /// Name of the node
        node: String,
    },
}

/// Does what the command line asks.
pub(crate) fn run(ui: &Ui) -> Result<ExitCode, Error> {
    match Cli::parse().verb {
        Verb::Setup => setup::run(ui)?,
        Verb::Up(options) => {
            let cluster = Cluster::up(&options, ui)?;
            ui.line(&format!("cluster {} is up: lab exec -- kubectl get pods -A", cluster.name()));
        }
        Verb::Exec { cluster, node, command } => return exec(&cluster.name, node.as_deref(), &command),
        Verb::Reboot { cluster, node } => Cluster::open(&cluster.name)?.reboot(&node)?,
        Verb::Status(cluster) => status(&Cluster::open(&cluster.name)?, ui)?,
        Verb::Logs { cluster, log } => logs(&Cluster::open(&cluster.name)?, log.as_deref(), ui)?,
        Verb::Down(cluster) => Cluster::down(&cluster.name, ui)?,
        Verb::E2e(args) => return e2e::run(args, ui),
        Verb::Meter(args) => return meter::run(args),
        Verb::Record { cluster, seed } => {
            let path = e2e::record(&Cluster::open(&cluster.name)?, seed)?;
            ui.line(&format!("recorded: {}", path.display()));
        }
        Verb::Supervise { cluster, node } => cluster::supervise(&cluster.name, &node, ui)?,
        Verb::NodeInit { cluster, node } => cluster::node_init(&cluster.name, &node, ui)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The exit code is that of the command.
fn exec(name: &str, node: Option<&str>, words: &[String]) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(name)?;
    let (program, arguments) =
        words.split_first().ok_or_else(|| Error::Invalid("exec needs a command after `--`".to_owned()))?;
    let mut command: Command = match node {
        Some(node) => cluster.node_command(node, program)?,
        None => cluster.client_command(program),
    };
    let status = command.args(arguments).status().map_err(|error| process::not_started(&command, &error))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn status(cluster: &Cluster, ui: &Ui) -> Result<(), Error> {
    ui.line(&format!("cluster     {}", cluster.name()));
    ui.line(&format!("kubeconfig  {}", cluster.kubeconfig().display()));
    ui.line(&format!("programs    {}", cluster.bin().display()));
    ui.line(&format!("logs        {}", cluster.logs_dir().display()));
    for node in cluster.nodes() {
        let state = if cluster.supervised(&node) { "supervised" } else { "not running: run `lab up`" };
        ui.line(&format!("{:<11} {} {state}", node.name, node.ip));
    }
    let nodes = process::text(cluster.client_command("kubectl").args(["get", "nodes", "-o", "wide"]))?;
    ui.line(nodes.trim_end());
    Ok(())
}

fn logs(cluster: &Cluster, log: Option<&str>, ui: &Ui) -> Result<(), Error> {
    if let Some(name) = log {
        let path = cluster.logs_dir().join(format!("{name}.log"));
        ui.line(std::fs::read_to_string(&path).at("read", &path)?.trim_end());
        return Ok(());
    }
    for path in sorted(cluster.logs_dir())? {
        ui.line(&path.file_stem().unwrap_or_default().to_string_lossy());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn exec_takes_everything_after_the_dashes() {
        let cli = Cli::try_parse_from(["lab", "exec", "--node", "n2", "--", "ip", "-d", "link"]).unwrap();
        let Verb::Exec { node, command, .. } = cli.verb else { panic!("not exec") };
        assert_eq!((node.as_deref(), command.join(" ").as_str()), (Some("n2"), "ip -d link"));
    }
}
