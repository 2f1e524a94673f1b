//! The state root: a sparse Merkle map over the hashed keys (ST-3 to ST-5).
//!
//! A record's path is `H(key)`. A subtree without records hashes to zeros; with exactly one, to
//! `H(0x00 ‖ path ‖ H(value))`; otherwise to `H(0x01 ‖ left ‖ right)`. So the shape depends on the
//! records alone, an update costs about log2(n) hashes per changed record, and a path shows presence or absence.

use alloc::{vec, vec::Vec};
use protocol::Hash32;

use super::keys;
use crate::content::hash_all;

/// One changed record: the hash of its value, or `None` when removed.
pub type Change = (Hash32, Option<Hash32>);

/// A stored node of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Bytes of a stored node: a tag and two hashes.
const NODE_LEN: usize = 65;
const LEAF: u8 = 0;
const BRANCH: u8 = 1;

impl TreeNode {
    /// The hash of the subtree.
    #[must_use]
    pub fn hash(&self) -> Hash32 {
        Hash32::of(&self.to_bytes())
    }

    /// The stored bytes, which are also what is hashed.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; NODE_LEN] {
        let (tag, first, second) = match self {
            Self::Leaf { path, value } => (LEAF, path, value),
            Self::Branch { left, right } => (BRANCH, left, right),
        };
        let mut bytes = [tag; NODE_LEN];
        let (_, rest) = bytes.split_at_mut(1);
        let (start, end) = rest.split_at_mut(32);
        start.copy_from_slice(&first.0);
        end.copy_from_slice(&second.0);
        bytes
    }

    /// The node of stored bytes; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let (first, second) = rest.split_first_chunk::<32>()?;
        let (first, second) = (Hash32(*first), Hash32(second.try_into().ok()?));
        match *tag {
            LEAF => Some(Self::Leaf { path: first, value: second }),
            BRANCH => Some(Self::Branch { left: first, right: second }),
            _ => None,
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
/// The new shape is planned first and hashed afterwards, from the leaves upwards, all nodes of one height together.
///
/// # Errors
/// A fault of the store.
pub fn update<N: Nodes>(nodes: &mut N, changes: &[Change]) -> Result<Hash32, N::Error> {
    let mut plan = Plan { store: nodes, nodes: Vec::new(), writes: Vec::new() };
    let before = plan.store.read(&keys::tree_node(0, &Hash32::ZERO))?;
    let root = plan.descend(0, &Hash32::ZERO, changes, before)?;
    let Plan { nodes: planned, writes, .. } = plan;
    let hashes = hash_by_height(&planned);
    let hash_of = |at: usize| hashes.get(at).copied().unwrap_or(Hash32::ZERO);
    for (key, at) in writes {
        let planned = at.and_then(|at| planned.get(at));
        nodes.write(key, planned.map(|planned| planned.node(&hash_of)));
    }
    Ok(root.map_or(Hash32::ZERO, hash_of))
}

/// A node of the new shape; its children by place in the plan.
#[derive(Clone, Copy)]
struct Planned {
    content: PlannedContent,
    /// Longest way down to a leaf of the plan.
    height: usize,
}

#[derive(Clone, Copy)]
enum PlannedContent {
    Leaf { path: Hash32, value: Hash32 },
    Branch { left: Half, right: Half },
}

/// What stands on one side of a branch.
#[derive(Clone, Copy)]
enum Half {
    Empty,
    /// Untouched, and known by its hash alone.
    Known(Hash32),
    /// At this place in the plan.
    Planned(usize),
}

impl Planned {
    fn node(&self, hash_of: &impl Fn(usize) -> Hash32) -> TreeNode {
        let hash = |half: Half| match half {
            Half::Empty => Hash32::ZERO,
            Half::Known(hash) => hash,
            Half::Planned(at) => hash_of(at),
        };
        match self.content {
            PlannedContent::Leaf { path, value } => TreeNode::Leaf { path, value },
            PlannedContent::Branch { left, right } => {
                TreeNode::Branch { left: hash(left), right: hash(right) }
            }
        }
    }
}

fn hash_by_height(planned: &[Planned]) -> Vec<Hash32> {
    let mut hashes = vec![Hash32::ZERO; planned.len()];
    let mut order: Vec<usize> = (0..planned.len()).collect();
    let height = |at: &usize| planned.get(*at).map_or(0, |planned| planned.height);
    order.sort_by_key(height);
    for level in order.chunk_by(|a, b| height(a) == height(b)) {
        let hash_of = |at: usize| hashes.get(at).copied().unwrap_or(Hash32::ZERO);
        let nodes = level.iter().filter_map(|at| planned.get(*at));
        let bytes: Vec<[u8; NODE_LEN]> =
            nodes.map(|planned| planned.node(&hash_of).to_bytes()).collect();
        let messages: Vec<&[u8]> = bytes.iter().map(<[u8; NODE_LEN]>::as_slice).collect();
        for (at, hash) in level.iter().zip(hash_all(&[], &messages)) {
            if let Some(slot) = hashes.get_mut(*at) {
                *slot = hash;
            }
        }
    }
    hashes
}

/// The new shape, and which stored nodes change by it; a later write of a key counts.
struct Plan<'a, N> {
    store: &'a mut N,
    nodes: Vec<Planned>,
    writes: Vec<(Vec<u8>, Option<usize>)>,
}

