//! The Merkle tree over the entries: RFC 6962 shape, SHA-256, leaf data `prev_entry_hash ‖ body`.
//!
//! A *node* is named by level and index: node (l, i) covers the leaves from `i · 2^l` up to, not including,
//! `(i + 1) · 2^l`. Level 0 holds the leaf hashes. Complete nodes never change, so they are what gets
//! stored; every proof is computed from them.

mod frontier;
mod path;

pub use frontier::{Frontier, FrontierError};
pub use path::{
    NodeReader, PathError, VerifyError, consistency_proof, inclusion_proof, root_at,
    verify_consistency, verify_inclusion,
};

use crate::text;
use alloc::string::String;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use protocol::{Hash32, hash::hex_encode};
use sha2::{Digest, Sha256};

/// Most hashes of a proof for a tree of at most [`crate::MAX_LOG_SIZE`] leaves.
///
/// An inclusion proof has one per level, 63; a consistency proof may have one more.
pub const MAX_PATH_LEN: usize = 64;

/// A SHA-256 value of the tree: a leaf, an inner node or a root.
///
/// Another type than [`Hash32`], so that a hash of the chain cannot stand where one of the tree belongs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct TreeHash(pub [u8; 32]);

impl TreeHash {
    /// The 44 characters of padded base64 that checkpoints and proofs show.
    #[must_use]
    pub fn to_base64(&self) -> String {
        text::base64_encode(&self.0)
    }

    /// Parses strict, padded base64 of exactly 32 bytes; anything else is `None`.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        text::base64_decode(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_encode(&self.0))
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

/// Root of the tree without leaves: SHA-256 of nothing (RFC 6962, 2.1).
#[must_use]
pub fn empty_root() -> TreeHash {
    sha256(&[])
}

/// Hash of a leaf with this data: `SHA-256(0x00 ‖ data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> TreeHash {
    sha256(&[&[0], data])
}

/// Hash of the leaf of an entry: `SHA-256(0x00 ‖ prev_entry_hash ‖ body)`.
#[must_use]
pub fn entry_leaf(prev: &Hash32, body: &[u8]) -> TreeHash {
    sha256(&[&[0], &prev.0, body])
}

/// Hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    sha256(&[&[1], &left.0, &right.0])
}

fn sha256(parts: &[&[u8]]) -> TreeHash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    TreeHash(hasher.finalize().into())
}

#[cfg(test)]
pub(crate) mod naive;

#[cfg(test)]
mod tests {
    use super::*;

    /// EL-4: the root of the tree without leaves, known from certificate transparency logs.
    #[test]
    fn el_4_the_empty_root() {
        assert_eq!(
            hex_encode(&empty_root().0),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    /// EL-3, EL-4: leaf prefix 0x00, node prefix 0x01 (values from Python's hashlib).
    #[test]
    fn el_3_el_4_prefixes() {
        assert_eq!(
            hex_encode(&leaf_hash(b"").0),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        let prev = Hash32([9; 32]);
        let data = [&prev.0[..], b"body"].concat();
        assert_eq!(entry_leaf(&prev, b"body"), leaf_hash(&data));
        let pair = node_hash(&leaf_hash(b"a"), &leaf_hash(b"b"));
        assert_eq!(
            hex_encode(&pair.0),
            "b137985ff484fb600db93107c77b0365c80d78f5b429ded0fd97361d077999eb"
        );
    }

    #[test]
    fn el_8_base64_is_strict() {
        let root = empty_root();
        assert_eq!(root.to_base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(TreeHash::from_base64(&root.to_base64()), Some(root));
        for bad in [
            "",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS",
        ] {
            assert_eq!(TreeHash::from_base64(bad), None, "{bad:?}");
        }
    }
}
