//! A stand-in for helm in tests: the calls that the tool makes, against the embedded cluster that `$KUBECONFIG` names.
//!
//! `SIM_HELM_VERSION` sets the version it claims.

use std::process::ExitCode;

use cni_migrate::sim;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match answer().await {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&format!("Error: {why}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the one place of this program that prints")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the one place of this program that complains")]
fn complain(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::disallowed_methods, reason = "tests choose by it which helm this pretends to be")]
fn claimed_version() -> String {
    std::env::var("SIM_HELM_VERSION").unwrap_or_else(|_| "v3.18.0".into())
}

async fn answer() -> Result<String, String> {
    let version = claimed_version();
    let args: Vec<String> = std::env::args().skip(1).collect();
    // As helm, it tells its version without a cluster.
    let client = match client().await {
        Ok(client) => client,
        Err(_) if args.first().is_some_and(|word| word == "version") => return Ok(version),
        Err(why) => return Err(why),
    };
    sim::helm(&client, &version, args).await
}

async fn client() -> Result<Client, String> {
    let unreachable = |e: &dyn std::fmt::Display| format!("Kubernetes cluster unreachable: {e}");
    let file = Kubeconfig::read().map_err(|e| unreachable(&e))?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(file, &options).await.map_err(|e| unreachable(&e))?;
    config.default_retry = false;
    Client::try_from(config).map_err(|e| unreachable(&e))
}
