//! Whole objects between a stream and the stores of many nodes (rules SS-10 to SS-15).

mod download;
mod restore;
mod upload;

use std::collections::BTreeSet;

use protocol::Hash32;
use protocol::layout::Profile;
use storage_engine::content::shard_id;

pub use download::{DownloadError, Notice, ObjectCopy, Why, download};
pub use restore::{Origin, RestoreError, restore};
pub use upload::{Staged, UploadError, UploadPlan, Uploaded, stage, upload};

use crate::{ShardKey, ShardStore};

/// Finds the store of a node by its registration number.
pub trait Fleet: Sync {
    /// The store of `node`; None if it is unknown or out of reach.
    fn store(&self, node: u32) -> Option<&dyn ShardStore>;
}

/// Nodes of the copies of `column` in a column-major assignment: column c, copy i at c × r + i.
fn copies_of(assignment: &[u32], profile: Profile, column: u32) -> &[u32] {
    let copies = usize::from(profile.replicas);
    let first = column as usize * copies;
    assignment.get(first..first + copies).unwrap_or_default()
}

/// One durability barrier for all shards written to these nodes since the last: before the ledger hears of them (rule SS-6).
///
/// # Errors
/// The first node whose sync fails or that is out of reach; then none of the batch may be acknowledged.
pub fn sync_all(
    fleet: &dyn Fleet,
    nodes: impl IntoIterator<Item = u32>,
) -> Result<(), UploadError> {
    for node in nodes.into_iter().collect::<BTreeSet<_>>() {
        let store = fleet.store(node).ok_or(UploadError::UnknownNode(node))?;
        store.sync().map_err(|source| UploadError::Store { node, source })?;
    }
    Ok(())
}

fn key_of(object_id: &str, version: u64, column: u32, root: Hash32) -> ShardKey {
    ShardKey { shard_id: shard_id(object_id, version, column), root }
}

#[cfg(test)]
mod tests;
