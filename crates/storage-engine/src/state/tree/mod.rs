//! The state root: a sparse Merkle map over the hashed keys (ST-3 to ST-5).
//!
//! A record's path is `H(key)`. A subtree without records hashes to zeros; with exactly one, to
//! `H(0x00 ‖ path ‖ H(value))`; otherwise to `H(0x01 ‖ left ‖ right)`. So the shape depends on the
//! records alone, an update costs about log2(n) hashes per changed record, and a path shows presence or absence.
//!
//! The nodes are kept in pages. An update goes down through the pages that its changes reach ([`update`]), plans the new
//! nodes, hashes them by height and writes the pages anew.

mod page;
mod path;
mod plan;
mod proof;
mod update;

use alloc::vec::Vec;
use protocol::Hash32;

use super::keys;
use plan::Plan;

pub use proof::{Leaf, MAX_PROOF_BYTES, MAX_SIBLINGS, MapProof, ProofError, prove};
pub use update::{parts, settle, update};

/// One changed record: its path, and the hash of its value or `None` when removed.
pub type Change = (Hash32, Option<Hash32>);

/// Why a tree cannot be read: a page is damaged or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(
    /// What is wrong.
    pub &'static str,
);

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for Broken {}

/// Where the pages of a tree are read from.
pub trait Pages {
    /// A fault of the store, or a broken tree.
    type Error: From<Broken>;

    /// The page at `key`, as it was last written.
    ///
    /// # Errors
    /// A fault of the store.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Does jobs that do not depend on each other; their results in the order of the jobs. One after the other
    /// unless there are threads for it.
    fn side_by_side<J: Send, R: Send>(&self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        jobs.into_iter().map(work).collect()
    }
}

/// The root of the tree that is stored.
///
/// # Errors
/// A fault of the store, or a damaged page.
pub fn root<P: Pages>(pages: &P) -> Result<Hash32, P::Error> {
    let Some(page) = pages.read(&keys::tree_page(0, &Hash32::ZERO))? else {
        return Ok(Hash32::ZERO);
    };
    let mut plan = Plan::default();
    let top = plan.load(0, &Hash32::ZERO, &page)?;
    Ok(plan.hash_stored(top))
}

#[cfg(test)]
mod tests;
