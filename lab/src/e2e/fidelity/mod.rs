//! Fidelity: the same generated requests go to the real API server and to the front of the embedded cluster, and every
//! answer is compared. Controllers are held on both sides, so that an answer depends on nothing but the requests.

mod cases;
mod deviations;
mod normal;
mod objects;
mod request;
mod script;

use std::{collections::BTreeMap, io, path::Path};

use cni_migrate::sim::{Door, Sim};
use futures::{StreamExt as _, stream};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

use crate::{
    cluster::{Cluster, in_client_namespace},
    error::Error,
};
use deviations::Deviations;
use script::Script;

/// Cases under way at the same time: watches wait, and the API server is quicker with several.
const TOGETHER: usize = 6;
/// Differences of one case that are printed.
const SHOWN: usize = 6;

/// The version of the lab's API server.
const VERSION: &str = "v1.36.3";

/// What became of the cases of one seed.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Cases that differ where no deviation is listed, each as one line.
    pub(super) failures: Vec<String>,
    /// Listed deviations that did not occur.
    pub(super) unseen: Vec<String>,
}

/// Plays all cases of a seed on both servers; `show` gets what differs, and the counts.
///
/// # Errors
/// When one of the servers gives no answer.
pub(super) fn compare(cluster: &Cluster, seed: u64, show: &dyn Fn(&str)) -> Result<Outcome, Error> {
    let cases = cases::all(seed);
    let held = cluster.hold_controllers();
    let pairs = play(cluster, &cases)?;
    drop(held);
    let mut known = Deviations::read()?;
    let mut failed = Vec::new();
    let mut deviating = 0;
    for (number, (script, pair)) in cases.iter().zip(&pairs).enumerate() {
        let found = differences(pair);
        let unknown: Vec<_> = found.iter().filter(|d| !known.covers(script, d)).collect();
        deviating += usize::from(!found.is_empty() && unknown.is_empty());
        if !unknown.is_empty() {
            failed.push(number);
            show(&format!("seed {seed} case {number}: {}\n{}", script.about, shown(script, &unknown)));
        }
    }
    let equal = cases.len() - failed.len() - deviating;
    show(&format!("seed {seed}: {} cases, {equal} equal, {deviating} with a listed deviation", cases.len()));
    show(&tally(&cases, &failed));
    let line = |n: &usize| format!("seed {seed} case {n} ({})", cases[*n].about);
    Ok(Outcome { failures: failed.iter().map(line).collect(), unseen: known.unseen() })
}

fn shown(script: &Script, differences: &[&Difference]) -> String {
    let line = |d: &&Difference| {
        let (request, place) = (script.steps[d.step].line(), &d.place);
        format!("  step {} {request}\n    real {place}: {}\n    sim  {place}: {}", d.step, d.real, d.sim)
    };
    differences.iter().take(SHOWN).map(line).collect::<Vec<_>>().join("\n")
}

/// Cases by subject, with those that failed.
fn tally(cases: &[Script], failures: &[usize]) -> String {
    let mut by_subject: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (number, script) in cases.iter().enumerate() {
        let subject = script.about.split(' ').next().unwrap_or_default();
        let counts = by_subject.entry(subject).or_default();
        counts.0 += 1;
        counts.1 += usize::from(failures.contains(&number));
    }
    let line =
        |(subject, (all, failed)): (&&str, &(usize, usize))| format!("{subject} {}/{all}", all - failed);
    by_subject.iter().map(line).collect::<Vec<_>>().join(", ")
}

/// The answers of both servers to a case, made comparable: the real one's first.
type Pair = (Vec<Value>, Vec<Value>);

/// One place where two answers differ.
#[derive(Debug)]
struct Difference {
    step: usize,
    place: String,
    real: Value,
    sim: Value,
}

fn differences((real, sim): &Pair) -> Vec<Difference> {
    let mut found = Vec::new();
    for (step, (left, right)) in real.iter().zip(sim).enumerate() {
        let places = normal::differences(left, right).into_iter();
        found.extend(places.map(|(place, real, sim)| Difference { step, place, real, sim }));
    }
    found
}

fn play(cluster: &Cluster, cases: &[Script]) -> Result<Vec<Pair>, Error> {
    in_client_namespace(cluster, || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|e| Error::Invalid(format!("no runtime for the cases: {e}")))?;
        runtime.block_on(play_all(cluster.kubeconfig(), cases))
    })?
}

async fn play_all(kubeconfig: &Path, cases: &[Script]) -> Result<Vec<Pair>, Error> {
    let invalid = |e: io::Error| Error::Invalid(format!("a server cannot be reached: {e}"));
    let sim = Sim::builder().version(VERSION).frozen(true).build();
    let sim = sim.map_err(|e| Error::Invalid(e.to_string()))?;
    let door = sim.serve().await.map_err(|e| Error::Invalid(e.to_string()))?;
    let real = client(kubeconfig).await.map_err(invalid)?;
    let embedded = client(Door::kubeconfig(&door)).await.map_err(invalid)?;
    let (real, embedded) = (&real, &embedded);
    let plays = cases.iter().map(|script| async move {
        let (left, right) = tokio::try_join!(answers(real, script), answers(embedded, script))?;
        Ok((normal::normal(&left), normal::normal(&right)))
    });
    let played: Vec<Result<Pair, Error>> = stream::iter(plays).buffered(TOGETHER).collect().await;
    played.into_iter().collect()
}

/// A client that tries nothing twice.
async fn client(kubeconfig: &Path) -> io::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(io::Error::other)?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(io::Error::other)?;
    config.default_retry = false;
    Client::try_from(config).map_err(io::Error::other)
}

async fn answers(client: &Client, script: &Script) -> Result<Vec<request::Answer>, Error> {
    let mut answers = Vec::new();
    for step in &script.steps {
        answers.push(request::ask(client, step, &answers).await?);
    }
    Ok(answers)
}
