//! How the tree is stored: pages, each with the nodes of one subtree down to the pages below it (ST-4).

use alloc::vec::Vec;
use protocol::Hash32;

use super::{
    Broken,
    path::{BITS, bit, set_bit, share},
};

/// Levels of binary nodes between the top of a page and the tops of those below it.
pub(super) const PAGE_BITS: u16 = 4;

/// Leaves that a page holds at most, before the branches at its lower edge get pages of their own.
pub(super) const MAX_LEAVES: usize = 16;

/// Tags of a page's nodes. Leaf and branch are those of the hashed bytes.
pub(super) mod tag {
    pub const LEAF: u8 = 0;
    pub const BRANCH: u8 = 1;
    pub const EMPTY: u8 = 2;
    pub const BELOW: u8 = 3;
}

/// Depth of the top of a page.
pub(super) fn top(level: u8) -> u16 {
    u16::from(level).saturating_mul(PAGE_BITS)
}

/// Depth at which a page may refer to those below it.
pub(super) fn edge(level: u8) -> u16 {
    top(level).saturating_add(PAGE_BITS)
}

/// What stands at a place of a stored page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Empty,
    Leaf,
    /// The left half is the next node, the right one stands at this place.
    Branch {
        right: usize,
    },
    /// A branch that has a page of its own.
    Below,
}

/// A node of a stored page; its bytes, with everything below it, are those from `start` to `end`.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: usize,
    end: usize,
    leaves: usize,
}

/// How much of [`Stored`] there was at some time.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    nodes: usize,
    bytes: usize,
}

/// Pages that were read, taken apart: one list of nodes over one buffer of bytes.
#[derive(Default)]
pub(super) struct Stored {
    nodes: Vec<Node>,
    bytes: Vec<u8>,
}

impl Stored {
    /// Takes a page apart; the place of its top node.
    pub(super) fn load(&mut self, level: u8, path: &Hash32, page: &[u8]) -> Result<usize, Broken> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(page);
        let Self { nodes, bytes } = self;
        let mut reader = Reader { bytes, at: start, nodes, position: *path, edge: edge(level) };
        let node = reader.node(top(level))?;
        if reader.at == bytes.len() { Ok(node) } else { Err(DAMAGED) }
    }

    #[inline]
    pub(super) fn kind(&self, at: usize) -> Kind {
        self.nodes.get(at).map_or(Kind::Empty, |node| node.kind)
    }

    /// Leaves in this page from this node on.
    pub(super) fn leaves(&self, at: usize) -> usize {
        self.nodes.get(at).map_or(0, |node| node.leaves)
    }

    /// The bytes of a node with all that the page has below it.
    #[inline]
    pub(super) fn bytes(&self, at: usize) -> &[u8] {
        let node = self.nodes.get(at);
        node.and_then(|node| self.bytes.get(node.start..node.end)).unwrap_or_default()
    }

    /// The hash of a branch, in this page or below it.
    #[inline]
    pub(super) fn hash(&self, at: usize) -> Hash32 {
        hash_at(self.bytes(at), 1)
    }

    /// Path and value hash of a leaf.
    #[inline]
    pub(super) fn leaf(&self, at: usize) -> (Hash32, Hash32) {
        (hash_at(self.bytes(at), 1), hash_at(self.bytes(at), 33))
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { nodes: self.nodes.len(), bytes: self.bytes.len() }
    }

    /// Forgets the pages that were read since `mark`.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.nodes.truncate(mark.nodes);
        self.bytes.truncate(mark.bytes);
    }
}

fn hash_at(bytes: &[u8], at: usize) -> Hash32 {
    let hash = bytes.get(at..).and_then(<[u8]>::first_chunk::<32>);
    hash.map_or(Hash32::ZERO, |hash| Hash32(*hash))
}

const DAMAGED: Broken = Broken("a page of the state tree is damaged");

/// Reads the nodes of one page in the order in which they are stored: a branch before its halves.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: &'a mut Vec<Node>,
    position: Hash32,
    edge: u16,
}

impl Reader<'_> {
    fn node(&mut self, depth: u16) -> Result<usize, Broken> {
        let (start, index) = (self.at, self.nodes.len());
        let tag = *self.take(1)?.first().ok_or(DAMAGED)?;
        self.nodes.push(Node { kind: Kind::Empty, start, end: start, leaves: 0 });
        let (kind, leaves) = match tag {
            tag::EMPTY => (Kind::Empty, 0),
            tag::LEAF => self.leaf(depth)?,
            tag::BRANCH => self.branch(depth)?,
            tag::BELOW if depth == self.edge => {
                self.take(32)?;
                (Kind::Below, 0)
            }
            _ => return Err(DAMAGED),
        };
        if let Some(node) = self.nodes.get_mut(index) {
            *node = Node { kind, start, end: self.at, leaves };
        }
        Ok(index)
    }

    fn leaf(&mut self, depth: u16) -> Result<(Kind, usize), Broken> {
        let path = hash_at(self.take(64)?, 0);
        if share(&path, &self.position, depth) { Ok((Kind::Leaf, 1)) } else { Err(DAMAGED) }
    }

    fn branch(&mut self, depth: u16) -> Result<(Kind, usize), Broken> {
        if depth >= BITS {
            return Err(DAMAGED);
        }
        self.take(32)?;
        let below = depth.saturating_add(1);
        let was = bit(&self.position, depth);
        set_bit(&mut self.position, depth, false);
        let left = self.node(below)?;
        set_bit(&mut self.position, depth, true);
        let right = self.node(below)?;
        set_bit(&mut self.position, depth, was);
        let half = |at: usize| self.nodes.get(at).map_or((Kind::Empty, 0), |n| (n.kind, n.leaves));
        let ((left, left_leaves), (other, right_leaves)) = (half(left), half(right));
        // What holds one record at most is no branch.
        if let (Kind::Empty, Kind::Empty | Kind::Leaf) | (Kind::Leaf, Kind::Empty) = (left, other) {
            return Err(DAMAGED);
        }
        Ok((Kind::Branch { right }, left_leaves.saturating_add(right_leaves)))
    }

    #[inline]
    fn take(&mut self, count: usize) -> Result<&[u8], Broken> {
        let start = self.at;
        self.at = start.saturating_add(count);
        self.bytes.get(start..self.at).ok_or(DAMAGED)
    }
}
