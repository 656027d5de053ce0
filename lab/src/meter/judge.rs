//! Decides what each loss means, and adds up what the meter measured.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};

use super::{
    coverage,
    life::{Lives, Span},
    read::Record,
    record::{Event, Kind, NAMESPACE, PATIENCE, PERIOD, Target},
    verdict::{Class, Loss, Side, Tally, Verdict},
};

/// How much of an attempt's patience an agent must have been held up for the attempt to prove nothing: half of it.
const UNFAIR_SECONDS: f64 = 0.5;

/// Judges the records over `span`. `new_network` is the pod network that is migrated to.
pub(crate) fn judge(records: &[Record], lives: &Lives, new_network: IpNet, span: Span) -> Verdict {
    let silences = coverage::silences(records, lives, span);
    let mut verdict = Verdict { silences, delays: delays(records, span), ..Verdict::default() };
    for record in records {
        Reading { lives, new_network, span, verdict: &mut verdict, near: None, runs: BTreeMap::new() }
            .read(record);
    }
    verdict.losses.sort_by_key(|loss| loss.at);
    verdict
}

/// The stretches in which an agent should have run and did not.
fn delays(records: &[Record], span: Span) -> Vec<Span> {
    let lines = records.iter().flat_map(|record| &record.lines);
    let delays = lines.filter_map(|line| match line.event {
        Event::HeldUp { millis } => {
            let from = line.at.checked_sub(SignedDuration::from_millis(millis)).ok()?;
            Span { from, until: line.at }.overlap(span)
        }
        _ => None,
    });
    delays.collect()
}

/// The near end of the lines that follow.
struct Near {
    uid: String,
    label: String,
    side: Side,
}

/// A row of losses that has not ended yet.
struct Run {
    first: Timestamp,
    last: Timestamp,
}

/// The reading of one record.
struct Reading<'a> {
    lives: &'a Lives,
    new_network: IpNet,
    span: Span,
    verdict: &'a mut Verdict,
    near: Option<Near>,
    runs: BTreeMap<Target, Run>,
}

