//! The right edge of a growing tree, in logarithmic space.

use super::{TreeHash, empty_root, node_hash};
use crate::MAX_LOG_SIZE;
use alloc::vec::Vec;
use borsh::io::{Error as IoError, ErrorKind, Read, Result as IoResult};
use borsh::{BorshDeserialize, BorshSerialize};
use core::{error::Error, fmt};

/// The roots of the complete subtrees that a tree of some size falls into, largest first: one for each bit
/// of the size that is set. It is all that appending leaves and computing the root needs.
///
/// Borsh bytes: size (u64, little-endian), then the 32-byte roots, as many as the size has bits set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

/// Why size and roots make no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontierError {
    /// The size is above [`MAX_LOG_SIZE`].
    TooLarge(u64),
    /// The number of roots is not the number of bits set in the size.
    WrongPeaks {
        /// Bits set in the size.
        expected: u32,
        /// Roots given.
        found: usize,
    },
}

impl fmt::Display for FrontierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(size) => write!(f, "a tree has at most 2^63 - 1 leaves, not {size}"),
            Self::WrongPeaks { expected, found } => {
                write!(f, "a tree of this size has {expected} complete subtrees, not {found}")
            }
        }
    }
}

impl Error for FrontierError {}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier from its parts, largest subtree first.
    ///
    /// # Errors
    /// [`FrontierError`] if the roots cannot be those of a tree of that size.
    pub fn from_parts(size: u64, peaks: Vec<TreeHash>) -> Result<Self, FrontierError> {
        if size > MAX_LOG_SIZE {
            return Err(FrontierError::TooLarge(size));
        }
        let (expected, found) = (size.count_ones(), peaks.len());
        if u32::try_from(found) != Ok(expected) {
            return Err(FrontierError::WrongPeaks { expected, found });
        }
        Ok(Self { size, peaks })
    }

    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// Appends a leaf and hands each node that it completes, the leaf itself first, to `completed` as
    /// `(level, index, hash)`. Storing exactly these makes a [`super::NodeReader`].
    pub fn push(&mut self, leaf: TreeHash, mut completed: impl FnMut(u8, u64, TreeHash)) {
        let (mut hash, mut index, mut level) = (leaf, self.size, 0_u8);
        completed(level, index, hash);
        // A set low bit of the index means that the sibling on the left is complete and waits as a peak.
        while index & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = node_hash(&left, &hash);
            index >>= 1;
            // At most 64 rounds: the index loses a bit in each.
            level = level.saturating_add(1);
            completed(level, index, hash);
        }
        self.peaks.push(hash);
        // Unreachable: sizes from outside end at 2^63 - 1, and no run appends 2^63 leaves.
        self.size = self.size.saturating_add(1);
    }

    /// Root of the tree (RFC 6962, 2.1).
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let joined =
            self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(empty_root)
    }
}

impl BorshSerialize for Frontier {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> IoResult<()> {
        self.size.serialize(writer)?;
        self.peaks.iter().try_for_each(|peak| peak.serialize(writer))
    }
}

impl BorshDeserialize for Frontier {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        let size = u64::deserialize_reader(reader)?;
        let peaks = (0..size.count_ones())
            .map(|_| TreeHash::deserialize_reader(reader))
            .collect::<IoResult<Vec<_>>>()?;
        Self::from_parts(size, peaks)
            .map_err(|_| IoError::new(ErrorKind::InvalidData, "no tree has this size"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::naive;
    use alloc::collections::BTreeMap;

    /// EL-4, EL-5: roots and completed nodes of every size up to 130.
    #[test]
    fn el_4_el_5_equal_the_recursive_tree() {
        let leaves = naive::leaves(130);
        let (mut frontier, mut nodes) = (Frontier::new(), BTreeMap::new());
        for size in 0..=leaves.len() {
            assert_eq!(frontier.root(), naive::root(&leaves[..size]), "size {size}");
            if let Some(leaf) = leaves.get(size) {
                frontier.push(*leaf, |level, index, hash| {
                    assert_eq!(nodes.insert((level, index), hash), None, "visited twice");
                });
            }
        }
        assert_eq!(nodes, naive::complete_nodes(&leaves));
    }

    #[test]
    fn el_5_borsh_goes_there_and_back_at_every_size() {
        let mut frontier = Frontier::new();
        for leaf in naive::leaves(70) {
            let bytes = borsh::to_vec(&frontier).unwrap();
            assert_eq!(bytes.len(), 8 + 32 * frontier.peaks().len());
            assert_eq!(borsh::from_slice::<Frontier>(&bytes).unwrap(), frontier);
            assert!(borsh::from_slice::<Frontier>(&bytes[..bytes.len() - 1]).is_err());
            assert!(borsh::from_slice::<Frontier>(&[&bytes[..], &[0]].concat()).is_err());
            frontier.push(leaf, |_, _, _| ());
        }
    }

    #[test]
    fn el_5_impossible_parts_are_refused() {
        let peak = TreeHash([1; 32]);
        assert_eq!(Frontier::from_parts(4, alloc::vec![peak]).map(|f| f.size()), Ok(4));
        assert_eq!(
            Frontier::from_parts(4, alloc::vec![peak; 2]),
            Err(FrontierError::WrongPeaks { expected: 1, found: 2 })
        );
        let size = MAX_LOG_SIZE + 1;
        assert_eq!(
            Frontier::from_parts(size, alloc::vec![peak]),
            Err(FrontierError::TooLarge(size))
        );
        let bytes = [&size.to_le_bytes()[..], &[1; 32]].concat();
        assert!(borsh::from_slice::<Frontier>(&bytes).is_err());
    }
}
