//! The forecast as text for people, and for a wiki.

use super::forecast::{Forecast, Spread};
use crate::report;

type Rows = Vec<Vec<String>>;

/// A part of the forecast: title, header, rows.
struct Part(&'static str, Vec<&'static str>, Rows);

/// The forecast as tables.
pub fn text(forecast: &Forecast) -> String {
    let mut text = format!("{}\n", headline(forecast));
    for Part(title, header, rows) in parts(forecast) {
        text += &format!("\n{title}\n{}", report::table(&header, &rows));
    }
    text
}

/// The forecast as a page of Markdown.
pub fn markdown(forecast: &Forecast) -> String {
    let mut text = format!("# Rehearsal of {}\n\n{}\n", forecast.cluster, headline(forecast));
    for Part(title, header, rows) in parts(forecast) {
        text += &format!("\n## {title}\n\n{}", report::markdown(&header, &rows));
    }
    text
}

fn headline(forecast: &Forecast) -> String {
    let Forecast { plays, went_well, moves_per_pod, .. } = forecast;
    let ended = format!("{went_well} of {} ended well", report::count(*plays, "rehearsal"));
    match &forecast.total {
        Some(total) => {
            format!("{ended}: {} in all, each pod moves {moves_per_pod:.2} times on average", range(total))
        }
        None => ended,
    }
}

fn parts(forecast: &Forecast) -> Vec<Part> {
    let is_compared = forecast.nodes.iter().any(|n| n.actual.is_some());
    let nodes = forecast.nodes.iter().map(|n| {
        let actual = is_compared.then(|| n.actual.map_or("-".to_owned(), time));
        [n.name.clone(), time(n.seconds.median), range(&n.seconds)].into_iter().chain(actual).collect()
    });
    let node_header = ["NODE", "USUALLY", "BETWEEN"].into_iter().chain(is_compared.then_some("ACTUAL"));
    let waits =
        forecast.waits.iter().map(|w| vec![w.what.clone(), time(w.seconds.median), range(&w.seconds)]);
    let gaps = forecast.gaps.iter().map(|g| {
        let back = if g.comes_back { "yes" } else { "no" };
        vec![
            g.workload.clone(),
            range(&g.seconds),
            format!("{}/{}", g.plays, forecast.went_well),
            back.into(),
        ]
    });
    let failures = forecast.failures.iter().map(|f| vec![f.seed.to_string(), f.reason.clone()]);
    let unknown = forecast.not_modelled.iter().map(|what| vec![what.clone()]);
    let parts = [
        Part("Nodes", node_header.collect(), nodes.collect()),
        Part("Waits, the bottleneck first", vec!["WAIT", "USUALLY", "BETWEEN"], waits.collect()),
        Part(
            "Without a ready pod for a while",
            vec!["WORKLOAD", "FOR", "REHEARSALS", "COMES BACK"],
            gaps.collect(),
        ),
        Part("Did not end well", vec!["SEED", "REASON"], failures.collect()),
        Part("Not modelled", vec!["WHAT"], unknown.collect()),
    ];
    parts.into_iter().filter(|Part(_, _, rows)| !rows.is_empty()).collect()
}

fn range(spread: &Spread) -> String {
    let (min, max) = (time(spread.min), time(spread.max));
    if min == max { min } else { format!("{min} to {max}") }
}

/// `42s`, `3m05s`, `2h07m`: as kubectl prints ages, but always with the next unit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run, never negative"
)]
fn time(seconds: f64) -> String {
    let all = seconds.round() as u64;
    match (all / 3600, all / 60 % 60, all % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_two_units() {
        let texts: Vec<String> = [0.4, 59.6, 185.0, 7620.0].map(time).into();
        assert_eq!(texts, ["0s", "1m00s", "3m05s", "2h07m"]);
    }

    #[test]
    fn equal_ends_of_a_spread_are_said_once() {
        assert_eq!(range(&Spread { min: 5.0, median: 5.2, max: 5.4 }), "5s");
        assert_eq!(range(&Spread { min: 5.0, median: 7.0, max: 65.0 }), "5s to 1m05s");
    }
}
