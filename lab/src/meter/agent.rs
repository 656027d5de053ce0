//! The meter pod: answers its peers, and makes attempts on everything that a pod of the cluster may want to reach.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    pair::{self, Pair, Samples},
    peers::{self, Peers},
    record::{COUNTS_PERIOD, Event, HELD_UP, Kind, PORT, Target},
    recorder::{Recorder, Sample},
    wire,
};
use crate::error::{Context as _, Error};

/// How long a server goes on answering after SIGTERM, for clients whose node has not yet heard of the change of
/// endpoints; the container's preStop sleep has given them most of the time already.
const LINGER: Duration = Duration::from_secs(1);

/// Arguments of `lab meter agent`.
#[derive(Debug, clap::Args)]
pub(crate) struct AgentArgs {
    /// Name of the pod.
    #[arg(long, env = "POD_NAME")]
    pod: String,
    /// UID of the pod.
    #[arg(long, env = "POD_UID")]
    uid: String,
    /// Address of the pod.
    #[arg(long, env = "POD_IP")]
    address: IpAddr,
    /// Name of the pod's node.
    #[arg(long, env = "NODE_NAME")]
    node: String,
    /// Folder to which the record is written.
    #[arg(long)]
    records: PathBuf,
    /// Address of a Service whose pods answer as `lab meter serve` does.
    #[arg(long)]
    service: SocketAddr,
    /// Address of the cluster's DNS Service.
    #[arg(long)]
    dns: SocketAddr,
    /// Address of the API server's Service.
    #[arg(long)]
    api: SocketAddr,
}

impl AgentArgs {
    /// The targets that do not depend on who is there.
    fn fixed_targets(&self) -> [Target; 3] {
        [(Kind::Service, self.service), (Kind::Dns, self.dns), (Kind::Api, self.api)]
            .map(|(kind, address)| Target { kind, pod: String::new(), address })
    }
}

/// Answers every request with `name` until the process is told to end.
///
/// # Errors
/// When the port cannot be had.
pub(crate) async fn serve(name: String) -> io::Result<()> {
    let mut end = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let server = wire::serve(listener, name);
    tokio::pin!(server);
    tokio::select! {
        broken = &mut server => return broken,
        _ = end.recv() => {}
    }
    tokio::select! {
        broken = server => broken,
        () = sleep(LINGER) => Ok(()),
    }
}

/// Measures and answers until the process is told to end.
///
/// # Errors
/// When the record cannot be written or the port cannot be had.
pub(crate) async fn run(args: AgentArgs) -> Result<(), Error> {
    let path = args.records.join(format!("{}.jsonl", args.pod));
    let file = OpenOptions::new().create(true).append(true).open(&path).at("open", &path)?;
    let end = signal(SignalKind::terminate()).at("watch for SIGTERM in", &path)?;
    let pods = peers::api()
        .map_err(|e| Error::Invalid(format!("the meter cannot ask the API for its peers: {e}")))?;
    let server = tokio::spawn(serve(args.pod.clone()));
    measure(args, pods, Recorder::new(file), end).await.at("write", &path)?;
    server.await.map_err(io::Error::other).flatten().at("answer on the port of", &path)
}

async fn measure(
    args: AgentArgs,
    pods: Api<Pod>,
    mut recorder: Recorder<impl Write>,
    mut end: Signal,
) -> io::Result<()> {
    let (samples, mut received) = mpsc::unbounded_channel();
    let (peers_out, mut peers) = mpsc::channel(1);
    let follower = tokio::spawn(peers::follow(pods, args.node.clone(), peers_out));
    let mut pairs = Pairs { samples, pairs: BTreeMap::new() };
    for target in args.fixed_targets() {
        pairs.add(target);
    }
    let mut counts = interval(COUNTS_PERIOD);
    counts.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut pulse = pair::ticks();
    let AgentArgs { uid, pod, node, address, .. } = args;
    recorder.write(Timestamp::now(), Event::Started { uid, pod, node, address })?;
    loop {
        tokio::select! {
            Some(sample) = received.recv() => recorder.sample(sample)?,
            Some(seen) = peers.recv() => pairs.follow(seen, &mut recorder)?,
            due = pulse.tick() => note_delay(due.elapsed(), &mut recorder)?,
            _ = counts.tick() => recorder.counts(Timestamp::now())?,
            _ = end.recv() => break,
        }
    }
    follower.abort();
    drop(pairs);
    finish(received, recorder).await
}

/// Writes down a delay that may explain a loss: an answer that nobody came to read in time looks like one.
fn note_delay(late: Duration, recorder: &mut Recorder<impl Write>) -> io::Result<()> {
    if late < HELD_UP {
        return Ok(());
    }
    let millis = i64::try_from(late.as_millis()).unwrap_or(i64::MAX);
    recorder.write(Timestamp::now(), Event::HeldUp { millis })
}

/// Counts the attempts that were under way at the end.
async fn finish(
    mut received: mpsc::UnboundedReceiver<Sample>,
    mut recorder: Recorder<impl Write>,
) -> io::Result<()> {
    while let Some(sample) = received.recv().await {
        recorder.sample(sample)?;
    }
    recorder.counts(Timestamp::now())?;
    recorder.write(Timestamp::now(), Event::Stopped)
}

/// The pairs on which attempts are made.
struct Pairs {
    samples: Samples,
    pairs: BTreeMap<Target, Pair>,
}

impl Pairs {
    fn add(&mut self, target: Target) {
        let samples = self.samples.clone();
        self.pairs.entry(target).or_insert_with_key(|target| Pair::begin(target.clone(), samples));
    }

    /// Begins attempts on peers that are new and ends those on peers that are gone.
    fn follow(&mut self, seen: Peers, recorder: &mut Recorder<impl Write>) -> io::Result<()> {
        match seen {
            Ok(seen) => {
                self.pairs.retain(|target, _| target.pod.is_empty() || seen.contains(target));
                for target in seen {
                    self.add(target);
                }
                Ok(())
            }
            Err(error) => recorder.write(Timestamp::now(), Event::PeersUnknown { error }),
        }
    }
}
