//! Finds where the meter measured nothing although it should have: a meter that is silent proves nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    life::{Life, Lives, Span},
    read::Record,
    record::{Count, Event, Kind, NAMESPACE, PERIOD},
};

/// How long a Ready meter pod may write no line of counts.
const LONGEST_SILENCE: SignedDuration = SignedDuration::from_secs(3);

/// What an agent needs to hear of a new peer, and its peer to become known: left out at both ends of a stretch.
const WARM_UP: SignedDuration = SignedDuration::from_secs(4);

/// The share of the attempts that a machine too busy to make them all must still make.
const LEAST_SHARE: f64 = 0.5;

/// The counts of one agent, in the order of time.
type Counts<'a> = Vec<(Timestamp, &'a [Count])>;

/// One sentence for each stretch of `span` in which something that should have been measured was not.
pub(crate) fn silences(records: &[Record], lives: &Lives, span: Span) -> Vec<String> {
    let counts = counts_by_uid(records);
    let meters: Vec<(&str, &Life)> = lives.iter().filter(|(_, life)| life.namespace == NAMESPACE).collect();
    let nothing = Vec::new();
    let mut silences = Vec::new();
    for (uid, near) in &meters {
        let counts = counts.get(uid).unwrap_or(&nothing);
        for steady in near.steady().into_iter().filter_map(|steady| steady.overlap(span)) {
            silences.extend(pauses(near, counts, steady));
            silences.extend(fixed_targets_missed(near, counts, steady));
            let others = meters.iter().filter(|(_, far)| far.node != near.node);
            silences.extend(others.filter_map(|(_, far)| peer_missed(near, far, counts, steady)));
        }
    }
    if meters.is_empty() {
        silences.push(format!("no meter pod was ever seen in namespace {NAMESPACE}"));
    }
    silences
}

fn counts_by_uid(records: &[Record]) -> BTreeMap<&str, Counts<'_>> {
    let mut by_uid: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
    for record in records {
        let mut current = "";
        for line in &record.lines {
            match &line.event {
                Event::Started { uid, .. } => current = uid,
                Event::Counts { pairs } => by_uid.entry(current).or_default().push((line.at, pairs)),
                _ => {}
            }
        }
    }
    by_uid
}

/// The stretches of `steady` without a line of counts that are too long.
fn pauses(near: &Life, counts: &Counts<'_>, steady: Span) -> Vec<String> {
    let within = counts.iter().map(|(at, _)| *at).filter(|at| steady.from < *at && *at < steady.until);
    let moments: Vec<Timestamp> = [steady.from].into_iter().chain(within).chain([steady.until]).collect();
    moments
        .windows(2)
        .filter(|pair| pair[1].duration_since(pair[0]) > LONGEST_SILENCE)
        .map(|pair| {
            format!("meter pod {} on {} wrote nothing from {} to {}", near.name, near.node, pair[0], pair[1])
        })
        .collect()
}

fn fixed_targets_missed(near: &Life, counts: &Counts<'_>, steady: Span) -> Vec<String> {
    [Kind::Service, Kind::Dns, Kind::Api]
        .into_iter()
        .filter_map(|kind| {
            too_few(near, &format!("{kind:?}"), counts, steady, |count| count.target.kind == kind)
        })
        .collect()
}

fn peer_missed(near: &Life, far: &Life, counts: &Counts<'_>, steady: Span) -> Option<String> {
    far.steady().into_iter().filter_map(|other| other.overlap(steady)).find_map(|both| {
        too_few(near, &format!("pod {} on {}", far.name, far.node), counts, both, |count| {
            count.target.kind == Kind::Pod && count.target.pod == far.name
        })
    })
}

