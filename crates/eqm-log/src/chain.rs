//! The chain of entry hashes.
//!
//! `entry_hash = SHA3-256(prev_entry_hash ‖ SHA3-256(body))`. The body's own hash does not depend on the
//! entry before it, so bodies hash in parallel and the chain costs one short hash per entry.

use alloc::vec::Vec;
use core::{error::Error, fmt};
use protocol::Hash32;

/// SHA3-256 of a body.
#[must_use]
pub fn body_hash(body: &[u8]) -> Hash32 {
    Hash32::of(body)
}

/// [`body_hash`] of many bodies at once, in order.
#[must_use]
pub fn body_hashes(bodies: &[&[u8]]) -> Vec<Hash32> {
    let mut digests = alloc::vec![[0; 32]; bodies.len()];
    keccak_batch::hash_many(bodies, &mut digests);
    digests.into_iter().map(Hash32).collect()
}

/// The hash of the entry with this body after the entry with hash `prev` (zeros before the first entry).
#[must_use]
pub fn entry_hash(prev: &Hash32, body: &[u8]) -> Hash32 {
    link(prev, &body_hash(body))
}

/// [`entry_hash`] where the body's hash is known already.
#[must_use]
pub fn link(prev: &Hash32, body_hash: &Hash32) -> Hash32 {
    Hash32::of_parts(&[&prev.0, &body_hash.0])
}

/// Where a claimed chain departs from the real one. `seq` counts entries from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainError {
    /// The entry names another predecessor than the entry before it.
    BrokenLink {
        /// Position of the entry.
        seq: u64,
        /// Hash of the entry before it.
        expected: Hash32,
        /// The predecessor that the entry names.
        found: Hash32,
    },
    /// The entry hash that was claimed does not follow from predecessor and body.
    WrongEntryHash {
        /// Position of the entry.
        seq: u64,
        /// The hash that follows.
        expected: Hash32,
        /// The hash that was claimed.
        found: Hash32,
    },
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrokenLink { seq, expected, found } => {
                write!(f, "entry {seq} follows {found}, but the entry before it is {expected}")
            }
            Self::WrongEntryHash { seq, expected, found } => {
                write!(f, "entry {seq} claims the hash {found}, but its bytes give {expected}")
            }
        }
    }
}

impl Error for ChainError {}

/// The end of a chain: how many entries, and the hash of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    head: Hash32,
    len: u64,
}

impl Chain {
    /// The chain without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A chain whose first `len` entries were checked before and end in `head`.
    #[must_use]
    pub const fn resume(head: Hash32, len: u64) -> Self {
        Self { head, len }
    }

    /// Hash of the last entry; zeros while there is none.
    #[must_use]
    pub const fn head(&self) -> Hash32 {
        self.head
    }

    /// Number of entries, which is also the position of the next one.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no entry yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a body and returns the hash of its entry.
    pub fn append(&mut self, body: &[u8]) -> Hash32 {
        self.append_hashed(&body_hash(body))
    }

    /// [`Chain::append`] where the body's hash is known already.
    pub fn append_hashed(&mut self, body_hash: &Hash32) -> Hash32 {
        self.head = link(&self.head, body_hash);
        // Unreachable: 2^64 appends do not happen in one run, and lengths from outside are bounded.
        self.len = self.len.saturating_add(1);
        self.head
    }

    /// Appends an entry that someone else made, after checking its link and its claimed hash.
    ///
    /// # Errors
    /// [`ChainError`]; the chain is then unchanged.
    pub fn verify(
        &mut self,
        prev: &Hash32,
        body: &[u8],
        claimed: &Hash32,
    ) -> Result<(), ChainError> {
        let seq = self.len;
        if *prev != self.head {
            return Err(ChainError::BrokenLink { seq, expected: self.head, found: *prev });
        }
        let mut next = *self;
        let expected = next.append(body);
        if *claimed != expected {
            return Err(ChainError::WrongEntryHash { seq, expected, found: *claimed });
        }
        *self = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EL-1, EL-2: against an independent computation (Python's hashlib).
    #[test]
    fn el_1_el_2_golden_chain() {
        let mut chain = Chain::new();
        assert_eq!((chain.head(), chain.is_empty()), (Hash32::ZERO, true));
        chain.append(b"first");
        assert!(!chain.is_empty());
        let second = chain.append(b"second");
        assert_eq!(
            second.to_hex(),
            "61dd676a3f77eb2e1a1c1446e46c0dce7af3b6ff0522712636b4b132b65e8e0a"
        );
        assert_eq!(chain.len(), 2);
    }

    #[test]
    fn el_1_batches_hash_like_single_bodies() {
        let bodies: [&[u8]; 3] = [b"", b"one", &[7; 500]];
        let hashes = body_hashes(&bodies);
        let (mut one_by_one, mut batched) = (Chain::new(), Chain::new());
        for (body, hash) in bodies.iter().zip(&hashes) {
            assert_eq!(one_by_one.append(body), batched.append_hashed(hash));
        }
        assert_eq!(one_by_one, batched);
        assert_eq!(one_by_one, Chain::resume(batched.head(), 3));
    }

    #[test]
    fn el_2_verify_names_the_entry_that_departs() {
        let first = entry_hash(&Hash32::ZERO, b"first");
        let second = entry_hash(&first, b"second");
        let mut chain = Chain::new();
        assert_eq!(chain.verify(&Hash32::ZERO, b"first", &first), Ok(()));

        let broken = ChainError::BrokenLink { seq: 1, expected: first, found: Hash32::ZERO };
        assert_eq!(chain.verify(&Hash32::ZERO, b"second", &second), Err(broken));
        let wrong = ChainError::WrongEntryHash {
            seq: 1,
            expected: entry_hash(&first, b"secone"),
            found: second,
        };
        assert_eq!(chain.verify(&first, b"secone", &second), Err(wrong));

        assert_eq!(chain.verify(&first, b"second", &second), Ok(()));
        assert_eq!((chain.head(), chain.len()), (second, 2));
    }
}
