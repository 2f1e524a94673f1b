//! Whether a scratch is what it says.

use super::Fault;
use protocol::Hash32;
use redb::Database;
use std::path::Path;

pub(super) fn quietly<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    work()
}
pub(super) fn root(_: &Database, _: Hash32, _: &Path) -> Result<(), Fault> {
    Ok(())
}
