//! A log read from tiles that nobody vouches for: every file must lead to the root that is known.

use super::{Bundle, BundleError, MAX_TILE_LEVEL, TILE_HEIGHT, Tile, TileKind, WIDTH};
use crate::{
    MAX_LOG_SIZE, VerifiedCheckpoint,
    chain::ChainError,
    head::LogHead,
    leaf::Leaf,
    tree::{NodeReader, PathError, TreeHash, empty_root, node_hash, root_at},
};
use alloc::{rc::Rc, vec::Vec};
use core::{cell::RefCell, error::Error, fmt};

/// Where tiles come from: a directory, a web server, a cache of one.
pub trait TileSource {
    /// What can go wrong besides.
    type Error;

    /// Bytes of a tile; `None` when there is no such file.
    ///
    /// # Errors
    /// Whatever keeps the source from giving a file that it has.
    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Why something is not in a log, or not shown by its tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TileError<E> {
    /// The source failed.
    Source(E),
    /// There is no such file, neither partial nor full.
    Missing(Tile),
    /// A tile of hashes has more or fewer bytes than its width says.
    BadLength {
        /// The tile.
        tile: Tile,
        /// Bytes that it has.
        found: usize,
    },
    /// A bundle is malformed.
    BadBundle {
        /// The bundle.
        tile: Tile,
        /// What is wrong.
        error: BundleError,
    },
    /// The partial tiles, all together, do not give the root.
    WrongRoot {
        /// Size of the log.
        size: u64,
    },
    /// A full tile does not give the hash that the tile above has for it.
    WrongHashes(Tile),
    /// An entry of a bundle is not the one in the tree.
    WrongEntry {
        /// Its seq.
        seq: u64,
    },
    /// An entry does not follow the one before it.
    Chain(ChainError),
    /// The log has no such node or entry.
    OutOfRange {
        /// Level of the node; 0 for entries.
        level: u8,
        /// Index of the node, or seq of the entry.
        index: u64,
    },
}

impl<E: fmt::Display> fmt::Display for TileError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(error) => error.fmt(f),
            Self::Missing(tile) => write!(f, "{tile}: there is no such file"),
            Self::BadLength { tile, found } => write!(
                f,
                "{tile}: {found} bytes are not those of {} hashes of 32 bytes",
                tile.width()
            ),
            Self::BadBundle { tile, error } => write!(f, "{tile}: {error}"),
            Self::WrongRoot { size } => {
                write!(f, "the partial tiles do not give the root of the log at size {size}")
            }
            Self::WrongHashes(tile) => {
                write!(f, "{tile}: its hashes do not give the one that the tile above has for it")
            }
            Self::WrongEntry { seq } => {
                write!(f, "entry {seq} of the bundle is not entry {seq} of the tree")
            }
            Self::Chain(error) => error.fmt(f),
            Self::OutOfRange { level: 0, index } => write!(f, "the log has no entry {index}"),
            Self::OutOfRange { level, index } => {
                write!(f, "the log has no complete node {index} at level {level}")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> Error for TileError<E> {}

type Hashes = Rc<[TreeHash]>;

/// The tree of a log at some size, read from tiles. Whatever it gives out leads to the root that it was opened
/// with (EL-24): proofs are made from it with [`crate::tree::inclusion_proof`] and [`crate::tree::consistency_proof`].
pub struct TileTree<S> {
    source: S,
    size: u64,
    /// The partial tile of each level, empty where there is none.
    edge: Vec<Hashes>,
    /// The full tile of each level that was used last: neighbouring nodes share theirs.
    last: RefCell<Vec<Option<(u64, Hashes)>>>,
}

impl<S: TileSource> TileTree<S> {
    /// Opens the log of a checkpoint that was verified. Reads the partial tiles, at most eight, and checks that
    /// they give the root.
    ///
    /// # Errors
    /// [`TileError`] when one of them is missing or malformed, or the root is another.
    pub fn open(source: S, checkpoint: &VerifiedCheckpoint) -> Result<Self, TileError<S::Error>> {
        Self::open_at(source, checkpoint.size(), &checkpoint.root())
    }

    /// [`TileTree::open`] where size and root are known by other means.
    ///
    /// # Errors
    /// As [`TileTree::open`].
    pub fn open_at(source: S, size: u64, root: &TreeHash) -> Result<Self, TileError<S::Error>> {
        if size > MAX_LOG_SIZE {
            return Err(TileError::WrongRoot { size });
        }
        let mut edge = Vec::new();
        for level in 0..=MAX_TILE_LEVEL {
            let kind = TileKind::Hashes(level);
            let partial = Tile::at(kind, kind.items(size) / WIDTH, size);
            let hashes = partial.map_or(Ok(Vec::new()), |tile| fetch_hashes(&source, &tile))?;
            edge.push(hashes.into());
        }
        let last = RefCell::new(edge.iter().map(|_| None).collect());
        let tree = Self { source, size, edge, last };
        // Every hash of every partial tile goes into the root: when it is right, so are they.
        match root_at(&tree, size) {
            Ok(found) if found == *root => Ok(tree),
            Err(PathError::Read(error)) => Err(error),
            _ => Err(TileError::WrongRoot { size }),
        }
    }

    /// Number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bundle with this number, every entry of which is the one in the tree. That they follow each other is
    /// for [`TileTree::read_all`] to say.
    ///
    /// # Errors
    /// [`TileError`] when it is missing or malformed, or has another entry.
    pub fn bundle(&self, index: u64) -> Result<Bundle, TileError<S::Error>> {
        let first = TileError::OutOfRange { level: 0, index: index.saturating_mul(WIDTH) };
        let tile = Tile::at(TileKind::Entries, index, self.size).ok_or(first)?;
        let bundle = fetch_bundle(&self.source, &tile)?;
        let hashes = self.hashes(0, index)?;
        for ((seq, leaf), hash) in bundle.leaves().zip(hashes.iter()) {
            if leaf.leaf_hash() != *hash {
                return Err(TileError::WrongEntry { seq });
            }
        }
        Ok(bundle)
    }

    /// The leaf data of one entry.
    ///
    /// # Errors
    /// As [`TileTree::bundle`].
    pub fn leaf_data(&self, seq: u64) -> Result<Vec<u8>, TileError<S::Error>> {
        let bundle = self.bundle(seq / WIDTH)?;
        let leaf = bundle.leaves().find(|(at, _)| *at == seq);
        leaf.map(|(_, leaf)| leaf.to_bytes()).ok_or(TileError::OutOfRange { level: 0, index: seq })
    }

    /// Reads every file of the log and hands each entry to `visit`, in order: bundles, tiles, and the chain from
    /// one entry to the next. Returns the head, whose root is that of the checkpoint.
    ///
    /// # Errors
    /// [`TileError`] names the first file or entry that is not right.
    pub fn read_all(
        &self,
        mut visit: impl FnMut(u64, Leaf<'_>),
    ) -> Result<LogHead, TileError<S::Error>> {
        let mut head = LogHead::new();
        for index in 0..self.size.div_ceil(WIDTH) {
            for (seq, leaf) in self.bundle(index)?.leaves() {
                let (expected, found) = (head.entry_hash(), leaf.prev_entry_hash);
                if expected != found {
                    return Err(TileError::Chain(ChainError::BrokenLink { seq, expected, found }));
                }
                head.append(leaf.body, |_, _, _| ());
                visit(seq, leaf);
            }
        }
        Ok(head)
    }

    /// The hashes of a tile, as they lead to the root.
    fn hashes(&self, level: u8, index: u64) -> Result<Hashes, TileError<S::Error>> {
        let kind = TileKind::Hashes(level);
        if index == kind.items(self.size) / WIDTH
            && let Some(partial) = self.edge.get(usize::from(level))
        {
            return Ok(partial.clone());
        }
        if let Some(last) = self.last_used(level, index) {
            return Ok(last);
        }
        let beyond = TileError::OutOfRange { level: kind.node_level(), index };
        let tile = Tile::at(kind, index, self.size).ok_or(beyond)?;
        // At most seven deep: the level above is either partial, and known, or has a level above.
        let above = self.hashes(level.saturating_add(1), index / WIDTH)?;
        let hashes = fetch_hashes(&self.source, &tile)?;
        let expected = above.iter().zip(0..WIDTH).find(|(_, at)| *at == index % WIDTH);
        if expected.is_none_or(|(hash, _)| *hash != subtree_root(&hashes)) {
            return Err(TileError::WrongHashes(tile));
        }
        let hashes: Hashes = hashes.into();
        if let Some(last) = self.last.borrow_mut().get_mut(usize::from(level)) {
            *last = Some((index, hashes.clone()));
        }
        Ok(hashes)
    }

    fn last_used(&self, level: u8, index: u64) -> Option<Hashes> {
        let last = self.last.borrow();
        let (at, hashes) = last.get(usize::from(level))?.as_ref()?;
        (*at == index).then(|| hashes.clone())
    }
}

impl<S: TileSource> NodeReader for TileTree<S> {
    type Error = TileError<S::Error>;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Self::Error> {
        let beyond = TileError::OutOfRange { level, index };
        if index >= self.size.checked_shr(level.into()).unwrap_or(0) {
            return Err(beyond);
        }
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        // Within the level of the tiles the node is the root over 2^height hashes, all of one tile.
        let first = index.wrapping_shl(height.into());
        let hashes = self.hashes(tile_level, first / WIDTH)?;
        let from = usize::try_from(first % WIDTH).unwrap_or(usize::MAX);
        let to = from.saturating_add(1_usize.wrapping_shl(height.into()));
        hashes.get(from..to).map(subtree_root).ok_or(beyond)
    }
}

/// Root over hashes whose number is a power of two.
fn subtree_root(hashes: &[TreeHash]) -> TreeHash {
    match hashes {
        [] => empty_root(),
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&subtree_root(left), &subtree_root(right))
        }
    }
}

/// A partial tile may have been removed once the full one was there, which begins with it.
fn fetch<S: TileSource>(source: &S, tile: &Tile) -> Result<(Tile, Vec<u8>), TileError<S::Error>> {
    for candidate in [*tile, tile.full()] {
        if let Some(bytes) = source.read(&candidate).map_err(TileError::Source)? {
            return Ok((candidate, bytes));
        }
    }
    Err(TileError::Missing(*tile))
}

fn fetch_hashes<S: TileSource>(
    source: &S,
    tile: &Tile,
) -> Result<Vec<TreeHash>, TileError<S::Error>> {
    let (found, bytes) = fetch(source, tile)?;
    let bad = TileError::BadLength { tile: found, found: bytes.len() };
    let mut hashes = found.parse_hashes(&bytes).ok_or(bad)?;
    hashes.truncate(tile.width().into());
    Ok(hashes)
}

fn fetch_bundle<S: TileSource>(source: &S, tile: &Tile) -> Result<Bundle, TileError<S::Error>> {
    let (found, bytes) = fetch(source, tile)?;
    Bundle::parse_prefix(*tile, found, bytes)
        .map_err(|error| TileError::BadBundle { tile: found, error })
}
