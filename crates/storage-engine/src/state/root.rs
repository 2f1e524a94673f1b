//! The state root: a sparse Merkle map over the hashed keys (ST-3 to ST-5).
//!
//! A record's path is `H(key)`. A subtree without records hashes to zeros; with exactly one, to
//! `H(0x00 ‖ path ‖ H(value))`; otherwise to `H(0x01 ‖ left ‖ right)`. So the shape depends on the
//! records alone, an update costs about log2(n) hashes per changed record, and a path shows presence or absence.

use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::Hash32;

use super::keys;

/// One changed record: the hash of its value, or `None` when removed.
pub type Change = (Hash32, Option<Hash32>);

/// A stored node of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TreeNode {
    /// The only record of this subtree.
    Leaf {
        /// Its path.
        path: Hash32,
        /// Hash of its value.
        value: Hash32,
    },
    /// Two halves, of which at most one is empty.
    Branch {
        /// Hash of the half whose next bit is 0.
        left: Hash32,
        /// Hash of the half whose next bit is 1.
        right: Hash32,
    },
}

impl TreeNode {
    /// The hash of the subtree.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        match self {
            Self::Leaf { path, value } => Hash32::of_parts(&[&[0], path.as_ref(), value.as_ref()]),
            Self::Branch { left, right } => {
                Hash32::of_parts(&[&[1], left.as_ref(), right.as_ref()])
            }
        }
    }
}

/// Where the nodes of the tree are kept.
pub trait Nodes {
    /// A fault of the store.
    type Error;
    /// The node at `key`.
    ///
    /// # Errors
    /// A fault of the store.
    fn read(&self, key: &[u8]) -> Result<Option<TreeNode>, Self::Error>;
    /// Writes or removes the node at `key`.
    fn write(&mut self, key: Vec<u8>, node: Option<TreeNode>);
}

/// Applies `changes`, sorted by path and unique, and returns the new root.
///
/// # Errors
/// A fault of the store.
pub fn update<N: Nodes>(nodes: &mut N, changes: &[Change]) -> Result<Hash32, N::Error> {
    let root = descend(nodes, 0, &Hash32::ZERO, changes)?;
    Ok(root.map_or(Hash32::ZERO, |node| node.hash()))
}

/// Updates the subtree at `depth` that contains `path`, and returns what stands there afterwards.
fn descend<N: Nodes>(
    nodes: &mut N,
    depth: u16,
    path: &Hash32,
    changes: &[Change],
) -> Result<Option<TreeNode>, N::Error> {
    let key = keys::tree_node(depth, path);
    let before = nodes.read(&key)?;
    if changes.is_empty() {
        return Ok(before);
    }
    let after = match before {
        Some(TreeNode::Branch { left, right }) => {
            split(nodes, depth, path, changes, Some((left, right)))?
        }
        leaf_or_nothing => {
            let merged = merge(leaf_or_nothing, changes);
            match *merged.as_slice() {
                [] => None,
                [(path, value)] => Some(TreeNode::Leaf { path, value }),
                _ => {
                    let inserts: Vec<Change> =
                        merged.into_iter().map(|(path, value)| (path, Some(value))).collect();
                    split(nodes, depth, path, &inserts, None)?
                }
            }
        }
    };
    if after != before {
        nodes.write(key, after);
    }
    Ok(after)
}

/// The records of a subtree that held at most one, after `changes`.
fn merge(before: Option<TreeNode>, changes: &[Change]) -> Vec<(Hash32, Hash32)> {
    let mut records: Vec<(Hash32, Hash32)> =
        changes.iter().filter_map(|(path, value)| Some((*path, (*value)?))).collect();
    if let Some(TreeNode::Leaf { path, value }) = before
        && !changes.iter().any(|(changed, _)| *changed == path)
    {
        let at = records.partition_point(|(other, _)| *other < path);
        records.insert(at, (path, value));
    }
    records
}

/// Updates both halves of a branch; a half without changes is not read unless the other vanished.
fn split<N: Nodes>(
    nodes: &mut N,
    depth: u16,
    path: &Hash32,
    changes: &[Change],
    before: Option<(Hash32, Hash32)>,
) -> Result<Option<TreeNode>, N::Error> {
    let below = depth.saturating_add(1);
    let at = changes.partition_point(|(path, _)| !bit(path, depth));
    let (to_left, to_right) = changes.split_at(at);
    let (left_path, right_path) = (with_bit(path, depth, false), with_bit(path, depth, true));
    let (old_left, old_right) = before.unwrap_or((Hash32::ZERO, Hash32::ZERO));
    let left = half(nodes, below, &left_path, to_left, old_left)?;
    let right = half(nodes, below, &right_path, to_right, old_right)?;
    let lone = match (left, right) {
        (Half::Empty, Half::Empty) => return Ok(None),
        (Half::Empty, other) => Some((other, right_path)),
        (other, Half::Empty) => Some((other, left_path)),
        _ => None,
    };
    // A lone record moves up to the top of the subtree that it has for itself.
    if let Some((half, half_path)) = lone {
        let key = keys::tree_node(below, &half_path);
        let node = match half {
            Half::Known(node) => Some(node),
            _ => nodes.read(&key)?,
        };
        if let Some(leaf @ TreeNode::Leaf { .. }) = node {
            nodes.write(key, None);
            return Ok(Some(leaf));
        }
    }
    Ok(Some(TreeNode::Branch { left: left.hash(), right: right.hash() }))
}

