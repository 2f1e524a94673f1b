//! Stores for tests: one in memory, one that fails on demand, and the suite that every store passes.

mod conformance;
mod faulty;
mod mem;

pub use conformance::conformance;
pub use faulty::{Fault, FaultyStore};
pub use mem::MemStore;

use protocol::Hash32;
use storage_engine::shard_tree::{LEAF_SIZE, TreeBuilder, leaf_hashes};

use crate::{ShardKey, ShardStore, StoreError};

/// Bytes that repeat nowhere nearby, the same for the same seed.
#[must_use]
pub fn sample(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut step = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| step()).collect()
}

/// Root of the tree over `bytes`.
#[must_use]
pub fn root_of(bytes: &[u8]) -> Hash32 {
    let mut tree = TreeBuilder::new();
    tree.extend(&leaf_hashes(bytes));
    tree.root()
}

/// Stages and commits `bytes` under `shard_id`, in blocks of three leaves.
///
/// # Errors
/// What the store reports.
pub fn put(store: &dyn ShardStore, shard_id: Hash32, bytes: &[u8]) -> Result<ShardKey, StoreError> {
    let key = ShardKey { shard_id, root: root_of(bytes) };
    let mut staged = store.stage(shard_id)?;
    for block in bytes.chunks(3 * LEAF_SIZE) {
        staged.append(block, &leaf_hashes(block))?;
    }
    staged.commit(key.root, bytes.len() as u64)?;
    Ok(key)
}
