//! Which nodes take part in proving one: chosen among all that were read once, and read anew before each use. To read all
//! nodes for each node would cost the API server the square of them.

use crate::error::{Error, Result};
use crate::model::Snapshot;
use crate::observe::Observer;
use crate::verify::{Side, participants};

/// The nodes by name, those that were Ready when they were read last, with their sides.
#[derive(Debug, Default)]
pub struct Peers(Option<Vec<Peer>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Peer {
    name: String,
    side: Side,
    is_ready: bool,
}

impl Peers {
    /// What must be known of the nodes to prove `subject`: itself and its peers, as they are now.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(super) async fn of(&mut self, observer: &Observer, subject: &str) -> Result<Snapshot> {
        let mut known = match self.0.take() {
            Some(known) if names_of(&known).any(|name| name == subject) => known,
            _ => peers(&observer.nodes_and_blocks().await?),
        };
        // Each turn corrects what is known of at least one node.
        for _ in 0..=known.len() {
            let chosen = choose(&known, subject);
            let names: Vec<&str> = chosen.iter().map(|peer| peer.name.as_str()).collect();
            let snapshot = observer.some_nodes_and_blocks(&names).await?;
            let now = peers(&snapshot);
            let are_as_known = chosen.iter().all(|peer| peer.name == subject || now.contains(peer));
            known.retain(|peer| !names_of(&chosen).any(|name| name == peer.name));
            known.extend(now);
            known.sort_by(|a, b| a.name.cmp(&b.name));
            if are_as_known {
                self.0 = Some(known);
                return Ok(snapshot);
            }
        }
        Err(Error::failed(format!("the nodes around {subject} come and go: none stays to prove it with")))
    }
}

fn names_of(peers: &[Peer]) -> impl Iterator<Item = &str> {
    peers.iter().map(|peer| peer.name.as_str())
}

fn peers(snapshot: &Snapshot) -> Vec<Peer> {
    let peer = |node: &crate::model::Node| Peer {
        name: node.name.to_string(),
        side: Side::of(node),
        is_ready: node.is_ready(),
    };
    snapshot.nodes.iter().map(peer).collect()
}

/// The subject, whatever it is like, and its peers among those that were Ready.
fn choose(known: &[Peer], subject: &str) -> Vec<Peer> {
    let usable = known.iter().filter(|peer| peer.is_ready || peer.name == subject);
    let nodes: Vec<(&str, Side)> = usable.map(|peer| (peer.name.as_str(), peer.side)).collect();
    let names: Vec<&str> = participants(subject, &nodes).into_iter().map(|(name, _)| *name).collect();
    known.iter().filter(|peer| names.contains(&peer.name.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_ready_nodes_of_both_sides_and_the_subject_whatever_it_is_like() {
        let peer =
            |(name, side, is_ready): (&str, Side, bool)| Peer { name: name.to_owned(), side, is_ready };
        let known = [
            ("a", Side::New, false),
            ("b", Side::New, true),
            ("c", Side::Old, false),
            ("d", Side::Old, false),
            ("e", Side::Old, true),
            ("f", Side::Old, true),
            ("g", Side::Old, true),
        ]
        .map(peer);
        assert_eq!(names_of(&choose(&known, "c")).collect::<Vec<_>>(), ["b", "c", "e", "f"]);
    }
}
