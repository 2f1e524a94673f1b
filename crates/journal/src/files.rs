//! Small files kept as a whole, and the lock on a data directory.

use crate::{
    JournalError,
    disk::{DirLock, Disk, RealDisk},
};
use std::{io, path::Path};

pub use crate::disk::files::{parent, place, read, replace};

/// Makes `path` and its parents, mode 0700.
///
/// # Errors
/// What the operating system says.
pub fn make_dir(path: &Path) -> Result<(), JournalError> {
    RealDisk.make_dir(path).map_err(JournalError::io("cannot make directory", path))
}

/// Holds the data directory `dir` for this process.
///
/// # Errors
/// [`JournalError::Busy`] when another process holds it.
pub fn lock(dir: &Path) -> Result<DirLock, JournalError> {
    DirLock::take(dir).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => JournalError::Busy(dir.to_path_buf()),
        _ => JournalError::io("cannot lock", dir.join("LOCK"))(error),
    })
}
