//! The log as static files (C2SP tlog-tiles): tiles of 256 hashes of the tree, and bundles of 256 entries.
//!
//! A [`Tile`] names such a file, its path and what is in it. Nothing but the width of the last tile of a level
//! depends on the size of the log, so a file never changes once it is written. [`TileTree`] is the other
//! side: it takes files from anybody and believes what leads to the root of a checkpoint.

mod bundle;
mod path;
mod tree;

pub use bundle::{Bundle, BundleError, push_leaf};
pub use path::TilePathError;
pub use tree::{TileError, TileSource, TileTree};

use crate::{
    MAX_LOG_SIZE,
    tree::{NodeReader, TreeHash},
};
use alloc::vec::Vec;
use core::ops::Range;

/// Levels of the tree that one level of tiles spans.
pub const TILE_HEIGHT: u8 = 8;

/// Hashes of a full tile, and entries of a full bundle.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// Highest level of tiles: a log of [`MAX_LOG_SIZE`] entries needs no more.
pub const MAX_TILE_LEVEL: u8 = 7;

/// [`TILE_WIDTH`] as a number of nodes.
const WIDTH: u64 = 1 << TILE_HEIGHT;

/// Bytes of a hash in a tile.
const HASH_LEN: usize = 32;

/// What a tile consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TileKind {
    /// Entries: a bundle of leaf data.
    Entries,
    /// Hashes of the nodes of the tree at eight times this level, at most [`MAX_TILE_LEVEL`].
    Hashes(u8),
}

impl TileKind {
    /// Every kind that a log can have, entries first.
    fn all() -> impl Iterator<Item = Self> {
        core::iter::once(Self::Entries).chain((0..=MAX_TILE_LEVEL).map(Self::Hashes))
    }

    /// Level of the tree whose nodes such tiles count.
    #[must_use]
    pub const fn node_level(self) -> u8 {
        match self {
            Self::Entries => 0,
            Self::Hashes(level) => level.saturating_mul(TILE_HEIGHT),
        }
    }

    /// Items of this kind in a log of `size` entries: entries, or complete nodes of the level.
    #[must_use]
    pub fn items(self, size: u64) -> u64 {
        size.checked_shr(self.node_level().into()).unwrap_or(0)
    }
}

/// Name of one file of the log: kind, place among its kind, and how many items it has (EL-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile with this number as it stands in a log of `size` entries, full or partial; `None` when it would
    /// be empty.
    #[must_use]
    pub fn at(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let first = index.checked_mul(WIDTH)?;
        let items = kind.items(size.min(MAX_LOG_SIZE)).checked_sub(first)?.min(WIDTH);
        let width = u16::try_from(items).ok().filter(|width| *width > 0)?;
        Some(Self { kind, index, width })
    }

    /// What it consists of.
    #[must_use]
    pub const fn kind(&self) -> TileKind {
        self.kind
    }

    /// Number among the tiles of its kind, from zero.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of items, 1 to [`TILE_WIDTH`].
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether it can still grow. Partial tiles may be gone once the full one is there.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// The full tile at the same place.
    #[must_use]
    pub const fn full(&self) -> Self {
        Self { kind: self.kind, index: self.index, width: TILE_WIDTH }
    }

    /// Its items: seqs of entries, or indices of nodes at [`TileKind::node_level`].
    #[must_use]
    pub fn items(&self) -> Range<u64> {
        // Neither can overflow: a tile has been counted within a log.
        let first = self.index.saturating_mul(WIDTH);
        first..first.saturating_add(self.width.into())
    }

    /// Bytes of a tile of hashes: those of its nodes, one after the other (EL-22).
    ///
    /// # Errors
    /// What the reader says.
    pub fn read_hashes<R: NodeReader>(&self, nodes: &R) -> Result<Vec<u8>, R::Error> {
        let mut bytes = Vec::with_capacity(usize::from(self.width).saturating_mul(HASH_LEN));
        for index in self.items() {
            bytes.extend_from_slice(&nodes.node(self.kind.node_level(), index)?.0);
        }
        Ok(bytes)
    }

    /// The hashes of a tile; `None` when there are more or fewer bytes than its width says.
    #[must_use]
    pub fn parse_hashes(&self, bytes: &[u8]) -> Option<Vec<TreeHash>> {
        let (hashes, rest) = bytes.as_chunks::<HASH_LEN>();
        let fits = hashes.len() == usize::from(self.width) && rest.is_empty();
        fits.then(|| hashes.iter().copied().map(TreeHash).collect())
    }
}

/// The files that a log of `new` entries has and a log of its first `old` entries has not: those that began
/// since, and those that grew. Entries first, then hashes from the leaves upwards, each in order.
pub fn tiles_added(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    TileKind::all().flat_map(move |kind| {
        let (before, after) = (kind.items(old), kind.items(new));
        // Where nothing was added, the last tile stands as it stood.
        let first = if before == after { after.div_ceil(WIDTH) } else { before / WIDTH };
        (first..after.div_ceil(WIDTH)).filter_map(move |index| Tile::at(kind, index, new))
    })
}

#[cfg(test)]
mod tests;
