//! Reading stored bytes so that none gets out unverified.

use protocol::Hash32;
use storage_engine::shard_tree::{
    LEAF_SIZE, LevelReader, TreeBuilder, empty_root, leaf_count, leaf_hashes, level_counts,
    parents, path, root_of_run, verify_path,
};

use crate::StoreError;

/// Leaves read at once when a whole shard is verified: 256 KiB.
const RUN: u64 = 64;

/// Bytes of a leaf, as a 64-bit number.
const LEAF: u64 = LEAF_SIZE as u64;

/// Stored bytes and stored tree of one shard, as an implementation of [`crate::ShardStore`] has them.
pub trait RawShard: Send {
    /// Fills `buffer` from `offset` of the shard.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError>;

    /// Fills `nodes` from index `first` of tree level `level`, level 0 being the leaf hashes.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn read_nodes(&self, level: u32, first: u64, nodes: &mut [Hash32]) -> Result<(), StoreError>;
}

/// Lets the tree functions walk a stored tree.
struct Levels<'a>(&'a dyn RawShard);

impl LevelReader for Levels<'_> {
    type Error = StoreError;

    fn node(&self, level: u32, index: u64) -> Result<Hash32, StoreError> {
        let mut node = [Hash32::ZERO];
        self.0.read_nodes(level, index, &mut node)?;
        Ok(node[0])
    }
}

/// Proof that a leaf belongs to a shard (rule LA-12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafProof {
    /// Hash of the leaf.
    pub leaf_hash: Hash32,
    /// Siblings from the leaf up to the root.
    pub path: Vec<Hash32>,
}

/// The only way to the bytes of a shard: everything it returns has been hashed and compared with the root.
pub struct VerifiedReader<'a> {
    /// None for an empty shard.
    raw: Option<Box<dyn RawShard + 'a>>,
    root: Hash32,
    len: u64,
}

impl<'a> VerifiedReader<'a> {
    /// A reader of the shard that `root` and `len` describe; both come from the log, never from the store.
    pub(crate) fn new(
        raw: Option<Box<dyn RawShard + 'a>>,
        root: Hash32,
        len: u64,
    ) -> Result<Self, StoreError> {
        if len == 0 && root != empty_root() {
            return Err(StoreError::Damaged("an empty shard with another root"));
        }
        Ok(Self { raw, root, len })
    }

