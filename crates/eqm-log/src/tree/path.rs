//! Inclusion and consistency proofs: made from stored nodes, checked with nothing but hashes.

use super::{TreeHash, empty_root, node_hash};
use crate::MAX_LOG_SIZE;
use alloc::vec::Vec;
use core::{error::Error, fmt};

/// Access to the complete nodes of a tree.
pub trait NodeReader {
    /// What can go wrong when a node is read.
    type Error;

    /// Hash of the complete node `(level, index)`, which covers leaves `index · 2^level` and following.
    ///
    /// # Errors
    /// Whatever keeps the store from giving a node that it should have.
    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Self::Error>;
}

/// Why a proof could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError<E> {
    /// There is no such leaf or earlier tree in a tree of that size.
    OutOfRange {
        /// The index of the leaf, or the size of the earlier tree.
        position: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A node could not be read.
    Read(E),
}

impl<E: fmt::Display> fmt::Display for PathError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { position, size } => {
                write!(f, "{position} is outside a tree of {size} leaves")
            }
            Self::Read(error) => write!(f, "a node of the tree could not be read: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for PathError<E> {}

/// Leaves `start..end`, where `start` is a multiple of the largest power of two that is at most
/// `end - start`: what the recursion of RFC 6962 hands down.
#[derive(Clone, Copy)]
struct Range {
    start: u64,
    end: u64,
}

impl Range {
    const fn whole(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The two halves under the root of the range: the left one is the largest complete subtree that
    /// leaves something for the right one. `None` for a single leaf.
    fn halves(self) -> Option<(Self, Self)> {
        let level = self.len().checked_sub(1)?.checked_ilog2()?;
        let middle = self.start.checked_add(1_u64.checked_shl(level)?)?;
        Some((Self { start: self.start, end: middle }, Self { start: middle, end: self.end }))
    }

    /// Root of the range, from the complete nodes that it falls into.
    fn root<R: NodeReader>(self, reader: &R) -> Result<TreeHash, PathError<R::Error>> {
        let (mut peaks, mut rest) = (Vec::new(), self);
        while let Some(level) = rest.len().checked_ilog2() {
            let index = rest.start.wrapping_shr(level);
            let level_u8 = u8::try_from(level).unwrap_or(u8::MAX);
            peaks.push(reader.node(level_u8, index).map_err(PathError::Read)?);
            // Cannot overflow: the node lies within the range.
            rest.start = rest.start.saturating_add(1_u64.wrapping_shl(level));
        }
        let joined = peaks.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
        Ok(joined.unwrap_or_else(empty_root))
    }
}

/// Root of the tree of the first `size` leaves.
///
/// # Errors
/// [`PathError::Read`] if a node cannot be read.
pub fn root_at<R: NodeReader>(reader: &R, size: u64) -> Result<TreeHash, PathError<R::Error>> {
    check_range(size <= MAX_LOG_SIZE, size, MAX_LOG_SIZE)?;
    Range::whole(size).root(reader)
}

/// The proof that leaf `index` is in the tree of the first `size` leaves (RFC 9162, 2.1.3.1): siblings from
/// the leaf upwards.
///
/// # Errors
/// [`PathError::OutOfRange`] unless `index < size`; [`PathError::Read`] if a node cannot be read.
pub fn inclusion_proof<R: NodeReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<TreeHash>, PathError<R::Error>> {
    check_range(index < size && size <= MAX_LOG_SIZE, index, size)?;
    let (mut path, mut range) = (Vec::new(), Range::whole(size));
    while let Some((left, right)) = range.halves() {
        let (inside, sibling) = if index < left.end { (left, right) } else { (right, left) };
        path.push(sibling.root(reader)?);
        range = inside;
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of the first `new` leaves extends that of the first `old` (RFC 9162, 2.1.4.1).
/// Empty for `old = 0` and `old = new`, where there is nothing to prove.
///
/// # Errors
/// [`PathError::OutOfRange`] unless `old <= new`; [`PathError::Read`] if a node cannot be read.
pub fn consistency_proof<R: NodeReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<TreeHash>, PathError<R::Error>> {
    check_range(old <= new && new <= MAX_LOG_SIZE, old, new)?;
    if old == 0 {
        return Ok(Vec::new());
    }
    let (mut path, mut range) = (Vec::new(), Range::whole(new));
    while range.end != old
        && let Some((left, right)) = range.halves()
    {
        let (inside, sibling) = if old <= left.end { (left, right) } else { (right, left) };
        path.push(sibling.root(reader)?);
        range = inside;
    }
    // A range that starts at zero is the whole old tree, whose root the verifier has.
    if range.start != 0 {
        path.push(range.root(reader)?);
    }
    path.reverse();
    Ok(path)
}

fn check_range<E>(inside: bool, position: u64, size: u64) -> Result<(), PathError<E>> {
    if inside { Ok(()) } else { Err(PathError::OutOfRange { position, size }) }
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// The leaf is not below the size, or the earlier tree is larger than the later one.
    OutOfRange,
    /// The proof has too few or too many hashes for these sizes.
    WrongLength,
    /// The hashes do not lead to the root (of the earlier or of the later tree).
    RootMismatch,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "the proof is about something outside the tree",
            Self::WrongLength => "the proof has the wrong number of hashes",
            Self::RootMismatch => "the proof does not lead to the root",
        })
    }
}

impl Error for VerifyError {}

/// A position on the right edge of the walk upwards: `fn` and `sn` of RFC 9162.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Whether the next sibling stands on the left; then also skips the levels that have no sibling.
    fn sibling_is_left(&mut self) -> bool {
        let left = self.node & 1 == 1 || self.node == self.last;
        if left {
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
        }
        left
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}

/// Checks that `leaf` is leaf number `index` of the tree of `size` leaves with this root
/// (RFC 9162, 2.1.3.2).
///
/// # Errors
/// [`VerifyError`] says what does not fit.
pub fn verify_inclusion(
    leaf: &TreeHash,
    index: u64,
    size: u64,
    path: &[TreeHash],
    root: &TreeHash,
) -> Result<(), VerifyError> {
    let last = size.checked_sub(1).filter(|last| index <= *last).ok_or(VerifyError::OutOfRange)?;
    let (mut climb, mut hash) = (Climb { node: index, last }, *leaf);
    for sibling in path {
        if climb.last == 0 {
            return Err(VerifyError::WrongLength);
        }
        hash = if climb.sibling_is_left() {
            node_hash(sibling, &hash)
        } else {
            node_hash(&hash, sibling)
        };
        climb.up();
    }
    check_end(&climb, hash == *root)
}

/// Checks that the tree of `new` leaves with root `new_root` extends the tree of `old` leaves with root
/// `old_root` (RFC 9162, 2.1.4.2). Every tree extends the one without leaves; a tree extends itself.
///
/// # Errors
/// [`VerifyError`] says what does not fit.
pub fn verify_consistency(
    old: u64,
    new: u64,
    path: &[TreeHash],
    old_root: &TreeHash,
    new_root: &TreeHash,
) -> Result<(), VerifyError> {
    if old > new {
        return Err(VerifyError::OutOfRange);
    }
    if old == 0 || old == new {
        let same = if old == new { old_root == new_root } else { *old_root == empty_root() };
        return check_trivial(path, same);
    }
    let mut climb = Climb { node: old.saturating_sub(1), last: new.saturating_sub(1) };
    while climb.node & 1 == 1 {
        climb.up();
    }
    // An old tree that is complete is itself the first hash; RFC 9162 prepends it.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, path)
    } else {
        path.split_first().ok_or(VerifyError::WrongLength)?
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if climb.last == 0 {
            return Err(VerifyError::WrongLength);
        }
        if climb.sibling_is_left() {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        climb.up();
    }
    check_end(&climb, old_hash == *old_root && new_hash == *new_root)
}

fn check_trivial(path: &[TreeHash], roots_fit: bool) -> Result<(), VerifyError> {
    match (path.is_empty(), roots_fit) {
        (false, _) => Err(VerifyError::WrongLength),
        (true, false) => Err(VerifyError::RootMismatch),
        (true, true) => Ok(()),
    }
}

fn check_end(climb: &Climb, roots_fit: bool) -> Result<(), VerifyError> {
    match (climb.last, roots_fit) {
        (0, true) => Ok(()),
        (0, false) => Err(VerifyError::RootMismatch),
        _ => Err(VerifyError::WrongLength),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::naive;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    const SIZE: usize = 130;

    struct Nodes(BTreeMap<(u8, u64), TreeHash>);

    impl NodeReader for Nodes {
        type Error = (u8, u64);

        fn node(&self, level: u8, index: u64) -> Result<TreeHash, Self::Error> {
            self.0.get(&(level, index)).copied().ok_or((level, index))
        }
    }

    fn tree() -> (Vec<TreeHash>, Nodes, Vec<TreeHash>) {
        let leaves = naive::leaves(SIZE as u64);
        let nodes = Nodes(naive::complete_nodes(&leaves));
        let roots = (0..=SIZE).map(|size| naive::root(&leaves[..size])).collect();
        (leaves, nodes, roots)
    }

    /// Every way to spoil a path: a flipped bit, a hash too few, a hash too many.
    fn spoiled(path: &[TreeHash]) -> Vec<Vec<TreeHash>> {
        let mut all: Vec<_> = (0..path.len())
            .map(|at| {
                let mut bad = path.to_vec();
                bad[at].0[at % 32] ^= 1;
                bad
            })
            .collect();
        all.extend(path.split_last().map(|(_, rest)| rest.to_vec()));
        all.extend(path.split_first().map(|(_, rest)| rest.to_vec()));
        all.push([path, &[TreeHash([0; 32])]].concat());
        all
    }

    /// EL-6: every leaf of every tree up to 130 leaves; the proof is the recursive one, and no other holds.
    #[test]
    fn el_6_inclusion_is_exhaustively_right() {
        let (leaves, nodes, roots) = tree();
        for size in 1..=SIZE {
            assert_eq!(root_at(&nodes, size as u64), Ok(roots[size]));
            for index in 0..size {
                let path = inclusion_proof(&nodes, index as u64, size as u64).unwrap();
                assert_eq!(path, naive::path(index, &leaves[..size]), "{index} of {size}");
                let check = |path: &[TreeHash], index: usize, size: usize, root| {
                    verify_inclusion(&leaves[index % SIZE], index as u64, size as u64, path, root)
                };
                assert_eq!(check(&path, index, size, &roots[size]), Ok(()));
                for bad in spoiled(&path) {
                    assert!(check(&bad, index, size, &roots[size]).is_err(), "{index} of {size}");
                }
                let wrong_leaf = check(&path, (index + 1) % size, size, &roots[size]);
                assert_eq!(wrong_leaf.is_ok(), size == 1);
                assert!(check(&path, index, size, &roots[size - 1]).is_err());
            }
            let beyond = PathError::OutOfRange { position: size as u64, size: size as u64 };
            assert_eq!(inclusion_proof(&nodes, size as u64, size as u64), Err(beyond));
        }
    }

    /// EL-7: every pair of trees up to 130 leaves.
    #[test]
    fn el_7_consistency_is_exhaustively_right() {
        let (leaves, nodes, roots) = tree();
        for new in 0..=SIZE {
            for old in 0..=new {
                let path = consistency_proof(&nodes, old as u64, new as u64).unwrap();
                if old > 0 {
                    assert_eq!(path, naive::subproof(old, &leaves[..new], true), "{old} to {new}");
                }
                let check = |path: &[TreeHash], a: &TreeHash, b: &TreeHash| {
                    verify_consistency(old as u64, new as u64, path, a, b)
                };
                assert_eq!(check(&path, &roots[old], &roots[new]), Ok(()), "{old} to {new}");
                for bad in spoiled(&path) {
                    assert!(check(&bad, &roots[old], &roots[new]).is_err(), "{old} to {new}");
                }
                let other = TreeHash([0xee; 32]);
                assert!(check(&path, &other, &roots[new]).is_err());
                let from_nothing = old == 0 && new > 0;
                assert_eq!(check(&path, &roots[old], &other).is_ok(), from_nothing);
            }
            let shrunk = verify_consistency(new as u64 + 1, new as u64, &[], &roots[0], &roots[0]);
            assert_eq!(shrunk, Err(VerifyError::OutOfRange));
        }
    }

    #[test]
    fn a_missing_node_is_named() {
        let error = inclusion_proof(&Nodes(BTreeMap::new()), 0, 3);
        assert_eq!(error, Err(PathError::Read((0, 2))));
    }

    proptest! {
        /// Numbers of any size end in an answer.
        #[test]
        fn verification_never_panics(
            a in any::<u64>(), b in any::<u64>(), shift in 0_u32..64, hashes in 0_usize..70,
        ) {
            let (path, hash) = (alloc::vec![TreeHash([1; 32]); hashes], TreeHash([1; 32]));
            let (a, b) = (a >> shift, b >> shift);
            prop_assert!(verify_inclusion(&hash, a, b, &path, &empty_root()).is_err());
            prop_assert!(verify_consistency(a, b, &path, &hash, &empty_root()).is_err());
        }
    }
}