impl<N: Nodes> Plan<'_, N> {
    fn add(&mut self, content: PlannedContent) -> usize {
        let below = |half: Half| match half {
            Half::Planned(at) => self.nodes.get(at).map_or(0, |node| node.height.saturating_add(1)),
            _ => 1,
        };
        let height = match content {
            PlannedContent::Leaf { .. } => 0,
            PlannedContent::Branch { left, right } => below(left).max(below(right)),
        };
        self.nodes.push(Planned { content, height });
        self.nodes.len().saturating_sub(1)
    }

    /// Plans the subtree at `depth` that contains `path` and has been `before`; what stands there afterwards.
    fn descend(
        &mut self,
        depth: u16,
        path: &Hash32,
        changes: &[Change],
        before: Option<TreeNode>,
    ) -> Result<Option<usize>, N::Error> {
        let after = match before {
            Some(TreeNode::Branch { left, right }) => {
                self.split(depth, path, changes, Some((left, right)))?
            }
            leaf_or_nothing => {
                let merged = merge(leaf_or_nothing, changes);
                match *merged.as_slice() {
                    [] => None,
                    [(path, value)] => Some(self.add(PlannedContent::Leaf { path, value })),
                    _ => {
                        let inserts: Vec<Change> =
                            merged.into_iter().map(|(path, value)| (path, Some(value))).collect();
                        self.split(depth, path, &inserts, None)?
                    }
                }
            }
        };
        if before.is_some() || after.is_some() {
            self.writes.push((keys::tree_node(depth, path), after));
        }
        Ok(after)
    }

    /// Plans both halves of a branch. Where nothing stood `before` nothing is read; a half without changes is
    /// not read either, unless the other one vanished.
    fn split(
        &mut self,
        depth: u16,
        path: &Hash32,
        changes: &[Change],
        before: Option<(Hash32, Hash32)>,
    ) -> Result<Option<usize>, N::Error> {
        let below = depth.saturating_add(1);
        let at = changes.partition_point(|(path, _)| !bit(path, depth));
        let (to_left, to_right) = changes.split_at(at);
        let (left_path, right_path) = (with_bit(path, depth, false), with_bit(path, depth, true));
        let (old_left, old_right) = before.unwrap_or((Hash32::ZERO, Hash32::ZERO));
        let left = self.half(below, &left_path, to_left, old_left)?;
        let right = self.half(below, &right_path, to_right, old_right)?;
        let lone = match (left, right) {
            (Half::Empty, Half::Empty) => return Ok(None),
            (Half::Empty, other) => Some((other, right_path)),
            (other, Half::Empty) => Some((other, left_path)),
            _ => None,
        };
        // A lone record moves up to the top of the subtree that it has for itself.
        if let Some((half, half_path)) = lone
            && let Some(leaf) = self.lone_leaf(half, below, &half_path)?
        {
            self.writes.push((keys::tree_node(below, &half_path), None));
            return Ok(Some(leaf));
        }
        Ok(Some(self.add(PlannedContent::Branch { left, right })))
    }

    fn lone_leaf(
        &mut self,
        half: Half,
        depth: u16,
        path: &Hash32,
    ) -> Result<Option<usize>, N::Error> {
        match half {
            Half::Empty => Ok(None),
            Half::Planned(at) => {
                let leaf = |node: &&Planned| matches!(node.content, PlannedContent::Leaf { .. });
                Ok(self.nodes.get(at).filter(leaf).map(|_| at))
            }
            Half::Known(_) => match self.store.read(&keys::tree_node(depth, path))? {
                Some(TreeNode::Leaf { path, value }) => {
                    Ok(Some(self.add(PlannedContent::Leaf { path, value })))
                }
                _ => Ok(None),
            },
        }
    }

    fn half(
        &mut self,
        depth: u16,
        path: &Hash32,
        changes: &[Change],
        before: Hash32,
    ) -> Result<Half, N::Error> {
        if changes.is_empty() {
            let empty = before == Hash32::ZERO;
            return Ok(if empty { Half::Empty } else { Half::Known(before) });
        }
        let stood = if before == Hash32::ZERO {
            None
        } else {
            self.store.read(&keys::tree_node(depth, path))?
        };
        Ok(self.descend(depth, path, changes, stood)?.map_or(Half::Empty, Half::Planned))
    }
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
