//! What several plays of the same story say about the real one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::play::{Play, Script};

/// The forecast; all durations in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// Name of the cluster.
    pub cluster: String,
    /// How many plays it is made of, and how many of them ended well.
    pub plays: usize,
    /// See [`Forecast::plays`].
    pub went_well: usize,
    /// From the first step to the last.
    pub total: Option<Spread>,
    /// In the order of the first play.
    pub nodes: Vec<NodeForecast>,
    /// How often a pod that moves with its workload is made anew, on average.
    pub moves_per_pod: f64,
    /// What was waited for, the longest first: the first one is the bottleneck.
    pub waits: Vec<Lasting>,
    /// Workloads that have no ready pod for a while.
    pub gaps: Vec<GapForecast>,
    /// Plays that did not end well.
    pub failures: Vec<Failure>,
    /// What the cluster has and the rehearsal does not know.
    pub not_modelled: Vec<String>,
}

/// The smallest, the middle and the greatest figure of all plays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

/// A node's turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeForecast {
    /// Its name.
    pub name: String,
    /// How long its turn takes.
    pub seconds: Spread,
    /// How long it took in the real migration, where that is over for this node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<f64>,
}

/// Something that lasts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lasting {
    /// What.
    pub what: String,
    /// How long, all in all.
    pub seconds: Spread,
}

/// A workload without a ready pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GapForecast {
    /// Such as `shop/StatefulSet/db`.
    pub workload: String,
    /// For how long, all in all.
    pub seconds: Spread,
    /// In how many plays.
    pub plays: usize,
    /// Whether it came back in all of them.
    pub comes_back: bool,
}

/// A play that did not end well.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// Why it stopped.
    pub reason: String,
}

impl Forecast {
    /// The same beside what really happened: seconds by node.
    #[must_use]
    pub fn beside(mut self, turns: &BTreeMap<String, f64>) -> Self {
        for node in &mut self.nodes {
            node.actual = turns.get(&node.name).copied();
        }
        self
    }
}

impl Spread {
    /// Of at least one figure.
    fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let (min, max) = (*seconds.first()?, *seconds.last()?);
        Some(Self { min, median: seconds[seconds.len() / 2], max })
    }
}

/// The forecast of these plays.
pub fn forecast(script: &Script<'_>, plays: &[Play]) -> Forecast {
    let good: Vec<&Play> = plays.iter().filter(|play| play.went_well()).collect();
    let failure = |play: &Play| {
        let ended =
            play.ended.as_ref().map_or_else(|e| e.message.clone(), |_| "the answer was no".to_owned());
        let broken =
            play.violations.first().map(|violation| format!("a safety rule was broken: {violation}"));
        Failure { seed: play.seed, reason: broken.unwrap_or(ended) }
    };
    Forecast {
        cluster: script.name.to_owned(),
        plays: plays.len(),
        went_well: good.len(),
        total: Spread::of(good.iter().map(|play| play.took.as_secs_f64()).collect()),
        nodes: nodes(&good),
        moves_per_pod: moves(&good),
        waits: waits(&good),
        gaps: gaps(&good),
        failures: plays.iter().filter(|play| !play.went_well()).map(failure).collect(),
        not_modelled: plays.first().map(|play| play.not_modelled.clone()).unwrap_or_default(),
    }
}

fn nodes(plays: &[&Play]) -> Vec<NodeForecast> {
    let mut order: Vec<String> = Vec::new();
    let mut turns: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for play in plays {
        for (name, took) in &play.turns {
            let all = turns.entry(name.clone()).or_default();
            if all.is_empty() {
                order.push(name.clone());
            }
            all.push(took.as_secs_f64());
        }
    }
    let node = |name: String| {
        let seconds = Spread::of(turns.remove(&name)?)?;
        Some(NodeForecast { name, seconds, actual: None })
    };
    order.into_iter().filter_map(node).collect()
}

#[expect(clippy::cast_precision_loss, reason = "an average of counts far below 2^52")]
fn moves(plays: &[&Play]) -> f64 {
    let (before, created) =
        plays.iter().fold((0, 0), |(before, created), play| (before + play.pods.0, created + play.pods.1));
    if before == 0 { 0.0 } else { created as f64 / before as f64 }
}

fn waits(plays: &[&Play]) -> Vec<Lasting> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for play in plays {
        for (what, lasted) in &play.waits {
            all.entry(what.clone()).or_default().push(lasted.as_secs_f64());
        }
    }
    let mut waits: Vec<Lasting> = all
        .into_iter()
        .filter_map(|(what, seconds)| Some(Lasting { what, seconds: Spread::of(seconds)? }))
        .collect();
    waits.sort_by(|a, b| b.seconds.median.total_cmp(&a.seconds.median));
    waits
}

fn gaps(plays: &[&Play]) -> Vec<GapForecast> {
    let mut all: BTreeMap<&str, (Vec<f64>, bool)> = BTreeMap::new();
    for gap in plays.iter().flat_map(|play| &play.gaps) {
        let (seconds, comes_back) = all.entry(&gap.workload).or_insert((Vec::new(), true));
        seconds.push(gap.lasts.as_secs_f64());
        *comes_back &= gap.came_back;
    }
    let gap = |(workload, (seconds, comes_back)): (&str, (Vec<f64>, bool))| {
        let plays = seconds.len();
        Some(GapForecast { workload: workload.to_owned(), seconds: Spread::of(seconds)?, plays, comes_back })
    };
    all.into_iter().filter_map(gap).collect()
}