impl Reading<'_> {
    fn read(mut self, record: &Record) {
        for line in &record.lines {
            match &line.event {
                Event::Started { uid, pod, node, address } => {
                    self.end_runs();
                    let label = format!("{pod} on {node}");
                    self.near = Some(Near { uid: uid.clone(), label, side: self.side(*address) });
                }
                _ if line.at < self.span.from || line.at > self.span.until => {}
                Event::Counts { pairs } => {
                    for count in pairs {
                        self.tally(&count.target).attempts += count.attempts;
                    }
                }
                Event::Loss { target, error } => self.loss(line.at, target, error),
                Event::Back { target } => {
                    if let Some(run) = self.runs.remove(target) {
                        self.gap(target, run.first, line.at);
                    }
                }
                Event::HeldUp { .. } | Event::Stopped | Event::PeersUnknown { .. } => {}
            }
        }
        self.end_runs();
    }

    fn loss(&mut self, at: Timestamp, target: &Target, error: &str) {
        let attempt = Span { from: at, until: at.saturating_add(PATIENCE).unwrap_or(at) };
        if self.is_excused(attempt, target) {
            self.tally(target).excused += 1;
            return;
        }
        if self.is_unclear(attempt) {
            self.tally(target).unclear += 1;
            return;
        }
        self.tally(target).lost += 1;
        self.runs.entry(target.clone()).or_insert(Run { first: at, last: at }).last = at;
        let from = self.near.as_ref().map(|near| near.label.clone()).unwrap_or_default();
        self.verdict.losses.push(Loss { at, from, to: target.clone(), error: error.to_owned() });
    }

    /// Whether one of the two pods was itself being restarted while the attempt lasted.
    fn is_excused(&self, attempt: Span, target: &Target) -> bool {
        let near = self.near.as_ref().and_then(|near| self.lives.get(&near.uid));
        let near_steady = near.is_some_and(|life| life.is_steady(attempt));
        let far_steady = match target.kind {
            Kind::Service | Kind::Dns | Kind::Api => true,
            Kind::Pod | Kind::Held => self
                .lives
                .named(NAMESPACE, &target.pod, attempt.from)
                .is_some_and(|life| life.is_steady(attempt)),
        };
        !(near_steady && far_steady)
    }

    /// Whether some agent was held up for so much of the attempt that an answer had no fair chance. All of the lab
    /// runs on one machine: where one agent does not run, the far end of another's attempt may not run either.
    fn is_unclear(&self, attempt: Span) -> bool {
        let overlaps = self.verdict.delays.iter().filter_map(|delay| delay.overlap(attempt));
        overlaps.map(Span::seconds).any(|seconds| seconds >= UNFAIR_SECONDS)
    }

    /// Ends the rows of losses that no success followed.
    fn end_runs(&mut self) {
        for (target, run) in std::mem::take(&mut self.runs) {
            self.gap(&target, run.first, run.last.saturating_add(PERIOD).unwrap_or(run.last));
        }
    }

    fn gap(&mut self, target: &Target, from: Timestamp, until: Timestamp) {
        let tally = self.tally(target);
        tally.longest_gap = tally.longest_gap.max(until.duration_since(from));
    }

    fn tally(&mut self, target: &Target) -> &mut Tally {
        let near = self.near.as_ref().map_or(Side::Old, |near| near.side);
        let class = match target.kind {
            Kind::Pod => Class::Pods(near, self.side(SocketAddr::ip(&target.address))),
            Kind::Service => Class::Service,
            Kind::Dns => Class::Dns,
            Kind::Api => Class::Api,
            Kind::Held => Class::Held,
        };
        self.verdict.tallies.entry(class).or_default()
    }

    fn side(&self, address: IpAddr) -> Side {
        if self.new_network.contains(&address) { Side::New } else { Side::Old }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::{
        life::tests::{at, pod, span},
        record::{Count, Line},
    };

    fn target(kind: Kind, pod: &str, address: &str) -> Target {
        Target { kind, pod: pod.into(), address: address.parse().unwrap() }
    }

    fn started(second: i64, pod: &str, address: &str) -> Line {
        let event = Event::Started {
            uid: format!("uid-{pod}"),
            pod: pod.into(),
            node: "n1".into(),
            address: address.parse().unwrap(),
        };
        Line { at: at(second), event }
    }

    fn line(second: i64, event: Event) -> Line {
        Line { at: at(second), event }
    }

    fn loss(second: i64, target: &Target) -> Line {
        line(second, Event::Loss { target: target.clone(), error: "refused".into() })
    }

    /// `meter-a` on n1 and `meter-b` on n2, both Ready from 0 on.
    fn two_pods() -> Lives {
        let mut lives = Lives::default();
        lives.see(at(0), &pod("meter-a", "n1", Some(0), false));
        lives.see(at(0), &pod("meter-b", "n2", Some(0), false));
        lives
    }

    fn verdict(written: Vec<Line>, lives: &Lives) -> Verdict {
        judge(&[Record { lines: written }], lives, "10.245.0.0/16".parse().unwrap(), span(0, 100))
    }

    #[test]
    fn an_unexplained_loss_counts_with_its_gap_in_the_class_of_its_pair() {
        let b = target(Kind::Pod, "meter-b", "10.245.1.7:8080");
        let written = vec![
            started(0, "meter-a", "10.244.0.5"),
            line(1, Event::Counts { pairs: vec![Count { target: b.clone(), attempts: 10, lost: 0 }] }),
            loss(2, &b),
            loss(3, &b),
            line(5, Event::Back { target: b.clone() }),
        ];
        let verdict = verdict(written, &two_pods());
        let longest_gap = SignedDuration::from_secs(3);
        let tally = Tally { attempts: 10, lost: 2, longest_gap, ..Tally::default() };
        assert_eq!(verdict.tallies, [(Class::Pods(Side::Old, Side::New), tally)].into());
        assert_eq!(
            verdict.losses[0].to_string(),
            format!("{} meter-a on n1 -> Pod meter-b 10.245.1.7:8080: refused", at(2))
        );
    }

    #[test]
    fn losses_around_a_restart_of_either_pod_are_excused() {
        let mut lives = two_pods();
        lives.see(at(10), &pod("meter-b", "n2", Some(0), true));
        lives.lose(at(14), "uid-meter-b");
        let b = target(Kind::Pod, "meter-b", "10.244.1.7:8080");
        let dns = target(Kind::Dns, "", "10.96.0.10:53");
        let written = vec![
            started(0, "meter-a", "10.244.0.5"),
            loss(10, &b), // told to end, but still within its grace
            loss(13, &b), // grace past
            loss(30, &b), // gone
            loss(31, &dns),
        ];
        let verdict = verdict(written, &lives);
        let tally = &verdict.tallies[&Class::Pods(Side::Old, Side::Old)];
        assert_eq!((tally.lost, tally.excused), (1, 2));
        assert_eq!(
            tally.longest_gap,
            SignedDuration::from_millis(100),
            "only what nothing explains is a gap"
        );
        assert_eq!(
            verdict.tallies[&Class::Dns].lost,
            1,
            "the restart of a peer does not explain a lost DNS query"
        );
    }

    #[test]
    fn a_loss_while_the_machine_stands_still_proves_nothing() {
        let dns = target(Kind::Dns, "", "10.96.0.10:53");
        let held_up = |second, millis| line(second, Event::HeldUp { millis });
        let losses = vec![
            started(0, "meter-a", "10.244.0.5"),
            loss(10, &dns),
            held_up(11, 600),
            loss(20, &dns),
            held_up(21, 400),
        ];
        let verdict = verdict(losses, &two_pods());
        let tally = &verdict.tallies[&Class::Dns];
        assert_eq!((tally.unclear, tally.lost), (1, 1), "only a delay of half the patience counts");
        assert_eq!(verdict.losses[0].at, at(20));
    }

    #[test]
    fn a_reboot_of_the_near_node_excuses_its_losses_only() {
        let mut lives = two_pods();
        lives.node_down(at(20), "n1");
        let dns = target(Kind::Dns, "", "10.96.0.10:53");
        let near = verdict(vec![started(0, "meter-a", "10.244.0.5"), loss(21, &dns)], &lives);
        let far = verdict(vec![started(0, "meter-b", "10.244.1.7"), loss(21, &dns)], &lives);
        assert_eq!((near.tallies[&Class::Dns].excused, far.tallies[&Class::Dns].lost), (1, 1));
    }

    #[test]
    fn what_lies_outside_of_the_stretch_is_left_out() {
        let dns = target(Kind::Dns, "", "10.96.0.10:53");
        let written = vec![started(-50, "meter-a", "10.244.0.5"), loss(-10, &dns), loss(101, &dns)];
        assert!(verdict(written, &two_pods()).losses.is_empty());
    }
}
