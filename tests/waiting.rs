//! How often a wait looks: not where nothing has changed, and at every tick where it is not told of changes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::time::Duration;

use cni_migrate::error::Result;
use cni_migrate::kube::{Poll, embedded, until_told};
use cni_migrate::observe::Observer;
use cni_migrate::sim::{Fault, Sim, When};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

/// A cluster with a pod that is Ready a minute after its start.
fn cluster() -> Sim {
    let sim = Sim::builder().nodes(2).build().unwrap();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "slow", "namespace": "default",
            "annotations": {"sim.cni-migrate.dev/ready-after": "60000"}},
        "spec": {"nodeName": "worker-1", "containers": [{"name": "c", "image": "slow:1"}]},
    });
    sim.create(&pod).unwrap();
    sim
}

/// Waits for the pod by looks of a second; how many there were, and how long it took.
async fn wait(sim: &Sim) -> Result<(usize, Duration)> {
    let it = sim.embedded("sim");
    let (connection, _) = embedded(&it.name, it.client, it.access, it.clock);
    let observer = Observer::new(connection.reader, "sim").await?;
    let (mut looks, begun) = (0, tokio::time::Instant::now());
    until_told("the pod", 5 * 60 * SECOND, SECOND, observer.watch_pod("default", "slow"), async || {
        looks += 1;
        let pod = observer.pod("default", "slow").await?;
        Ok(if pod.is_some_and(|pod| pod.ready) { Poll::Ready(()) } else { Poll::Watched("it starts".into()) })
    })
    .await?;
    Ok((looks, begun.elapsed()))
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_told_of_changes_looks_seldom_and_ends_no_later() {
    let (told, took) = wait(&cluster()).await.unwrap();
    let sim = cluster();
    sim.deny("watch", "pods");
    let (untold, as_long) = wait(&sim).await.unwrap();
    assert_eq!(took, as_long);
    assert!(untold > 60, "a look each second: {untold}");
    let refused = sim.log().iter().filter(|e| e.verb == "watch" && e.status == Some(403)).count();
    assert_eq!(refused, 1, "what is forbidden is not asked again");
    assert!(told < untold / 4, "{told} looks, {untold} where watches are refused");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_does_not_begin_is_tried_again() {
    let sim = cluster();
    // The first three are reset before they begin.
    sim.fault(Fault::on("watch", "pods").reset(When::Before).times(3));
    let (looks, took) = wait(&sim).await.unwrap();
    assert_eq!(took, wait(&cluster()).await.unwrap().1);
    assert!(looks < 20, "{looks}");
}
