//! Which node is where: a hash table of places alone.

use std::hash::{Hash, Hasher};

use super::{Id, Node};

/// No node is there.
const FREE: Id = Id::MAX;

/// Finds nodes of a list by what they are, with open addressing.
///
/// PERF: 8 to 16 bytes for a node, where a `HashMap<Node, Id>` takes 25 to 50; recording a million nodes is
/// limited by the memory that must be cleared.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// A power of two of places, at most half of them taken.
    places: Vec<Id>,
    count: usize,
}

impl Index {
    /// Where `node` is among `nodes`, or `next`, if it is new: then it must be put there.
    pub(super) fn find_or_insert(&mut self, node: Node, next: Id, nodes: &[Node]) -> Id {
        if self.places.len() <= 2 * self.count {
            self.grow(nodes);
        }
        let place = self.place(node, nodes);
        let found = self.places[place];
        if found != FREE {
            return found;
        }
        self.places[place] = next;
        self.count += 1;
        next
    }

    /// The place of `node`, or a free one where it belongs.
    fn place(&self, node: Node, nodes: &[Node]) -> usize {
        let mask = self.places.len() - 1;
        let mut place = hash(node) & mask;
        while self.places[place] != FREE && nodes[self.places[place] as usize] != node {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self, nodes: &[Node]) {
        let ids = std::mem::take(&mut self.places);
        self.places = vec![FREE; (4 * self.count).next_power_of_two().max(16)];
        for id in ids.into_iter().filter(|&id| id != FREE) {
            let place = self.place(nodes[id as usize], nodes);
            self.places[place] = id;
        }
    }
}

fn hash(node: Node) -> usize {
    let mut mixer = Mixer(0);
    node.hash(&mut mixer);
    // The upper bits are mixed best.
    (mixer.0 >> 32) as usize
}

/// Hashes nodes, which nobody chooses to do harm.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
