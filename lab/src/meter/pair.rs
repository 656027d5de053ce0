//! The attempts on one pair: a new one every [`PERIOD`], whether or not the ones before have ended.

use std::{convert::Infallible, future::Future};

use futures::{StreamExt as _, stream::FuturesOrdered};
use jiff::Timestamp;
use tokio::{
    net::TcpStream,
    sync::{mpsc::UnboundedSender, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    record::{Kind, PATIENCE, PERIOD, Target},
    recorder::Sample,
    wire::{Connection, resolve},
};

/// Where samples go. Sending fails only when the agent is about to end, and then nobody needs the sample.
pub(crate) type Samples = UnboundedSender<Sample>;

/// The attempts on one pair; dropping it ends them, and what is under way is still counted.
pub(crate) struct Pair {
    _stop: oneshot::Sender<Infallible>,
}

impl Pair {
    /// Begins to make attempts on `target`.
    pub(crate) fn begin(target: Target, samples: Samples) -> Self {
        let (stop, stopped) = oneshot::channel();
        match target.kind {
            Kind::Held => tokio::spawn(hold(target, samples, stopped)),
            _ => tokio::spawn(repeat(target, samples, stopped)),
        };
        Self { _stop: stop }
    }
}

/// Makes independent attempts. They end in the order in which they began, which the recorder needs.
async fn repeat(target: Target, samples: Samples, mut stop: oneshot::Receiver<Infallible>) {
    let mut ticks = ticks();
    let mut under_way = FuturesOrdered::new();
    loop {
        tokio::select! {
            _ = &mut stop => break,
            _ = ticks.tick() => under_way.push_back(sample(&target, attempt(&target))),
            Some(done) = under_way.next() => drop(samples.send(done)),
        }
    }
    while let Some(done) = under_way.next().await {
        drop(samples.send(done));
    }
}

/// Pings over one connection, and opens another only after that one failed.
async fn hold(target: Target, samples: Samples, mut stop: oneshot::Receiver<Infallible>) {
    let mut ticks = ticks();
    let mut held = None;
    loop {
        tokio::select! {
            _ = &mut stop => return,
            _ = ticks.tick() => {}
        }
        let connection = held.take();
        let done = sample(&target, async {
            let mut connection = match connection {
                Some(connection) => connection,
                None => Connection::open(target.address).await?,
            };
            connection.ask(&target.pod).await?;
            held = Some(connection);
            Ok(())
        })
        .await;
        drop(samples.send(done));
    }
}

/// Ticks every [`PERIOD`]; a machine that is too busy for one makes fewer attempts, not a burst of them.
pub(crate) fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Runs one attempt against the clock.
async fn sample(target: &Target, attempt: impl Future<Output = Result<(), String>>) -> Sample {
    let begun = Timestamp::now();
    let outcome = match timeout(PATIENCE, attempt).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    Sample { target: target.clone(), begun, outcome }
}

async fn attempt(target: &Target) -> Result<(), String> {
    match target.kind {
        Kind::Dns => resolve(target.address).await,
        Kind::Api => TcpStream::connect(target.address).await.map(drop).map_err(|e| format!("connect: {e}")),
        Kind::Pod | Kind::Service | Kind::Held => {
            Connection::open(target.address).await?.ask(&target.pod).await
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{net::TcpListener, sync::mpsc};

    use super::*;
    use crate::meter::wire::serve;

    async fn first(kind: Kind, expected: &str) -> Sample {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = Target { kind, pod: expected.into(), address: listener.local_addr().unwrap() };
        tokio::spawn(serve(listener, "meter-a".into()));
        let (samples, mut received) = mpsc::unbounded_channel();
        let pair = Pair::begin(target, samples);
        let first = received.recv().await.unwrap();
        let second = received.recv().await.unwrap();
        assert!(first.begun < second.begun, "samples come in the order of their attempts");
        drop(pair);
        while received.recv().await.is_some() {}
        first
    }

    #[tokio::test]
    async fn attempts_are_made_until_the_pair_is_dropped() {
        for kind in [Kind::Pod, Kind::Held, Kind::Service, Kind::Api] {
            assert_eq!(first(kind, "meter-a").await.outcome, Ok(()), "{kind:?}");
        }
        assert!(
            first(Kind::Pod, "meter-b").await.outcome.is_err(),
            "an address that another pod took over is lost"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_answer_is_lost_after_one_second() {
        let target = Target { kind: Kind::Pod, pod: String::new(), address: ([127, 0, 0, 1], 1).into() };
        let lost = sample(&target, std::future::pending()).await;
        assert_eq!(lost.outcome, Err("no answer within 1 s".into()));
    }
}