/// Says so if fewer attempts than [`LEAST_SHARE`] of what [`PERIOD`] promises were made on the chosen pairs.
fn too_few(
    near: &Life,
    what: &str,
    counts: &Counts<'_>,
    span: Span,
    chosen: impl Fn(&Count) -> bool,
) -> Option<String> {
    let from = span.from.saturating_add(WARM_UP).ok()?;
    let until = span.until.saturating_sub(WARM_UP).ok()?;
    let inner = span.overlap(Span { from, until })?;
    let made: u64 = counts
        .iter()
        .filter(|(at, _)| inner.from <= *at && *at <= inner.until)
        .flat_map(|(_, pairs)| pairs.iter().filter(|count| chosen(count)))
        .map(|count| count.attempts)
        .sum();
    let promised = (inner.seconds() - 1.0) / PERIOD.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^52")]
    let enough = made as f64 >= promised * LEAST_SHARE;
    (!enough).then(|| {
        format!(
            "meter pod {} on {} made {made} attempts to {what} from {} to {}, promised are {promised:.0}",
            near.name, near.node, inner.from, inner.until
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::{
        life::tests::{at, pod, span},
        record::{Line, Target},
    };

    fn count(kind: Kind, pod: &str) -> Count {
        let target = Target { kind, pod: pod.into(), address: "10.244.0.1:8080".parse().unwrap() };
        Count { target, attempts: 10, lost: 0 }
    }

    /// The record of a pod that writes every second of `seconds`, with attempts to the fixed targets and `peer`.
    fn record(name: &str, peer: &str, seconds: impl Iterator<Item = i64>) -> Record {
        let started = Event::Started {
            uid: format!("uid-{name}"),
            pod: name.into(),
            node: String::new(),
            address: [10, 244, 0, 1].into(),
        };
        let pairs: Vec<Count> = [Kind::Service, Kind::Dns, Kind::Api]
            .map(|kind| count(kind, ""))
            .into_iter()
            .chain((!peer.is_empty()).then(|| count(Kind::Pod, peer)))
            .collect();
        let counts = seconds.map(|s| Line { at: at(s), event: Event::Counts { pairs: pairs.clone() } });
        Record { lines: [Line { at: at(0), event: started }].into_iter().chain(counts).collect() }
    }

    fn two_pods() -> Lives {
        let mut lives = Lives::default();
        lives.see(at(0), &pod("meter-a", "n1", Some(0), false));
        lives.see(at(0), &pod("meter-b", "n2", Some(0), false));
        lives
    }

    #[test]
    fn a_meter_that_measures_everything_is_not_silent() {
        let records = [record("meter-a", "meter-b", 0..60), record("meter-b", "meter-a", 0..60)];
        assert_eq!(silences(&records, &two_pods(), span(0, 60)), [""; 0]);
    }

    #[test]
    fn a_pause_is_named() {
        let records = [
            record("meter-a", "meter-b", (0..60).filter(|s| !(20..24).contains(s))),
            record("meter-b", "meter-a", 0..60),
        ];
        let expected = format!("meter pod meter-a on n1 wrote nothing from {} to {}", at(19), at(24));
        assert_eq!(silences(&records, &two_pods(), span(0, 60)), [expected]);
    }

    #[test]
    fn a_pair_that_was_not_tried_is_named() {
        let records = [record("meter-a", "", 0..60), record("meter-b", "meter-a", 0..60)];
        let found = silences(&records, &two_pods(), span(0, 60));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("meter pod meter-a on n1 made 0 attempts to pod meter-b on n2"),
            "{found:?}"
        );
    }

    #[test]
    fn a_pod_without_a_record_is_named_and_so_is_a_cluster_without_a_meter() {
        let found = silences(&[record("meter-b", "meter-a", 0..60)], &two_pods(), span(0, 60));
        assert!(found[0].starts_with("meter pod meter-a on n1 wrote nothing from"), "{found:?}");
        assert_eq!(
            silences(&[], &Lives::default(), span(0, 60)),
            ["no meter pod was ever seen in namespace lab-meter"]
        );
    }

    #[test]
    fn nothing_is_expected_of_a_pod_that_is_not_ready() {
        let mut lives = two_pods();
        lives.node_down(at(20), "n1");
        let records = [record("meter-a", "meter-b", 0..20), record("meter-b", "meter-a", 0..60)];
        assert_eq!(silences(&records, &lives, span(0, 60)), [""; 0]);
    }
}