    /// Bytes of the shard.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the shard has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `len` bytes from `offset`, verified. Whole leaves are read, two stored hashes for each level of the tree at most.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let end = offset.checked_add(len as u64).filter(|end| *end <= self.len);
        let end = end.ok_or(StoreError::OutOfRange)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let first = offset / LEAF;
        let mut bytes = self.read_leaves(first, end.div_ceil(LEAF) - first)?;
        let skipped = (offset % LEAF) as usize;
        bytes.drain(..skipped);
        bytes.truncate(len);
        Ok(bytes)
    }

    /// `count` whole leaves from leaf `first`, verified; the last leaf of the shard may be short.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn read_leaves(&self, first: u64, count: u64) -> Result<Vec<u8>, StoreError> {
        let (raw, bytes) = self.raw_leaves(first, count)?;
        let hashes = leaf_hashes(&bytes);
        let implied = root_of_run(&Levels(raw), self.leaves(), first, &hashes)?;
        if implied == Some(self.root) {
            return Ok(bytes);
        }
        // The run as a whole fails: leaf by leaf tells where, and is as good a proof if none fails.
        for (leaf, hash) in (first..).zip(&hashes) {
            let siblings = path(&Levels(raw), self.leaves(), leaf)?;
            if !verify_path(&self.root, hash, leaf, self.leaves(), &siblings) {
                return Err(StoreError::Corrupt { leaf });
            }
        }
        Ok(bytes)
    }

    /// Whether `bytes`, from elsewhere, are those of the leaves from `first`, by the stored tree alone.
    ///
    /// False proves nothing if the stored tree is damaged too.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn confirms(&self, first: u64, bytes: &[u8]) -> Result<bool, StoreError> {
        let Some(raw) = self.raw.as_deref() else {
            return Ok(bytes.is_empty());
        };
        let hashes = leaf_hashes(bytes);
        Ok(root_of_run(&Levels(raw), self.leaves(), first, &hashes)? == Some(self.root))
    }

    /// Proof that the shard has leaf `leaf`, made from its bytes as they are now, and checked.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`], [`StoreError::Corrupt`], [`StoreError::Io`].
    pub fn prove(&self, leaf: u64) -> Result<LeafProof, StoreError> {
        let (raw, bytes) = self.raw_leaves(leaf, 1)?;
        let leaf_hash = storage_engine::shard_tree::leaf_hash(&bytes);
        let path = path(&Levels(raw), self.leaves(), leaf)?;
        if verify_path(&self.root, &leaf_hash, leaf, self.leaves(), &path) {
            Ok(LeafProof { leaf_hash, path })
        } else {
            Err(StoreError::Corrupt { leaf })
        }
    }

    /// Reads everything and compares it with the root: bytes, and every stored node of the tree.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first leaf at fault or under a node at fault, [`StoreError::Io`].
    pub fn verify_all(&self) -> Result<(), StoreError> {
        let Some(raw) = self.raw.as_deref() else {
            return Ok(());
        };
        let mut tree = TreeBuilder::new();
        for first in (0..self.leaves()).step_by(RUN as usize) {
            let (_, bytes) = self.raw_leaves(first, RUN.min(self.leaves() - first))?;
            let hashes = leaf_hashes(&bytes);
            compare_nodes(raw, 0, first, &hashes)?;
            tree.extend(&hashes);
        }
        for (level, count) in (0..).zip(level_counts(self.leaves())) {
            verify_parents(raw, level, count)?;
        }
        if tree.root() == self.root { Ok(()) } else { Err(StoreError::Corrupt { leaf: 0 }) }
    }

    fn leaves(&self) -> u64 {
        leaf_count(self.len)
    }

    fn raw_leaves(&self, first: u64, count: u64) -> Result<(&dyn RawShard, Vec<u8>), StoreError> {
        let end = first.checked_add(count).filter(|end| *end <= self.leaves() && count > 0);
        let end = end.ok_or(StoreError::OutOfRange)?.saturating_mul(LEAF).min(self.len);
        let raw = self.raw.as_deref().ok_or(StoreError::OutOfRange)?;
        let len = usize::try_from(end - first * LEAF).map_err(|_| StoreError::OutOfRange)?;
        let mut bytes = vec![0; len];
        raw.read_bytes(first * LEAF, &mut bytes)?;
        Ok((raw, bytes))
    }
}

/// Compares the level above `level`, as stored, with what the nodes of `level` hash to.
fn verify_parents(raw: &dyn RawShard, level: u32, count: u64) -> Result<(), StoreError> {
    const CHUNK: u64 = 1024;
    if count < 2 {
        return Ok(());
    }
    for first in (0..count).step_by(CHUNK as usize) {
        let mut nodes = vec![Hash32::ZERO; CHUNK.min(count - first) as usize];
        raw.read_nodes(level, first, &mut nodes)?;
        compare_nodes(raw, level + 1, first / 2, &parents(&nodes))?;
    }
    Ok(())
}

fn compare_nodes(
    raw: &dyn RawShard,
    level: u32,
    first: u64,
    right: &[Hash32],
) -> Result<(), StoreError> {
    let mut stored = vec![Hash32::ZERO; right.len()];
    raw.read_nodes(level, first, &mut stored)?;
    match stored.iter().zip(right).position(|(stored, right)| stored != right) {
        None => Ok(()),
        Some(at) => Err(StoreError::Corrupt { leaf: (first + at as u64) << level }),
    }
}
