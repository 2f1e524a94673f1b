//! Proofs of one key of the map: its record, or that there is none (ST-5, ST-9).

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use protocol::{Hash32, canonical};

use super::{
    Pages,
    page::tag,
    path::{BITS, bit, share},
    plan::{Half, Plan, message},
};
use crate::state::keys;

/// Siblings of the longest proof: one for each bit of a path.
pub const MAX_SIBLINGS: usize = 256;

/// Bytes of the longest proof: a leaf, the number of siblings, the siblings.
pub const MAX_PROOF_BYTES: usize = 1 + 64 + 4 + 32 * MAX_SIBLINGS;

/// The only record of a subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Leaf {
    /// Hash of its key.
    pub path: Hash32,
    /// Hash of its value.
    pub value: Hash32,
}

impl Leaf {
    fn hash(&self) -> Hash32 {
        Hash32::of(&message(tag::LEAF, &self.path, &self.value))
    }
}

/// What stands where the path of a key ends, and the way from there to the root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MapProof {
    /// The record that has the subtree for itself, if there is one: that of the key, or another.
    pub leaf: Option<Leaf>,
    /// The other half of each branch on the way, from the lowest up to the root.
    pub siblings: Vec<Hash32>,
}

/// Why a proof does not prove what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The bytes are not those of a proof.
    Malformed,
    /// The root does not cover keys of this kind.
    NotCovered,
    /// It proves another value, or that there is none.
    OtherValue,
    /// It proves that there is a record, or nothing about this key.
    NotAbsent,
    /// It does not lead to the root.
    OtherRoot,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the bytes are not those of a proof",
            Self::NotCovered => "the state root does not cover records of this kind",
            Self::OtherValue => "the proof does not show this value under the key",
            Self::NotAbsent => "the proof does not show that the key has no record",
            Self::OtherRoot => "the proof does not lead to the root",
        })
    }
}

impl core::error::Error for ProofError {}

impl MapProof {
    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// The proof of canonical bytes.
    ///
    /// # Errors
    /// [`ProofError::Malformed`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(ProofError::Malformed);
        }
        canonical::decode(bytes).map_err(|_| ProofError::Malformed)
    }

    /// Whether the map with this root has `value` under `key`; with `None`, whether it has nothing there.
    ///
    /// # Errors
    /// Why the proof does not show that.
    pub fn verify(
        &self,
        root: &Hash32,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), ProofError> {
        if !keys::is_authenticated(key) {
            return Err(ProofError::NotCovered);
        }
        let depth = u16::try_from(self.siblings.len()).ok().filter(|depth| *depth <= BITS);
        let depth = depth.ok_or(ProofError::Malformed)?;
        let path = Hash32::of(key);
        match (value, &self.leaf) {
            (Some(value), Some(leaf)) if leaf.path == path && leaf.value == Hash32::of(value) => {}
            (Some(_), _) => return Err(ProofError::OtherValue),
            (None, None) => {}
            (None, Some(leaf)) if leaf.path != path && share(&leaf.path, &path, depth) => {}
            (None, Some(_)) => return Err(ProofError::NotAbsent),
        }
        if self.climb(&path) == *root { Ok(()) } else { Err(ProofError::OtherRoot) }
    }

    /// The root that the proof leads to, for a key with this path.
    fn climb(&self, path: &Hash32) -> Hash32 {
        let lowest = self.leaf.as_ref().map_or(Hash32::ZERO, Leaf::hash);
        let depths =
            (0..=BITS).rev().skip_while(|depth| usize::from(*depth) >= self.siblings.len());
        self.siblings.iter().zip(depths).fold(lowest, |half, (sibling, depth)| {
            let (left, right) = if bit(path, depth) { (sibling, &half) } else { (&half, sibling) };
            Hash32::of(&message(tag::BRANCH, left, right))
        })
    }
}

/// Proves what stands under `key`: its record, or that it has none.
///
/// # Errors
/// A fault of the store, or a damaged page.
pub fn prove<P: Pages>(pages: &P, key: &[u8]) -> Result<MapProof, P::Error> {
    let path = Hash32::of(key);
    let mut plan = Plan::default();
    let mut half = match pages.read(&keys::tree_page(0, &path))? {
        Some(page) => plan.load(0, &path, &page)?,
        None => Half::Empty,
    };
    let (mut siblings, mut level) = (Vec::new(), 0u8);
    for depth in 0..BITS {
        if plan.has_page(half) {
            level = level.saturating_add(1);
            half = plan.load_below(pages, level, &path, half)?;
        }
        let Some((left, right)) = plan.halves(half) else { break };
        let (on, off) = if bit(&path, depth) { (right, left) } else { (left, right) };
        siblings.push(plan.hash_stored(off));
        half = on;
    }
    siblings.reverse();
    let leaf = plan.leaf(half).map(|(path, value)| Leaf { path, value });
    Ok(MapProof { leaf, siblings })
}

#[cfg(test)]
mod tests;
