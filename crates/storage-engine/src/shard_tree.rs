//! The Merkle tree over a shard: RFC 9162 shape, SHA3-256, 4 KiB leaves (rules LA-10 to LA-14 of `spec/layout.md`).
//!
//! Two equal views of one tree are used. The RFC's recursive split is the definition. Stored trees
//! are kept by *levels*: level 0 holds the leaf hashes, and level l + 1 pairs the nodes of level l,
//! an odd last node being carried up unchanged; level l of an n-leaf tree so has ceil(n / 2^l) nodes.

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Hash32;

use crate::content::hash_all;

/// Bytes of a leaf; the last leaf of a shard may be shorter.
pub const LEAF_SIZE: usize = 4096;

const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// Leaves whose subtree a builder makes at once, when they arrive together: one block of the default layout.
const RUN_LEVEL: usize = 6;
const RUN: usize = 1 << RUN_LEVEL;
const RUN_LEAVES: u64 = 1 << RUN_LEVEL;

/// Leaves of a shard of `len` bytes: `ceil(len / 4096)`.
#[must_use]
pub const fn leaf_count(len: u64) -> u64 {
    len.div_ceil(4096)
}

/// Root of the tree without leaves: `SHA3-256("")` (RFC 9162, 2.1.1).
#[must_use]
pub const fn empty_root() -> Hash32 {
    Hash32([
        0xa7, 0xff, 0xc6, 0xf8, 0xbf, 0x1e, 0xd7, 0x66, 0x51, 0xc1, 0x47, 0x56, 0xa0, 0x61, 0xd6,
        0x62, 0xf5, 0x80, 0xff, 0x4d, 0xe4, 0x3b, 0x49, 0xfa, 0x82, 0xd8, 0x0a, 0x4b, 0x80, 0xf8,
        0x43, 0x4a,
    ])
}

/// Hash of a leaf: `SHA3-256(0x00 ‖ leaf)`.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash32 {
    Hash32::of_parts(&[&[LEAF_PREFIX], leaf])
}

/// Hash of an inner node: `SHA3-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash32, right: &Hash32) -> Hash32 {
    Hash32::of_parts(&[&[NODE_PREFIX], &left.0, &right.0])
}

/// Hashes of the leaves of `bytes`, which start at a leaf boundary of their shard. Several are hashed at once where
/// the machine can.
#[must_use]
pub fn leaf_hashes(bytes: &[u8]) -> Vec<Hash32> {
    let leaves: Vec<&[u8]> = bytes.chunks(LEAF_SIZE).collect();
    hash_all(&[LEAF_PREFIX], &leaves)
}

/// Nodes of the level above a level of `count` nodes.
#[must_use]
pub const fn parent_count(count: u64) -> u64 {
    count.div_ceil(2)
}

/// Node counts of the levels of an n-leaf tree, from the leaves to the root; none for an empty tree.
pub fn level_counts(leaves: u64) -> impl Iterator<Item = u64> {
    let first = (leaves > 0).then_some(leaves);
    core::iter::successors(first, |count| (*count > 1).then(|| parent_count(*count)))
}

/// The level above `nodes`, which start at an even index of their level: pairs are hashed, an odd last one is carried up.
#[must_use]
pub fn parents(nodes: &[Hash32]) -> Vec<Hash32> {
    let (pairs, carried) = nodes.as_chunks::<2>();
    let joined: Vec<[u8; 64]> = pairs.iter().map(joined).collect();
    let messages: Vec<&[u8]> = joined.iter().map(<[u8; 64]>::as_slice).collect();
    let mut parents = hash_all(&[NODE_PREFIX], &messages);
    parents.extend(carried);
    parents
}

fn joined([left, right]: &[Hash32; 2]) -> [u8; 64] {
    let mut bytes = [0; 64];
    let (first, second) = bytes.split_at_mut(32);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    bytes
}

/// Builds a root from leaf hashes that arrive in order, holding one hash for each level. It can be kept, to go on later.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct TreeBuilder {
    /// `frontier[l]` is the root of a complete, not yet paired subtree of 2^l leaves.
    frontier: Vec<Option<Hash32>>,
    leaves: u64,
}

impl TreeBuilder {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash32) {
        self.leaves = self.leaves.saturating_add(1);
        self.carry(0, leaf);
    }

    /// Puts the root of a complete subtree of `2^level` leaves after the leaves so far, which are a multiple of that.
    fn carry(&mut self, level: usize, root: Hash32) {
        if self.frontier.len() < level {
            self.frontier.resize(level, None);
        }
        let mut carried = root;
        for slot in self.frontier.iter_mut().skip(level) {
            match slot.take() {
                Some(left) => carried = node_hash(&left, &carried),
                None => {
                    *slot = Some(carried);
                    return;
                }
            }
        }
        self.frontier.push(Some(carried));
    }

    /// Appends leaves by their hashes. Whole runs are paired level by level, many nodes at once.
    pub fn extend(&mut self, leaves: &[Hash32]) {
        let (runs, rest) = leaves.as_chunks::<RUN>();
        for run in runs {
            if self.leaves.is_multiple_of(RUN_LEAVES) {
                let mut level = run.to_vec();
                while level.len() > 1 {
                    level = parents(&level);
                }
                self.leaves = self.leaves.saturating_add(RUN_LEAVES);
                level.into_iter().for_each(|root| self.carry(RUN_LEVEL, root));
            } else {
                run.iter().for_each(|leaf| self.push(*leaf));
            }
        }
        rest.iter().for_each(|leaf| self.push(*leaf));
    }

    /// Leaves so far.
    #[must_use]
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Root over the leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash32 {
        let mut subtrees = self.frontier.iter().flatten();
        subtrees.next().map_or_else(empty_root, |smallest| {
            subtrees.fold(*smallest, |right, left| node_hash(left, &right))
        })
    }
}