#[derive(Clone, Copy)]
enum Half {
    Empty,
    Unread(Hash32),
    Known(TreeNode),
}

impl Half {
    fn hash(self) -> Hash32 {
        match self {
            Self::Empty => Hash32::ZERO,
            Self::Unread(hash) => hash,
            Self::Known(node) => node.hash(),
        }
    }
}

fn half<N: Nodes>(
    nodes: &mut N,
    depth: u16,
    path: &Hash32,
    changes: &[Change],
    before: Hash32,
) -> Result<Half, N::Error> {
    if changes.is_empty() {
        return Ok(if before == Hash32::ZERO { Half::Empty } else { Half::Unread(before) });
    }
    Ok(descend(nodes, depth, path, changes)?.map_or(Half::Empty, Half::Known))
}

fn mask(depth: u16) -> u8 {
    0x80u8.checked_shr(u32::from(depth % 8)).unwrap_or(0)
}

fn bit(path: &Hash32, depth: u16) -> bool {
    path.0.get(usize::from(depth / 8)).is_some_and(|byte| byte & mask(depth) != 0)
}

fn with_bit(path: &Hash32, depth: u16, one: bool) -> Hash32 {
    let mut path = *path;
    if let Some(byte) = path.0.get_mut(usize::from(depth / 8)) {
        *byte = if one { *byte | mask(depth) } else { *byte & !mask(depth) };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Map(BTreeMap<Vec<u8>, TreeNode>);

    impl Nodes for Map {
        type Error = core::convert::Infallible;
        fn read(&self, key: &[u8]) -> Result<Option<TreeNode>, Self::Error> {
            Ok(self.0.get(key).copied())
        }
        fn write(&mut self, key: Vec<u8>, node: Option<TreeNode>) {
            match node {
                Some(node) => self.0.insert(key, node),
                None => self.0.remove(&key),
            };
        }
    }

    /// The definition, without any storage.
    fn naive(records: &[(Hash32, Hash32)], depth: u16) -> Hash32 {
        match records {
            [] => Hash32::ZERO,
            [(path, value)] => TreeNode::Leaf { path: *path, value: *value }.hash(),
            _ => {
                let at = records.partition_point(|(path, _)| !bit(path, depth));
                let (left, right) = records.split_at(at);
                let (left, right) = (naive(left, depth + 1), naive(right, depth + 1));
                TreeNode::Branch { left, right }.hash()
            }
        }
    }

    proptest! {
        /// ST-4: any history of batches gives the root of the records that are left, and leaves no
        /// node behind that a tree built at once would not have.
        #[test]
        fn st_4_root_depends_on_records_alone(
            batches in prop::collection::vec(prop::collection::btree_map(0u16..60, any::<Option<u8>>(), 0..12), 0..12)
        ) {
            // Few distinct leading bits, so that deep shared prefixes and collapses happen.
            let path = |n: u16| { let mut p = [0u8; 32]; p[0] = (n % 4) as u8; p[20] = (n / 4) as u8; Hash32(p) };
            let mut map = Map::default();
            let mut model = BTreeMap::new();
            for batch in batches {
                let mut changes: Vec<Change> = batch.iter()
                    .map(|(n, v)| (path(*n), v.map(|v| Hash32::of(&[v])))).collect();
                changes.sort();
                for (path, value) in &changes {
                    match value { Some(v) => { model.insert(*path, *v); } None => { model.remove(path); } }
                }
                let root = update(&mut map, &changes).unwrap();
                let records: Vec<_> = model.iter().map(|(p, v)| (*p, *v)).collect();
                prop_assert_eq!(root, naive(&records, 0));
                let mut fresh = Map::default();
                let inserts: Vec<Change> = records.iter().map(|(p, v)| (*p, Some(*v))).collect();
                update(&mut fresh, &inserts).unwrap();
                prop_assert_eq!(&fresh.0, &map.0);
            }
        }
    }

    /// ST-3: golden roots of zero, one and two records.
    #[test]
    fn st_3_golden_roots() {
        let record = |text: &[u8]| (Hash32::of(text), Some(Hash32::of(b"value")));
        let root = |mut changes: Vec<Change>| {
            changes.sort();
            update(&mut Map::default(), &changes).unwrap()
        };
        assert_eq!(root(alloc::vec![]), Hash32::ZERO);
        let (path, value) = (Hash32::of(b"a"), Hash32::of(b"value"));
        assert_eq!(root(alloc::vec![record(b"a")]), Hash32::of_parts(&[&[0], &path.0, &value.0]));

        let mut two = [(Hash32::of(b"a"), value), (Hash32::of(b"c"), value)];
        two.sort();
        assert_eq!(root(alloc::vec![record(b"a"), record(b"c")]), naive(&two, 0));
    }
}
