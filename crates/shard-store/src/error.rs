//! What can go wrong at a store.

use std::io;

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No shard is stored under the key.
    #[error("the shard is not stored here")]
    Missing,
    /// A leaf, or the stored hashes that lead from it to the root, are not what the root commits to.
    #[error("leaf {leaf} does not match the root of its shard")]
    Corrupt {
        /// Index of the first leaf that fails.
        leaf: u64,
    },
    /// The file is not a shard file of this key and length.
    #[error("the shard file is damaged: {0}")]
    Damaged(&'static str),
    /// The bytes asked for are not in the shard.
    #[error("the range is outside the shard")]
    OutOfRange,
    /// The blocks do not add up to what the commit names. Nothing was kept.
    #[error("the staged shard is refused: {0}")]
    Refused(&'static str),
    /// Storing the block would take the node over its quota.
    #[error("the quota of {quota} bytes is exceeded: {used} are used, {wanted} more are wanted")]
    QuotaExceeded {
        /// Bytes that the node may store.
        quota: u64,
        /// Bytes stored and staged now.
        used: u64,
        /// Bytes of the block that was refused.
        wanted: u64,
    },
    /// An earlier sync failed: what the operating system still holds in memory can no longer be trusted to reach the disk.
    #[error("an earlier sync failed; reopen the store and store the shards again")]
    SyncFailed,
    /// The operating system reports an error.
    #[error("{action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Names what was being done when an operation of the operating system failed.
pub(crate) trait During<T> {
    fn during(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { action, source })
    }
}
