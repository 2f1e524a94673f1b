//! A root over rows that are not kept.

use alloc::string::ToString;
use protocol::{Hash32, json::Value};
use storage_engine::shard_tree::{TreeBuilder, leaf_hash};

/// A Merkle root over rows of canonical JSON, in the shape and with the prefixes of a shard's tree (RP-7),
/// so that a single row can be proved under it.
#[derive(Clone, Debug, Default)]
pub struct RowsRoot(TreeBuilder);

impl RowsRoot {
    pub(crate) fn push(&mut self, row: &Value) {
        self.0.push(leaf_hash(row.to_string().as_bytes()));
    }

    /// Rows so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.0.leaves()
    }

    /// The root; `H("")` without rows.
    #[must_use]
    pub fn root(&self) -> Hash32 {
        self.0.root()
    }
}
