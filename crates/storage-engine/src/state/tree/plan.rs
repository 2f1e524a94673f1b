//! The new nodes of an update: planned first, then hashed from the leaves upwards, many at once.

use alloc::{vec, vec::Vec};
use protocol::Hash32;

use super::{
    Broken, Pages,
    page::{self, Kind, Stored, tag},
};
use crate::state::keys;

/// Bytes that are hashed for a node: its tag and two hashes (ST-3).
pub(super) const NODE_LEN: usize = 65;

/// Nodes that are composed and hashed in one call; their messages stay in the first-level cache.
const HASHED_TOGETHER: usize = 64;

/// What stands at the top of a subtree, or on one side of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// No record.
    Empty,
    /// A node of a stored page, not changed; never an empty one.
    Kept(usize),
    /// A leaf or branch of the plan, in the page that is being made.
    Planned(usize),
    /// A branch of the plan, at the top of a page below.
    Below(usize),
}

#[derive(Clone, Copy)]
enum Content {
    Leaf {
        path: Hash32,
        value: Hash32,
    },
    Branch {
        left: Half,
        right: Half,
    },
    /// A stored branch, some of whose nodes move to pages of their own; its hash is known.
    Opened {
        left: Half,
        right: Half,
    },
    /// A branch of which the hash is all that is known here.
    Settled,
}

#[derive(Clone, Copy)]
struct Node {
    content: Content,
    /// Longest way down to a node of the plan without planned ones below it.
    height: usize,
    /// Leaves in the same page.
    leaves: usize,
}

/// How much of a [`Plan`] there was at some time.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    nodes: usize,
    pages: usize,
    stored: page::Mark,
}

/// What an update is about to write, above the stored pages that it was made from.
#[derive(Default)]
pub(super) struct Plan {
    stored: Stored,
    nodes: Vec<Node>,
    hashes: Vec<Hash32>,
    pages: Vec<(Vec<u8>, Option<Half>)>,
}

impl Plan {
    // --- asking ---

    pub(super) fn is_leaf(&self, half: Half) -> bool {
        self.leaf(half).is_some()
    }

