//! Chain and tree together: what a log is after its last entry.

use crate::{
    Checkpoint,
    chain::{Chain, body_hash, body_hashes},
    tree::{Frontier, TreeHash, entry_leaf},
};
use alloc::{string::String, vec::Vec};
use protocol::Hash32;

/// The end of the chain and the right edge of the tree, which always grow by the same entry.
///
/// Whoever follows a log through this type cannot show one history in the chain and another in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogHead {
    chain: Chain,
    frontier: Frontier,
}

impl LogHead {
    /// The log without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The head of a log whose entries were checked before: last entry hash, and the frontier, which knows
    /// how many they are.
    #[must_use]
    pub fn resume(last_entry_hash: Hash32, frontier: Frontier) -> Self {
        Self { chain: Chain::resume(last_entry_hash, frontier.size()), frontier }
    }

    /// Appends a body to chain and tree; returns its entry hash. Completed tree nodes go to `completed` as
    /// in [`Frontier::push`].
    pub fn append(&mut self, body: &[u8], completed: impl FnMut(u8, u64, TreeHash)) -> Hash32 {
        self.append_hashed(body, &body_hash(body), completed)
    }

    /// [`LogHead::append`] where the body's hash is known already.
    pub fn append_hashed(
        &mut self,
        body: &[u8],
        body_hash: &Hash32,
        completed: impl FnMut(u8, u64, TreeHash),
    ) -> Hash32 {
        self.frontier.push(entry_leaf(&self.chain.head(), body), completed);
        self.chain.append_hashed(body_hash)
    }

    /// [`LogHead::append`] for each body, in order, with the bodies hashed together; returns the entry hashes.
    pub fn append_all(
        &mut self,
        bodies: &[&[u8]],
        mut completed: impl FnMut(u8, u64, TreeHash),
    ) -> Vec<Hash32> {
        let hashes = body_hashes(bodies);
        let entries = bodies.iter().zip(&hashes);
        entries.map(|(body, hash)| self.append_hashed(body, hash, &mut completed)).collect()
    }

    /// Number of entries, which is also the seq of the next one.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.chain.len()
    }

    /// Hash of the last entry; zeros while there is none.
    #[must_use]
    pub const fn entry_hash(&self) -> Hash32 {
        self.chain.head()
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        self.frontier.root()
    }

    /// The right edge of the tree, to be stored.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The statement to sign about the log named `origin`.
    #[must_use]
    pub fn checkpoint(&self, origin: &str) -> Checkpoint {
        Checkpoint { origin: String::from(origin), size: self.size(), root: self.root() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// EL-2, EL-3: the leaf carries the link of the chain.
    #[test]
    fn el_3_chain_and_tree_grow_together() {
        let mut head = LogHead::new();
        let first = head.append(b"first", |_, _, _| ());
        let resumed = LogHead::resume(first, head.frontier().clone());
        assert_eq!(resumed, head);

        let mut nodes = Vec::new();
        head.append(b"second", |level, index, hash| nodes.push((level, index, hash)));
        let leaf = entry_leaf(&first, b"second");
        assert_eq!(nodes, [(0, 1, leaf), (1, 0, head.root())]);
        let checkpoint = head.checkpoint("example.com/log");
        assert_eq!((checkpoint.size, checkpoint.root), (2, head.root()));
    }
}
