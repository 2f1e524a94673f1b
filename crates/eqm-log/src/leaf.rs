//! The leaf data of one entry: what the tree hashes, bundles carry and proof files enclose.

use crate::{
    MAX_BODY_LEN, chain,
    tree::{TreeHash, entry_leaf},
};
use alloc::vec::Vec;
use protocol::Hash32;

/// Shortest leaf data in bytes: the predecessor's hash and a body of one byte.
pub const MIN_LEAF_LEN: usize = 32 + 1;

/// Longest leaf data in bytes, that of the 16-bit length of an entry bundle.
pub const MAX_LEAF_LEN: usize = 32 + MAX_BODY_LEN;

/// Leaf data `prev_entry_hash ‖ body` (EL-3), taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// Hash of the entry before; zeros for the first.
    pub prev_entry_hash: Hash32,
    /// Canonical bytes of the body, at least one.
    pub body: &'a [u8],
}

impl<'a> Leaf<'a> {
    /// Takes leaf data apart; `None` unless its length is within [`MIN_LEAF_LEN`] and [`MAX_LEAF_LEN`].
    #[must_use]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let (prev, body) = data.split_first_chunk::<32>()?;
        let fits = (1..=MAX_BODY_LEN).contains(&body.len());
        fits.then_some(Self { prev_entry_hash: Hash32(*prev), body })
    }

    /// Length of the leaf data in bytes.
    #[must_use]
    pub const fn data_len(&self) -> usize {
        self.body.len().saturating_add(32)
    }

    /// The leaf data.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.prev_entry_hash.0[..], self.body].concat()
    }

    /// Hash of the leaf in the tree (EL-3).
    #[must_use]
    pub fn leaf_hash(&self) -> TreeHash {
        entry_leaf(&self.prev_entry_hash, self.body)
    }

    /// Hash of the entry in the chain (EL-1).
    #[must_use]
    pub fn entry_hash(&self) -> Hash32 {
        chain::entry_hash(&self.prev_entry_hash, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;

    /// EL-3: the bounds of leaf data, and its two hashes.
    #[test]
    fn el_3_leaf_data_has_bounds() {
        for (len, fits) in [(0, false), (32, false), (33, true), (65_535, true), (65_536, false)] {
            let data = alloc::vec![7; len];
            assert_eq!(Leaf::parse(&data).is_some(), fits, "{len}");
        }
        let data = [&[9; 32][..], b"body"].concat();
        let leaf = Leaf::parse(&data).unwrap();
        assert_eq!((leaf.to_bytes(), leaf.leaf_hash()), (data.clone(), leaf_hash(&data)));
        assert_eq!(leaf.entry_hash(), chain::entry_hash(&Hash32([9; 32]), b"body"));
    }
}