    /// Path and value hash, if it is a leaf.
    #[inline]
    pub(super) fn leaf(&self, half: Half) -> Option<(Hash32, Hash32)> {
        match half {
            Half::Kept(at) if self.stored.kind(at) == Kind::Leaf => Some(self.stored.leaf(at)),
            Half::Planned(at) => match self.nodes.get(at)?.content {
                Content::Leaf { path, value } => Some((path, value)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Both halves, if it is a branch of the page that is being made.
    #[inline]
    pub(super) fn halves(&self, half: Half) -> Option<(Half, Half)> {
        match half {
            Half::Kept(at) => match self.stored.kind(at) {
                Kind::Branch { right } => Some((self.kept(at.saturating_add(1)), self.kept(right))),
                _ => None,
            },
            Half::Planned(at) => match self.nodes.get(at)?.content {
                Content::Branch { left, right } | Content::Opened { left, right } => {
                    Some((left, right))
                }
                Content::Leaf { .. } | Content::Settled => None,
            },
            _ => None,
        }
    }

    /// Leaves in the page that is being made.
    #[inline]
    pub(super) fn leaves(&self, half: Half) -> usize {
        match half {
            Half::Kept(at) => self.stored.leaves(at),
            Half::Planned(at) => self.nodes.get(at).map_or(0, |node| node.leaves),
            Half::Empty | Half::Below(_) => 0,
        }
    }

    /// What stands at a place of a stored page.
    #[inline]
    fn kept(&self, at: usize) -> Half {
        if self.stored.kind(at) == Kind::Empty { Half::Empty } else { Half::Kept(at) }
    }

    /// Whether it is a branch with a stored page of its own.
    #[inline]
    pub(super) fn has_page(&self, half: Half) -> bool {
        matches!(half, Half::Kept(at) if self.stored.kind(at) == Kind::Below)
    }

    /// The hash of anything but a leaf that is stored; of planned nodes, once they are hashed.
    #[inline]
    pub(super) fn hash(&self, half: Half) -> Hash32 {
        match half {
            Half::Empty => Hash32::ZERO,
            Half::Kept(at) => self.stored.hash(at),
            Half::Planned(at) | Half::Below(at) => {
                self.hashes.get(at).copied().unwrap_or(Hash32::ZERO)
            }
        }
    }

    /// The hash of something stored, leaves included.
    pub(super) fn hash_stored(&self, half: Half) -> Hash32 {
        match self.leaf(half) {
            Some((path, value)) => Hash32::of(&message(tag::LEAF, &path, &value)),
            None => self.hash(half),
        }
    }

    // --- planning ---

    /// Takes a stored page apart; what stands at its top.
    pub(super) fn load(&mut self, level: u8, path: &Hash32, page: &[u8]) -> Result<Half, Broken> {
        let top = self.stored.load(level, path, page)?;
        Ok(self.kept(top))
    }

    /// What stands at the top of the page that `branch` refers to, which must be that very branch.
    pub(super) fn load_below<P: Pages>(
        &mut self,
        pages: &P,
        level: u8,
        path: &Hash32,
        branch: Half,
    ) -> Result<Half, P::Error> {
        let page = pages.read(&keys::tree_page(level, path))?;
        let page = page.ok_or(Broken("a page of the state tree is missing"))?;
        let top = self.load(level, path, &page)?;
        if self.halves(top).is_none() || self.hash(top) != self.hash(branch) {
            return Err(Broken("a page of the state tree is not the one that belongs there").into());
        }
        Ok(top)
    }

    pub(super) fn add_leaf(&mut self, path: Hash32, value: Hash32) -> Half {
        self.add(
            Node { content: Content::Leaf { path, value }, height: 0, leaves: 1 },
            Hash32::ZERO,
        )
    }

    pub(super) fn add_branch(&mut self, left: Half, right: Half) -> Half {
        let (left, right) = (self.hashable(left), self.hashable(right));
        let height = self.height(left).max(self.height(right));
        let leaves = self.leaves(left).saturating_add(self.leaves(right));
        self.add(Node { content: Content::Branch { left, right }, height, leaves }, Hash32::ZERO)
    }

    /// A stored branch as a planned one with other halves, which hash to the same.
    pub(super) fn open(&mut self, hash: Hash32, left: Half, right: Half) -> Half {
        let leaves = self.leaves(left).saturating_add(self.leaves(right));
        self.add(Node { content: Content::Opened { left, right }, height: 0, leaves }, hash)
    }

    /// A branch at the top of a page below, of which the hash is all that is needed.
    pub(super) fn settled(&mut self, hash: Hash32) -> Half {
        self.add(Node { content: Content::Settled, height: 0, leaves: 0 }, hash);
        Half::Below(self.nodes.len().saturating_sub(1))
    }

    /// Gives a planned branch other halves, which hash to the same.
    pub(super) fn set_halves(&mut self, at: usize, new_left: Half, new_right: Half) {
        if let Some(node) = self.nodes.get_mut(at)
            && let Content::Branch { left, right } | Content::Opened { left, right } =
                &mut node.content
        {
            (*left, *right) = (new_left, new_right);
        }
    }

    /// The page at `key` becomes what stands below `root`; `None` removes it.
    pub(super) fn set_page(&mut self, key: Vec<u8>, root: Option<Half>) {
        self.pages.push((key, root));
    }

    /// The same, such that it has a hash: a stored page has none of its leaves.
    pub(super) fn hashable(&mut self, half: Half) -> Half {
        match (half, self.leaf(half)) {
            (Half::Kept(_), Some((path, value))) => self.add_leaf(path, value),
            _ => half,
        }
    }

    #[inline]
    fn height(&self, half: Half) -> usize {
        match half {
            Half::Planned(at) | Half::Below(at) => {
                self.nodes.get(at).map_or(0, |node| node.height).saturating_add(1)
            }
            Half::Empty | Half::Kept(_) => 0,
        }
    }

    /// Adds a node; `hash` is of use where it is known before.
    #[inline]
    fn add(&mut self, node: Node, hash: Hash32) -> Half {
        self.nodes.push(node);
        self.hashes.push(hash);
        Half::Planned(self.nodes.len().saturating_sub(1))
    }

    // --- hashing and writing ---

    pub(super) fn mark(&self) -> Mark {
        Mark { nodes: self.nodes.len(), pages: self.pages.len(), stored: self.stored.mark() }
    }

    /// Nodes that were planned since `mark`.
    pub(super) fn since(&self, mark: Mark) -> usize {
        self.nodes.len().saturating_sub(mark.nodes)
    }

    /// Hashes what was planned since `mark`, and hands its pages to `write`.
    pub(super) fn finish(&mut self, mark: Mark, write: &mut impl FnMut(Vec<u8>, Option<Vec<u8>>)) {
        self.hash_since(mark);
        let pages = self.pages.split_off(mark.pages);
        for (key, root) in pages {
            write(key, root.map(|root| self.page(root)));
        }
    }

    /// Forgets what was planned and read since `mark` but for `top`, which came of it and is hashed.
    pub(super) fn forget(&mut self, mark: Mark, top: Half) -> Half {
        let (leaf, hash) = (self.leaf(top), self.hash(top));
        self.nodes.truncate(mark.nodes);
        self.hashes.truncate(mark.nodes);
        self.pages.truncate(mark.pages);
        self.stored.truncate(mark.stored);
        match (top, leaf) {
            (_, Some((path, value))) => self.add_leaf(path, value),
            (Half::Empty, None) => Half::Empty,
            _ => self.settled(hash),
        }
    }

    fn hash_since(&mut self, mark: Mark) {
        let order = self.by_height(mark.nodes);
        let mut messages = [[0; NODE_LEN]; HASHED_TOGETHER];
        let mut digests = [[0; 32]; HASHED_TOGETHER];
        let height = |at: &usize| self.nodes.get(*at).map_or(0, |node| node.height);
        for level in order.chunk_by(|a, b| height(a) == height(b)) {
            for batch in level.chunks(HASHED_TOGETHER) {
                for (at, message) in batch.iter().zip(&mut messages) {
                    *message = self.message(*at);
                }
                let (messages, _) = messages.split_at(batch.len());
                let parts: [&[u8]; HASHED_TOGETHER] =
                    core::array::from_fn(|at| messages.get(at).map_or(&[][..], |m| m));
                let (parts, _) = parts.split_at(batch.len());
                keccak_batch::hash_many(parts, &mut digests);
                for (at, digest) in batch.iter().zip(&digests) {
                    if let Some(hash) = self.hashes.get_mut(*at) {
                        *hash = Hash32(*digest);
                    }
                }
            }
        }
    }

    /// The nodes to hash from place `first` on, lower ones first: a counting sort, as there are few heights.
    fn by_height(&self, first: usize) -> Vec<usize> {
        let new = || {
            let numbered = self.nodes.iter().enumerate().skip(first);
            let known =
                |node: &Node| matches!(node.content, Content::Opened { .. } | Content::Settled);
            numbered.filter(move |(_, node)| !known(node))
        };
        let highest = new().map(|(_, node)| node.height).max().unwrap_or(0);
        let mut next = vec![0usize; highest.saturating_add(2)];
        for (_, node) in new() {
            if let Some(above) = next.get_mut(node.height.saturating_add(1)) {
                *above = above.saturating_add(1);
            }
        }
        let mut lower = 0usize;
        for count in &mut next {
            lower = lower.saturating_add(*count);
            *count = lower;
        }
        let mut order = vec![0; lower];
        for (at, node) in new() {
            let Some(place) = next.get_mut(node.height) else { continue };
            if let Some(slot) = order.get_mut(*place) {
                *slot = at;
            }
            *place = place.saturating_add(1);
        }
        order
    }

    /// What is hashed for a planned node (ST-3).
    fn message(&self, at: usize) -> [u8; NODE_LEN] {
        match self.nodes.get(at).map(|node| node.content) {
            Some(Content::Leaf { path, value }) => message(tag::LEAF, &path, &value),
            Some(Content::Branch { left, right } | Content::Opened { left, right }) => {
                message(tag::BRANCH, &self.hash(left), &self.hash(right))
            }
            Some(Content::Settled) | None => [0; NODE_LEN],
        }
    }

    /// The bytes of a page, of which everything is hashed.
    fn page(&self, root: Half) -> Vec<u8> {
        let mut page = Vec::with_capacity(self.leaves(root).saturating_mul(128));
        self.put(root, &mut page);
        page
    }

    fn put(&self, half: Half, page: &mut Vec<u8>) {
        match half {
            Half::Empty => page.push(tag::EMPTY),
            Half::Kept(at) => page.extend_from_slice(self.stored.bytes(at)),
            Half::Planned(_) => match self.halves(half) {
                Some((left, right)) => {
                    page.push(tag::BRANCH);
                    page.extend_from_slice(&self.hash(half).0);
                    self.put(left, page);
                    self.put(right, page);
                }
                None => {
                    let (path, value) = self.leaf(half).unwrap_or_default();
                    page.extend_from_slice(&message(tag::LEAF, &path, &value));
                }
            },
            Half::Below(_) => {
                page.push(tag::BELOW);
                page.extend_from_slice(&self.hash(half).0);
            }
        }
    }
}

/// A tag and two hashes.
pub(super) fn message(tag: u8, first: &Hash32, second: &Hash32) -> [u8; NODE_LEN] {
    let mut bytes = [tag; NODE_LEN];
    let (_, rest) = bytes.split_at_mut(1);
    let (start, end) = rest.split_at_mut(32);
    start.copy_from_slice(&first.0);
    end.copy_from_slice(&second.0);
    bytes
}
