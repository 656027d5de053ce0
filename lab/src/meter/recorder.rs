//! Writes the record of one agent: samples in, JSON lines out.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use jiff::Timestamp;

use super::record::{Count, Event, Line, Target};

/// The outcome of one attempt.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The far end.
    pub(crate) target: Target,
    /// When the attempt began.
    pub(crate) begun: Timestamp,
    /// Nothing, or what went wrong.
    pub(crate) outcome: Result<(), String>,
}

/// The record of one agent. Nothing is buffered, so that a line is kept whatever happens to the pod after it.
pub(crate) struct Recorder<W> {
    out: W,
    counts: BTreeMap<Target, (u64, u64)>,
    failing: BTreeSet<Target>,
}

impl<W: Write> Recorder<W> {
    /// Begins a record that is appended to `out`.
    pub(crate) fn new(out: W) -> Self {
        Self { out, counts: BTreeMap::new(), failing: BTreeSet::new() }
    }

    /// Counts one attempt and writes down a loss or the end of a row of losses.
    ///
    /// Samples of one pair must come in the order in which their attempts began.
    pub(crate) fn sample(&mut self, sample: Sample) -> io::Result<()> {
        let Sample { target, begun, outcome } = sample;
        let count = self.counts.entry(target.clone()).or_default();
        count.0 += 1;
        match outcome {
            Ok(()) if self.failing.remove(&target) => self.write(begun, Event::Back { target }),
            Ok(()) => Ok(()),
            Err(error) => {
                count.1 += 1;
                self.failing.insert(target.clone());
                self.write(begun, Event::Loss { target, error })
            }
        }
    }

    /// Writes what was counted since the last call, also when that is nothing: the line proves that the agent runs.
    pub(crate) fn counts(&mut self, at: Timestamp) -> io::Result<()> {
        let pairs = std::mem::take(&mut self.counts)
            .into_iter()
            .map(|(target, (attempts, lost))| Count { target, attempts, lost })
            .collect();
        self.write(at, Event::Counts { pairs })
    }

    /// Writes one line.
    pub(crate) fn write(&mut self, at: Timestamp, event: Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line { at, event })?;
        line.push(b'\n');
        self.out.write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::record::Kind;

    fn dns() -> Target {
        Target { kind: Kind::Dns, pod: String::new(), address: "10.96.0.10:53".parse().unwrap() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lines(bytes: &[u8]) -> Vec<Line> {
        bytes
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect()
    }

    #[test]
    fn writes_each_loss_the_first_success_after_it_and_the_counts() {
        let mut recorder = Recorder::new(Vec::new());
        for (second, outcome) in [(1, Ok(())), (2, Err("refused".to_owned())), (3, Ok(())), (4, Ok(()))] {
            recorder.sample(Sample { target: dns(), begun: at(second), outcome }).unwrap();
        }
        recorder.counts(at(5)).unwrap();
        recorder.counts(at(6)).unwrap();

        let expected = [
            (2, Event::Loss { target: dns(), error: "refused".into() }),
            (3, Event::Back { target: dns() }),
            (5, Event::Counts { pairs: vec![Count { target: dns(), attempts: 4, lost: 1 }] }),
            (6, Event::Counts { pairs: vec![] }),
        ]
        .map(|(second, event)| Line { at: at(second), event });
        assert_eq!(lines(&recorder.out), expected);
    }
}
