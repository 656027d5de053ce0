//! The whole tool on the embedded cluster.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

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
    for args in std::fs::read_to_string("/tmp/sim-args").unwrap().lines() {
        let args: Vec<&str> = args.split(' ').collect();
        let start = std::time::Instant::now();
        let output = env.run(&args);
        println!("$ {args:?} [{:?}]\n{output}", start.elapsed());
    }
    if std::env::var("LOG").is_ok() {
    for e in env.sim.log() { println!("{:?} {} {} ? {}", e.status, e.method, e.path, e.query); } }
}
