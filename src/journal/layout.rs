//! Which node is in which part of the journal. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::format::{Record, node_of};
use crate::model::JOURNAL_PARTS;

/// Nodes in a part, as long as there are parts left: 64 nodes whose turn is over are 19 KB, with names of the greatest
/// legal length and all their steps 56 KB, of the 1 MiB that a ConfigMap may have. 100 parts then hold 6,400 nodes.
pub(super) const NODES_IN_A_PART: usize = 64;

/// The places of nodes. A node stays in its part, and is written with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Nodes of each part, from part 1 on.
    parts: Vec<BTreeSet<String>>,
    part_of: BTreeMap<String, usize>,
}

impl Layout {
    /// A new one for the nodes of a record.
    pub(super) fn of(record: &Record) -> Self {
        let mut layout = Self::default();
        let with_steps = record.steps.keys().filter_map(|id| node_of(id)).map(|(node, _)| node);
        for node in record.nodes.keys().map(String::as_str).chain(with_steps) {
            layout.place(node);
        }
        layout
    }

    /// Has that many parts at least; empty ones stay, and are filled again.
    pub(super) fn grow(&mut self, parts: usize) {
        self.parts.resize(parts.max(self.parts.len()), BTreeSet::new());
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The nodes of a part.
    pub(super) fn nodes(&self, part: usize) -> impl Iterator<Item = &String> {
        part.checked_sub(1).and_then(|index| self.parts.get(index)).into_iter().flatten()
    }

    /// The part of a node; a new node is put where there is room.
    pub(super) fn place(&mut self, node: &str) -> usize {
        let known = self.part_of.get(node).copied();
        known.unwrap_or_else(|| {
            let part = self.with_room();
            self.put(node, part);
            part
        })
    }

    /// Puts a node into a part; the part in which it is already, if that is another.
    pub(super) fn put(&mut self, node: &str, part: usize) -> Option<usize> {
        self.grow(part);
        if let Some(nodes) = self.parts.get_mut(part - 1) {
            nodes.insert(node.to_owned());
        }
        self.part_of.insert(node.to_owned(), part).filter(|other| *other != part)
    }

    /// Takes a node out of its part, and says which that was.
    pub(super) fn remove(&mut self, node: &str) -> Option<usize> {
        let part = self.part_of.remove(node)?;
        self.parts.get_mut(part - 1)?.remove(node);
        Some(part)
    }

    /// The first part with room, else a new one, else the one with the fewest nodes: what is more than full is still right.
    fn with_room(&self) -> usize {
        let sizes = || (1..).zip(self.parts.iter().map(BTreeSet::len));
        let first = sizes().find(|(_, nodes)| *nodes < NODES_IN_A_PART);
        let fewest = || sizes().min_by_key(|(_, nodes)| *nodes).filter(|_| self.parts.len() >= JOURNAL_PARTS);
        first.or_else(fewest).map_or(self.parts.len() + 1, |(part, _)| part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_filled_one_after_the_other_and_room_is_used_again() {
        let mut layout = Layout::default();
        let names: Vec<String> = (0..130).map(|n| format!("n{n}")).collect();
        let parts: Vec<usize> = names.iter().map(|name| layout.place(name)).collect();
        assert_eq!([parts[0], parts[63], parts[64], parts[127], parts[128]], [1, 1, 2, 2, 3]);
        assert_eq!(layout.place("n64"), 2, "it stays where it is");
        assert_eq!(layout.remove("n5"), Some(1));
        assert_eq!(layout.remove("n5"), None);
        assert_eq!((layout.place("new"), layout.place("newer")), (1, 3));
    }

    #[test]
    fn when_there_is_no_other_part_all_grow_alike() {
        let mut layout = Layout::default();
        for n in 0..JOURNAL_PARTS * NODES_IN_A_PART + 150 {
            layout.place(&format!("n{n}"));
        }
        let sizes: Vec<usize> = (1..=layout.parts()).map(|part| layout.nodes(part).count()).collect();
        assert_eq!((sizes.len(), sizes[0], sizes[49], sizes[50], sizes[99]), (100, 66, 66, 65, 65));
    }
}