/// Gives the nodes of a tree that is stored by levels.
pub trait LevelReader {
    /// What can go wrong while reading.
    type Error;

    /// Node `index` of `level`, level 0 being the leaf hashes.
    ///
    /// # Errors
    /// Whatever the storage reports.
    fn node(&self, level: u32, index: u64) -> Result<Hash32, Self::Error>;
}

/// Inclusion path of leaf `index` in a tree of `leaves` leaves, siblings from the leaf upwards (RFC 9162, 2.1.3.1).
///
/// An index outside the tree has the empty path, which [`verify_path`] refuses.
///
/// # Errors
/// What the reader reports.
pub fn path<R: LevelReader + ?Sized>(
    reader: &R,
    leaves: u64,
    index: u64,
) -> Result<Vec<Hash32>, R::Error> {
    let mut siblings = Vec::new();
    if index >= leaves {
        return Ok(siblings);
    }
    let mut at = index;
    for (level, count) in (0..).zip(level_counts(leaves)) {
        let sibling = at ^ 1;
        if sibling < count {
            siblings.push(reader.node(level, sibling)?);
        }
        at >>= 1;
    }
    Ok(siblings)
}

/// Whether `path` proves that leaf `index` of the tree `root` with `leaves` leaves has this hash (RFC 9162, 2.1.3.2).
///
/// The number of leaves comes from a trusted place (the layout), never from the prover.
#[must_use]
pub fn verify_path(
    root: &Hash32,
    leaf_hash: &Hash32,
    index: u64,
    leaves: u64,
    path: &[Hash32],
) -> bool {
    if index >= leaves {
        return false;
    }
    let mut siblings = path.iter();
    let (mut at, mut hash) = (index, *leaf_hash);
    for count in level_counts(leaves) {
        if at ^ 1 < count {
            let Some(sibling) = siblings.next() else {
                return false;
            };
            hash = if at & 1 == 0 { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) };
        }
        at >>= 1;
    }
    siblings.next().is_none() && hash == *root
}

