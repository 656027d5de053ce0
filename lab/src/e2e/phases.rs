//! Waits for the phase that the tool writes on the nodes, to strike at a chosen moment.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use super::world::World;
use crate::{error::Error, process};

/// The annotation, as kubectl's custom columns spell it.
const COLUMNS: &str =
    r"custom-columns=NODE:.metadata.name,PHASE:.metadata.annotations.cni-migrate\.dev/phase";

/// How long a node may take to reach a phase.
const LIMIT: Duration = Duration::from_secs(300);

/// The phases of all nodes, as a watch tells of them.
pub(crate) struct Phases {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// The last phase of each node.
    known: BTreeMap<String, String>,
}

impl World {
    /// Begins to follow the phases.
    ///
    /// # Errors
    /// When kubectl cannot be started.
    pub(crate) fn phases(&self) -> Result<Phases, Error> {
        let mut command = self.cluster.client_command("kubectl");
        command.args(["get", "nodes", "--watch", "--no-headers", "-o", COLUMNS]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|source| process::not_started(&command, &source))?;
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                // Nobody listens any more once the scenario has seen what it waited for.
                lines.map(|line| sender.send(line)).take_while(Result::is_ok).for_each(drop);
            });
        }
        Ok(Phases { child, lines, known: BTreeMap::new() })
    }
}

impl Phases {
    /// Waits until a node is in `phase` while at least `migrated` others have been migrated, and returns its name.
    ///
    /// # Errors
    /// When that does not come about in time.
    pub(crate) fn wait_for(&mut self, phase: &str, migrated: usize, world: &World) -> Result<String, Error> {
        let until = world.deadline(LIMIT);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return Err(Error::Timeout {
                    what: format!(
                        "no node is in phase {phase} after {migrated} others, phases are {:?}",
                        self.known
                    ),
                    seconds: LIMIT.as_secs(),
                    hint: "see what the tool said in the scenario's folder".into(),
                });
            };
            if let Some(node) = note(&mut self.known, &line, phase, migrated) {
                return Ok(node);
            }
        }
    }
}

impl Drop for Phases {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Takes note of one line; the node, if it is in `phase` and at least that many others are migrated.
fn note(known: &mut BTreeMap<String, String>, line: &str, phase: &str, migrated: usize) -> Option<String> {
    let mut words = line.split_whitespace();
    let (node, seen) = (words.next()?, words.next()?);
    known.insert(node.to_owned(), seen.to_owned());
    let before = known.values().filter(|other| *other == "Migrated").count();
    (seen == phase && before >= migrated).then(|| node.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nodes_pass_and_the_one_after_them_is_named() {
        let mut known = BTreeMap::new();
        let lines = ["n1 <none>", "n2 <none>", "n2 Drained", "n2 Migrated", "n3 Draining", "n3 Drained"];
        let named: Vec<String> =
            lines.iter().filter_map(|line| note(&mut known, line, "Drained", 1)).collect();
        assert_eq!(named, ["n3"]);
        assert_eq!(note(&mut known, "n1 Draining", "Draining", 2), None);
        note(&mut known, "n3 Migrated", "Draining", 2);
        assert_eq!(note(&mut known, "n1 Draining", "Draining", 2).as_deref(), Some("n1"));
    }
}
