//! The tree as RFC 6962 defines it, recursively: the oracle of the tests.

use super::{TreeHash, empty_root, leaf_hash, node_hash};
use alloc::{collections::BTreeMap, vec::Vec};

/// Hashes of `count` different leaves.
pub(crate) fn leaves(count: u64) -> Vec<TreeHash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

/// MTH of section 2.1, over leaf hashes.
pub(crate) fn root(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH of section 2.1.1.
pub(crate) fn path(index: usize, leaves: &[TreeHash]) -> Vec<TreeHash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = match index.checked_sub(left.len()) {
        None => (path(index, left), root(right)),
        Some(index) => (path(index, right), root(left)),
    };
    below.push(sibling);
    below
}

/// SUBPROOF of section 2.1.2; `whole` says that the old tree is known to the verifier.
pub(crate) fn subproof(old: usize, leaves: &[TreeHash], whole: bool) -> Vec<TreeHash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { Vec::from([root(leaves)]) };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut below, sibling) = if old <= left.len() {
        (subproof(old, left, whole), root(right))
    } else {
        (subproof(old - left.len(), right, false), root(left))
    };
    below.push(sibling);
    below
}

/// Every complete node of the tree, by level and index.
pub(crate) fn complete_nodes(leaves: &[TreeHash]) -> BTreeMap<(u8, u64), TreeHash> {
    let mut nodes = BTreeMap::new();
    for level in 0..8_u8 {
        for (index, chunk) in leaves.chunks_exact(1 << level).enumerate() {
            nodes.insert((level, index as u64), root(chunk));
        }
    }
    nodes
}

fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
}
