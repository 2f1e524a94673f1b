//! The seam: what every store of shards can do.

use std::fmt;

use protocol::Hash32;

use crate::{LeafProof, RawShard, StoreError, VerifiedReader};

/// What a stored shard is found by: its id *and* its content (rule SS-1).
///
/// The id alone would let a later put of other content, refused or crashed, replace acknowledged bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardKey {
    /// Id of the shard (rule LA-6).
    pub shard_id: Hash32,
    /// Root of its tree (rule LA-11).
    pub root: Hash32,
}

impl fmt::Display for ShardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shard_id, self.root)
    }
}

/// A shard that a store lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredShard {
    /// What it is found by.
    pub key: ShardKey,
    /// Bytes of the shard; None if the file is too damaged to tell.
    pub len: Option<u64>,
}

/// The bytes of the shards at one node. The suite of all implementations is [`crate::testing::conformance`].
pub trait ShardStore: Send + Sync {
    /// Begins a shard that nobody can read before it is committed. Dropping it leaves no trace.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn stage(&self, shard_id: Hash32) -> Result<Box<dyn StagedShard + '_>, StoreError>;

    /// Durability barrier (rule SS-6): every shard whose commit returned before this call survives
    /// a loss of power once it returns. One call serves a whole batch.
    ///
    /// # Errors
    /// [`StoreError::Io`]; after that [`StoreError::SyncFailed`] until the store is opened anew.
    fn sync(&self) -> Result<(), StoreError>;

    /// The stored bytes, not yet verified: what an implementation supplies to [`ShardStore::open`]. `len` is not 0.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Damaged`], [`StoreError::Io`].
    fn open_raw(&self, key: &ShardKey, len: u64) -> Result<Box<dyn RawShard + '_>, StoreError>;

    /// Calls `visit` for each stored shard, in ascending order of keys.
    ///
    /// # Errors
    /// [`StoreError::Io`], and what `visit` returns.
    fn visit(
        &self,
        visit: &mut dyn FnMut(StoredShard) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Deletes a shard; false if it was not there. The deletion is durable after [`ShardStore::sync`].
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn remove(&self, key: &ShardKey) -> Result<bool, StoreError>;

    /// Bytes of all shards stored and staged: what the quota counts. Trees and footers come on top (rule SS-8).
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn usage(&self) -> Result<u64, StoreError>;

    /// Opens a shard for verified reading. An empty shard is never stored, and always there (rule SS-2).
    ///
    /// # Errors
    /// As [`ShardStore::open_raw`]; [`StoreError::Damaged`] if `len` is 0 and the root is not that of nothing.
    fn open(&self, key: &ShardKey, len: u64) -> Result<VerifiedReader<'_>, StoreError> {
        let raw = if len == 0 { None } else { Some(self.open_raw(key, len)?) };
        VerifiedReader::new(raw, key.root, len)
    }

    /// Proof that the node holds leaf `leaf` of a shard: the leaf is read, and the proof checked, before it is given.
    ///
    /// # Errors
    /// As [`ShardStore::open`], [`StoreError::Corrupt`], [`StoreError::OutOfRange`].
    fn prove(&self, key: &ShardKey, len: u64, leaf: u64) -> Result<LeafProof, StoreError> {
        self.open(key, len)?.prove(leaf)
    }

    /// All stored shards in ascending order of keys.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    fn list(&self) -> Result<Vec<StoredShard>, StoreError> {
        let mut all = Vec::new();
        self.visit(&mut |stored| {
            all.push(stored);
            Ok(())
        })?;
        Ok(all)
    }

    /// Reads every stored byte and hash, and tells the verdict on each shard (rule SS-9).
    ///
    /// # Errors
    /// [`StoreError::Io`] if the shards cannot be listed; what is wrong with one shard is its verdict.
    fn scrub(
        &self,
        verdict: &mut dyn FnMut(&ShardKey, Result<(), StoreError>),
    ) -> Result<(), StoreError> {
        self.visit(&mut |StoredShard { key, len }| {
            let len = len.ok_or(StoreError::Damaged("its footer"));
            verdict(&key, len.and_then(|len| self.open(&key, len)?.verify_all()));
            Ok(())
        })
    }
}

/// A shard on its way into a store.
pub trait StagedShard: Send {
    /// Appends a block and the hashes of its leaves. Only the last block may end inside a leaf.
    ///
    /// That the hashes are those of the block is the caller's word. It is not taken on trust by anyone else: every
    /// read compares both with the root.
    ///
    /// # Errors
    /// [`StoreError::QuotaExceeded`], [`StoreError::Refused`], [`StoreError::Io`].
    fn append(&mut self, block: &[u8], leaves: &[Hash32]) -> Result<(), StoreError>;

    /// Makes the shard readable under its id and `root`, provided that the blocks have this root and length.
    ///
    /// Idempotent: a good shard that is there under the same key stays, a damaged one is replaced (rule SS-5).
    ///
    /// # Errors
    /// [`StoreError::Refused`], [`StoreError::Io`]; nothing is kept then.
    fn commit(self: Box<Self>, root: Hash32, len: u64) -> Result<(), StoreError>;
}
