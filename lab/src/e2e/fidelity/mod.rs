//! Fidelity: the same generated requests go to a real API server and to the front of the embedded cluster, and every
//! answer is compared. Controllers are held on both sides, so that an answer depends on nothing but the requests.
//!
//! The embedded cluster plays in this process and on a paused clock; the real server's answers come from the lab, or
//! from what it answered once ([`recorded`]).

mod cases;
mod deviations;
mod normal;
mod objects;
mod recorded;
mod request;
mod script;

use std::{collections::BTreeMap, io, path::Path};

use cni_migrate::sim::Sim;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;
use tokio::runtime::Builder;

use crate::{
    cluster::{Cluster, in_client_namespace},
    error::Error,
};
use deviations::Deviations;
use recorded::Recorded;
use script::Script;

/// Cases under way at the same time: watches wait, and the API server is quicker with several.
const TOGETHER: usize = 6;
/// Differences of one case that are printed.
const SHOWN: usize = 6;

/// The version of the lab's API server.
const VERSION: &str = "v1.36.3";
/// What the embedded cluster's clock shows at first: far from the times that cases give.
const EPOCH: Timestamp = Timestamp::constant(1_780_000_000, 0);

/// Plays all cases of a seed on both servers; `show` gets what differs, and the counts. Gives the cases that differ where
/// no deviation is listed, each as one line.
///
/// # Errors
/// When one of the servers gives no answer.
pub(super) fn compare(cluster: &Cluster, seed: u64, show: &dyn Fn(&str)) -> Result<Vec<String>, Error> {
    let cases = cases::all(seed);
    let real = play_real(cluster, &cases)?;
    let sim = play_embedded(&cases)?;
    Ok(judge((seed, &cases), (&real, &sim), &mut Deviations::read()?, show))
}

/// Writes down what the API server of a cluster answers to the cases of a seed; gives the path of the file.
///
/// # Errors
/// When it gives no answer, or the file cannot be written.
pub(crate) fn record(cluster: &Cluster, seed: u64) -> Result<std::path::PathBuf, Error> {
    let cases = cases::all(seed);
    let answers = play_real(cluster, &cases)?;
    // The first request of the first case creates its namespace.
    if answers.first().and_then(|case| case.first()).is_none_or(|created| created["status"] != 201) {
        return Err(Error::Invalid(format!("the cluster has met seed {seed} before: record on a fresh one")));
    }
    Recorded::new(&cases, answers).write(seed)
}

/// The comparable answers of one server, by case.
type Answers = Vec<Vec<Value>>;

fn judge(
    (seed, cases): (u64, &[Script]),
    (real, sim): (&Answers, &Answers),
    known: &mut Deviations,
    show: &dyn Fn(&str),
) -> Vec<String> {
    let mut failed = Vec::new();
    let mut deviating = 0;
    for (number, (script, pair)) in cases.iter().zip(real.iter().zip(sim)).enumerate() {
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
    show(&tally(cases, &failed));
    let line = |n: &usize| format!("seed {seed} case {n} ({})", cases[*n].about);
    failed.iter().map(line).collect()
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

/// One place where two answers differ.
#[derive(Debug)]
struct Difference {
    step: usize,
    place: String,
    real: Value,
    sim: Value,
}

fn differences((real, sim): (&Vec<Value>, &Vec<Value>)) -> Vec<Difference> {
    let mut found = Vec::new();
    for (step, (left, right)) in real.iter().zip(sim).enumerate() {
        let places = normal::differences(left, right).into_iter();
        found.extend(places.map(|(place, real, sim)| Difference { step, place, real, sim }));
    }
    found
}

fn play_real(cluster: &Cluster, cases: &[Script]) -> Result<Answers, Error> {
    let held = cluster.hold_controllers();
    let played = in_client_namespace(cluster, || {
        let runtime =
            Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| no_runtime(&e))?;
        runtime.block_on(async {
            let client = client(cluster.kubeconfig()).await;
            let client =
                &client.map_err(|e| Error::Invalid(format!("the API server cannot be reached: {e}")))?;
            let plays = cases.iter().map(|script| async move {
                Ok(normal::normal(script, &answers(client, script).await?, Timestamp::now()))
            });
            let played: Vec<Result<Vec<Value>, Error>> =
                stream::iter(plays).buffered(TOGETHER).collect().await;
            played.into_iter().collect()
        })
    });
    drop(held);
    played?
}

fn play_embedded(cases: &[Script]) -> Result<Answers, Error> {
    let runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build().map_err(|e| no_runtime(&e))?;
    runtime.block_on(async {
        let sim = Sim::builder().version(VERSION).epoch(EPOCH).frozen(true).build();
        let sim = sim.map_err(|e| Error::Invalid(e.to_string()))?;
        let client = sim.client();
        let mut all = Vec::new();
        for script in cases {
            all.push(normal::normal(script, &answers(&client, script).await?, sim.now()));
        }
        Ok(all)
    })
}

fn no_runtime(error: &io::Error) -> Error {
    Error::Invalid(format!("no runtime for the cases: {error}"))
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_embedded_cluster_answers_as_a_real_api_server_did() {
        let seeds = recorded::seeds().unwrap();
        let told = RefCell::new(String::new());
        let show = |text: &str| told.borrow_mut().push_str(&format!("{text}\n"));
        let (mut failures, mut known) = (Vec::new(), Deviations::read().unwrap());
        for seed in seeds {
            let cases = cases::all(seed);
            let real = Recorded::read(seed).unwrap();
            assert!(
                real.is_of(&cases),
                "the cases of seed {seed} have changed: record them anew (docs/lab.md)"
            );
            let sim = play_embedded(&cases).unwrap();
            failures.extend(judge((seed, &cases), (&real.answers, &sim), &mut known, &show));
        }
        failures.extend(known.unseen().iter().map(|gone| format!("listed and not seen: {gone}")));
        assert!(failures.is_empty(), "{}\n{}", told.borrow(), failures.join("\n"));
    }
}
