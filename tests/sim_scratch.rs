#![allow(clippy::unwrap_used)]
mod support;
use cni_migrate::sim::{Sim, Workload};
use support::Env;
#[test]
fn scratch() {
    let env = Env::new(Sim::builder().nodes(3).workloads([
        Workload::deployment("shop", "web", 4).min_available(3).service(8080),
        Workload::stateful_set("shop", "db", 2),
        Workload::daemon_set("shop", "node-local").service(9000),
    ]));
    for line in std::fs::read_to_string("/tmp/sim-args").unwrap().lines() {
        let out = std::process::Command::new("sh")
            .arg("-c")
            .arg(line)
            .env("KUBECONFIG", env.kubeconfig())
            .output()
            .unwrap();
        println!(
            "$ {line}\n{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
    }
    if std::env::var("LOG").is_ok() {
        for e in env.sim.log() {
            println!("{:?} {} {} ? {}", e.status, e.method, e.path, e.query);
        }
    }
}
