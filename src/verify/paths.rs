//! From expected paths and what clients found to a verdict. Pure. A missing answer is a failure.

use std::time::Duration;

use crate::agent::{PathResult, Results};
use crate::report::count;

use super::matrix::Client;

/// One path and how it fared.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Path {
    /// Id of the path.
    pub id: String,
    /// Connections opened.
    pub sent: u32,
    /// Connections answered.
    pub ok: u32,
    /// Longest time without an answer, milliseconds.
    pub longest_gap_ms: u64,
    /// Why it failed; empty where it did not.
    pub error: String,
}

impl Path {
    /// Whether every connection was answered.
    pub fn passed(&self) -> bool {
        self.sent > 0 && self.ok == self.sent && self.error.is_empty()
    }
}

/// All paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Every expected path.
    pub paths: Vec<Path>,
    /// How long it took until probe pods ran: the kubelets' time, not the probes'.
    #[serde(skip)]
    pub pod_start: Duration,
}

impl Verdict {
    /// Whether every path passed; nothing proves nothing.
    pub fn passed(&self) -> bool {
        !self.paths.is_empty() && self.paths.iter().all(Path::passed)
    }

    /// Adds the paths of another verdict; a path that was probed twice must pass twice.
    pub fn merge(&mut self, other: Self) {
        self.pod_start += other.pod_start;
        for path in other.paths {
            match self.paths.iter_mut().find(|p| p.id == path.id) {
                Some(known) => {
                    known.sent += path.sent;
                    known.ok += path.ok;
                    known.longest_gap_ms = known.longest_gap_ms.max(path.longest_gap_ms);
                    if !path.error.is_empty() {
                        known.error = path.error;
                    }
                }
                None => self.paths.push(path),
            }
        }
    }

    /// The paths that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().filter(|p| !p.passed())
    }

    /// One line: `18/18 paths, 1420 probes, 0 lost, longest gap 0 ms`.
    pub fn summary(&self) -> String {
        let good = self.paths.iter().filter(|p| p.passed()).count();
        let sent: u32 = self.paths.iter().map(|p| p.sent).sum();
        let ok: u32 = self.paths.iter().map(|p| p.ok).sum();
        let gap = self.paths.iter().map(|p| p.longest_gap_ms).max().unwrap_or(0);
        format!(
            "{good}/{}, {}, {} lost, longest gap {gap} ms",
            count(self.paths.len(), "path"),
            count(sent, "probe"),
            sent - ok
        )
    }
}

/// Holds what a client found (or why it found nothing) against what it had to find.
pub fn judge(expected: &[(Client, Result<Results, String>)]) -> Verdict {
    let mut verdict = Verdict::default();
    for (client, found) in expected {
        for target in &client.targets {
            let result = match found {
                Ok(results) => results.results.iter().find(|r| r.id == target.id),
                Err(_) => None,
            };
            let missing =
                found.as_ref().err().cloned().unwrap_or_else(|| "no answer from the probe client".into());
            verdict.paths.push(result.map_or_else(|| lost(&target.id, missing), reached));
        }
    }
    verdict
}

fn reached(result: &PathResult) -> Path {
    let PathResult { id, sent, ok, longest_gap_ms, error } = result.clone();
    let error = if ok == sent && sent > 0 { String::new() } else { error };
    let error =
        if ok < sent && error.is_empty() { "not every connection was answered".into() } else { error };
    Path { id, sent, ok, longest_gap_ms, error }
}

fn lost(id: &str, error: String) -> Path {
    Path { id: id.to_owned(), sent: 0, ok: 0, longest_gap_ms: 0, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{Target, TargetKind};

    fn client(ids: &[&str]) -> Client {
        let target = |id: &&str| Target {
            id: (*id).into(),
            kind: TargetKind::Tcp,
            address: String::new(),
            name: String::new(),
        };
        Client { node: "n1".into(), host: false, targets: ids.iter().map(target).collect() }
    }

    fn found(id: &str, sent: u32, ok: u32) -> PathResult {
        PathResult { id: id.into(), sent, ok, longest_gap_ms: 0, error: String::new() }
    }

    #[test]
    fn missing_and_partial_answers_are_failures() {
        let results = Results { results: vec![found("a", 20, 20), found("b", 20, 19)] };
        let verdict = judge(&[
            (client(&["a", "b", "c"]), Ok(results)),
            (client(&["d"]), Err("ImagePullBackOff".into())),
        ]);
        let failed: Vec<_> = verdict.failures().map(|p| (p.id.as_str(), p.error.as_str())).collect();
        assert_eq!(
            failed,
            [
                ("b", "not every connection was answered"),
                ("c", "no answer from the probe client"),
                ("d", "ImagePullBackOff"),
            ]
        );
        assert_eq!(verdict.summary(), "1/4 paths, 40 probes, 1 lost, longest gap 0 ms");
        assert!(!verdict.passed());
        assert!(!judge(&[]).passed(), "nothing proves nothing");
    }
}
