//! What the judge says: sums per class, the losses that nothing explains, and what was not measured.

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp};

use super::{life::Span, record::Target};

/// On which pod network an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The network that is migrated from.
    Old,
    /// The network that is migrated to.
    New,
}

/// What is added up together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// New connections between pods, by the network of the near and of the far end.
    Pods(Side, Side),
    /// New connections to a Service.
    Service,
    /// DNS queries.
    Dns,
    /// New connections to the API.
    Api,
    /// Pings over held connections.
    Held,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Side| match side {
            Side::Old => "old",
            Side::New => "new",
        };
        match self {
            Self::Pods(from, to) => write!(f, "pod {}-{}", side(from), side(to)),
            Self::Service => f.write_str("service"),
            Self::Dns => f.write_str("dns"),
            Self::Api => f.write_str("api"),
            Self::Held => f.write_str("held"),
        }
    }
}

/// The sums of one class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Attempts that came to an end.
    pub(crate) attempts: u64,
    /// Attempts that were lost although both ends were steady.
    pub(crate) lost: u64,
    /// Attempts that were lost while one of the two pods was itself being restarted.
    pub(crate) excused: u64,
    /// Attempts that were lost while the machine was too busy to run the meter, which proves nothing.
    pub(crate) unclear: u64,
    /// The longest time on one pair from the first such loss to the next success; whole multiples of 100 ms mean
    /// nothing finer than that was measured.
    pub(crate) longest_gap: SignedDuration,
}

/// A loss that nothing explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    /// When the attempt began.
    pub(crate) at: Timestamp,
    /// Pod and node at the near end.
    pub(crate) from: String,
    /// The far end.
    pub(crate) to: Target,
    /// What went wrong.
    pub(crate) error: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Target { kind, pod, address } = &self.to;
        write!(f, "{} {} -> {kind:?} {pod} {address}: {}", self.at, self.from, self.error)
    }
}

/// What the meter measured in a stretch of time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// The sums.
    pub(crate) tallies: BTreeMap<Class, Tally>,
    /// The losses that nothing explains, in the order of time.
    pub(crate) losses: Vec<Loss>,
    /// Where the meter measured nothing although it should have; a verdict with any of these proves nothing.
    pub(crate) silences: Vec<String>,
    /// When an agent was held up because the machine was busy.
    pub(crate) delays: Vec<Span>,
}

impl Verdict {
    /// The share of all attempts that prove nothing because the machine was too busy.
    pub(crate) fn unclear_share(&self) -> f64 {
        let sum = |part: fn(&Tally) -> u64| self.tallies.values().map(part).sum::<u64>();
        #[expect(clippy::cast_precision_loss, reason = "counts of attempts are far below 2^52")]
        let share = sum(|tally| tally.unclear) as f64 / sum(|tally| tally.attempts).max(1) as f64;
        share
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "class         attempts   lost  excused  unclear  longest gap (resolution 100 ms)")?;
        for (class, Tally { attempts, lost, excused, unclear, longest_gap }) in &self.tallies {
            let (class, gap) = (class.to_string(), longest_gap.as_millis());
            writeln!(f, "{class:<12} {attempts:>9} {lost:>6} {excused:>8} {unclear:>8}  {gap} ms")?;
        }
        let longest = self.delays.iter().map(|delay| delay.seconds()).fold(0.0, f64::max);
        write!(f, "the machine held agents up {} times, at most for {longest:.1} s", self.delays.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_shown_as_a_table_with_the_delays_below() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let tally = Tally {
            attempts: 1_000,
            lost: 2,
            excused: 3,
            unclear: 1,
            longest_gap: SignedDuration::from_millis(300),
        };
        let verdict = Verdict {
            tallies: [(Class::Pods(Side::Old, Side::New), tally)].into(),
            delays: vec![Span { from: at(1), until: at(3) }],
            ..Verdict::default()
        };
        let text = verdict.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "pod old-new       1000      2        3        1  300 ms");
        assert_eq!(lines[2], "the machine held agents up 1 times, at most for 2.0 s");
        assert!((verdict.unclear_share() - 0.001).abs() < 1e-9);
    }
}
