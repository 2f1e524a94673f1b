//! One shard made anew at a node: what a moved assignment or a repair needs (rule SS-15).

use std::fmt;

use storage_engine::shard_tree::leaf_hashes;

use super::Fleet;
use super::download::{Assembler, DownloadError, Notice, ObjectCopy};
use crate::{ShardStore, StoreError};

/// Where the bytes of a restored shard come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its own copies.
    Copy,
    /// At least one block is computed from other columns.
    Reconstructed,
}

impl Origin {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Reconstructed => "reconstructed",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a shard was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its bytes are not in reach.
    #[error(transparent)]
    Source(#[from] DownloadError),
    /// The node that was to have it refuses it.
    #[error("the new node: {0}")]
    Target(#[from] StoreError),
}

/// Writes the shard of `column` to `target`: each block from the first copy that has it, verified on the way, or else
/// from the other columns of its stripe. What is kept has the root that `object` names.
///
/// One stripe is in memory. Durable after the next sync of the target. An empty shard needs no bytes.
///
/// # Errors
/// [`RestoreError`]; nothing is kept at the target then.
pub fn restore(
    fleet: &dyn Fleet,
    object: &ObjectCopy,
    column: u32,
    target: &dyn ShardStore,
    notice: &mut dyn FnMut(Notice),
) -> Result<Origin, RestoreError> {
    let mut source = Assembler::new(fleet, object)?;
    let len = source.geometry().shard_len(column);
    if len == 0 {
        return Ok(Origin::Copy);
    }
    let key = source.key(column);
    let mut origin = Origin::Copy;
    let mut staged = target.stage(key.shard_id)?;
    for stripe in 0..source.geometry().stripes() {
        let cell = match source.cell(stripe, column) {
            Some(cell) => Ok(cell),
            None => {
                origin = Origin::Reconstructed;
                source.recompute(stripe, column)
            }
        };
        source.take_notices().into_iter().for_each(&mut *notice);
        let cell = cell?;
        // The last stripe of a short object reaches some columns only.
        if !cell.is_empty() {
            staged.append(&cell, &leaf_hashes(&cell))?;
        }
    }
    staged.commit(key.root, len)?;
    Ok(origin)
}
