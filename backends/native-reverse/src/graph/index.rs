//! Which node is where: a hash table of places alone.

use std::hash::{Hash, Hasher};

use super::{Id, Node};

/// Nothing is there.
const FREE: u64 = u64::MAX;

/// Finds nodes of a list by what they are, with open addressing.
///
/// PERF: 12 to 24 bytes for a node, where a `HashMap<Node, Id>` takes 28 to 57. Half of the hash is kept
/// beside the place, so that looking for a new node does not touch the others: without, recording half
/// a million operations took twice as long.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// A power of two of entries, at most two thirds of them taken: half of a hash, and the node.
    entries: Vec<u64>,
    count: usize,
}

impl Index {
    /// The index of `nodes`.
    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut index = Index::default();
        for (&node, id) in nodes.iter().zip(0..) {
            index.find_or_insert(node, id, nodes);
        }
        index
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.entries[..])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where `node` is among `nodes`, or `next`, if it is new: then it must be put there.
    pub(super) fn find_or_insert(&mut self, node: Node, next: Id, nodes: &[Node]) -> Id {
        if 2 * self.entries.len() <= 3 * self.count {
            self.grow();
        }
        let hash = hash(node);
        let mask = self.entries.len() - 1;
        let mut place = hash as usize & mask;
        while self.entries[place] != FREE {
            let (found, id) = split(self.entries[place]);
            if found == hash && nodes[id as usize] == node {
                return id;
            }
            place = (place + 1) & mask;
        }
        self.entries[place] = u64::from(hash) << 32 | u64::from(next);
        self.count += 1;
        next
    }

    fn grow(&mut self) {
        let capacity = (2 * self.entries.len()).max(16);
        let entries = std::mem::replace(&mut self.entries, vec![FREE; capacity]);
        for entry in entries.into_iter().filter(|&entry| entry != FREE) {
            let mut place = split(entry).0 as usize & (capacity - 1);
            while self.entries[place] != FREE {
                place = (place + 1) & (capacity - 1);
            }
            self.entries[place] = entry;
        }
    }
}

/// The hash and the node of an entry.
#[allow(clippy::cast_possible_truncation, reason = "halves of it")]
fn split(entry: u64) -> (u32, Id) {
    ((entry >> 32) as u32, entry as u32)
}

#[allow(clippy::cast_possible_truncation, reason = "the upper half, whose bits are mixed best")]
fn hash(node: Node) -> u32 {
    let mut mixer = Mixer(0);
    node.hash(&mut mixer);
    (mixer.0 >> 32) as u32
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