/// Root that a run of leaf hashes implies, together with the stored siblings at both ends of the run.
///
/// One comparison with the trusted root so verifies the whole run: about one node hash for each leaf
/// and two stored nodes for each level, instead of a path for every leaf. `None` if the run is empty
/// or reaches outside the tree.
///
/// # Errors
/// What the reader reports.
pub fn root_of_run<R: LevelReader + ?Sized>(
    reader: &R,
    leaves: u64,
    first: u64,
    run: &[Hash32],
) -> Result<Option<Hash32>, R::Error> {
    let length = u64::try_from(run.len()).unwrap_or(u64::MAX);
    if run.is_empty() || first.checked_add(length).is_none_or(|end| end > leaves) {
        return Ok(None);
    }
    let mut nodes = run.to_vec();
    let mut start = first;
    for (level, count) in (0..).zip(level_counts(leaves)) {
        if count == 1 {
            break;
        }
        if start & 1 == 1 {
            start ^= 1;
            nodes.insert(0, reader.node(level, start)?);
        }
        let end = start.saturating_add(u64::try_from(nodes.len()).unwrap_or(u64::MAX));
        if end & 1 == 1 && end < count {
            nodes.push(reader.node(level, end)?);
        }
        nodes = parents(&nodes);
        start >>= 1;
    }
    Ok(nodes.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use core::convert::Infallible;

    /// The definition of RFC 9162, 2.1.1, word for word.
    fn mth(leaves: &[Hash32]) -> Hash32 {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&mth(&leaves[..split]), &mth(&leaves[split..]))
            }
        }
    }

    struct Levels(Vec<Vec<Hash32>>);

    impl Levels {
        fn of(leaves: &[Hash32]) -> Self {
            let mut levels = vec![leaves.to_vec()];
            while levels.last().unwrap().len() > 1 {
                levels.push(parents(levels.last().unwrap()));
            }
            Self(levels)
        }
    }

    impl LevelReader for Levels {
        type Error = Infallible;
        fn node(&self, level: u32, index: u64) -> Result<Hash32, Infallible> {
            Ok(self.0[level as usize][index as usize])
        }
    }

    fn sample(count: u64) -> Vec<Hash32> {
        (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    /// LA-11: leaves that arrive in any pieces give the root that they give one by one.
    #[test]
    fn la_11_pieces_of_leaves_give_one_root() {
        let leaves: Vec<Hash32> = (0..300u32).map(|n| Hash32::of(&n.to_be_bytes())).collect();
        for first in [0, 1, 63, 64, 65, 128, 200] {
            for count in [0, 1, 63, 64, 65, 130, 300] {
                let leaves = &leaves[..count];
                let (mut one_by_one, mut pieces) = (TreeBuilder::new(), TreeBuilder::new());
                leaves.iter().for_each(|leaf| one_by_one.push(*leaf));
                let (before, after) = leaves.split_at(first.min(count));
                pieces.extend(before);
                pieces.extend(after);
                assert_eq!(pieces.root(), one_by_one.root(), "{count} leaves, cut at {first}");
                assert_eq!(pieces.leaves(), one_by_one.leaves());
            }
        }
    }

    /// LA-10: leaves, and the root of nothing.
    #[test]
    fn la_10_leaf_boundaries() {
        for (len, count) in
            [(0, 0), (1, 1), (4096, 1), (4097, 2), (262_144, 64), (u64::MAX, 1 << 52)]
        {
            assert_eq!(leaf_count(len), count, "{len}");
        }
        assert!(empty_root().to_hex().starts_with("a7ffc6f8bf1ed766"));
        for len in [1, 4095, 4096, 4097, 16 * 4096, 16 * 4096 + 1, 100_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let one_by_one: Vec<_> = bytes.chunks(4096).map(leaf_hash).collect();
            assert_eq!(leaf_hashes(&bytes), one_by_one, "{len}");
        }
        assert_eq!(leaf_hash(b"x"), Hash32::of(b"\0x"));
    }

    /// LA-11: the streaming root and the level view equal the recursive definition, for every size up to 130.
    #[test]
    fn la_11_three_views_of_one_tree() {
        for n in 0..=130 {
            let leaves = sample(n);
            let mut builder = TreeBuilder::new();
            builder.extend(&leaves);
            assert_eq!((builder.root(), builder.leaves()), (mth(&leaves), n));
            if n > 0 {
                let levels = Levels::of(&leaves);
                let counts: Vec<u64> = levels.0.iter().map(|level| level.len() as u64).collect();
                assert_eq!(counts, level_counts(n).collect::<Vec<_>>());
                assert_eq!(levels.0.last().unwrap(), &[mth(&leaves)]);
            }
        }
        assert_eq!(level_counts(0).count(), 0);
        assert_eq!(level_counts(u64::MAX).count(), 65);
    }

    /// LA-12: every path of every size verifies, and nothing else does.
    #[test]
    fn la_12_paths_verify_and_tampering_fails() {
        for n in 1..=70 {
            let leaves = sample(n);
            let (levels, root) = (Levels::of(&leaves), mth(&leaves));
            for index in 0..n {
                let Ok(proof) = path(&levels, n, index);
                let leaf = &leaves[index as usize];
                assert!(verify_path(&root, leaf, index, n, &proof), "{index} of {n}");
                let other = leaf_hash(b"other");
                assert!(!verify_path(&root, &other, index, n, &proof));
                assert!(!verify_path(&other, leaf, index, n, &proof));
                assert!(!verify_path(&root, leaf, index + 1, n, &proof));
                assert!(!verify_path(&root, leaf, n, n, &proof));
                for position in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[position] = other;
                    assert!(!verify_path(&root, leaf, index, n, &bad));
                    bad.remove(position);
                    assert!(!verify_path(&root, leaf, index, n, &bad));
                }
                let longer = [&proof[..], &[other]].concat();
                assert!(!verify_path(&root, leaf, index, n, &longer));
            }
            let Ok(outside) = path(&levels, n, n);
            assert!(outside.is_empty());
        }
        assert!(!verify_path(&empty_root(), &empty_root(), 0, 0, &[]));
    }

    /// LA-13: a run of leaves and its stored borders imply the root, and a changed leaf does not.
    #[test]
    fn la_13_runs_imply_the_root() {
        for n in 1..=40 {
            let leaves = sample(n);
            let (levels, root) = (Levels::of(&leaves), mth(&leaves));
            for first in 0..n {
                for end in first + 1..=n {
                    let run = &leaves[first as usize..end as usize];
                    assert_eq!(
                        root_of_run(&levels, n, first, run),
                        Ok(Some(root)),
                        "{first}..{end} of {n}"
                    );
                    let mut bad = run.to_vec();
                    bad[run.len() / 2] = leaf_hash(b"other");
                    assert_ne!(root_of_run(&levels, n, first, &bad), Ok(Some(root)));
                }
            }
            assert_eq!(root_of_run(&levels, n, 0, &[]), Ok(None));
            assert_eq!(root_of_run(&levels, n, 1, &leaves), Ok(None));
            assert_eq!(root_of_run(&levels, n, u64::MAX, &leaves), Ok(None));
        }
    }
}
