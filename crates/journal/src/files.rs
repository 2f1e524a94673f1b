//! Directories and files that only their owner reads, made durable.

use crate::JournalError;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Makes `path` and its parents, mode 0700.
///
/// # Errors
/// What the operating system says.
pub fn make_dir(path: &Path) -> Result<(), JournalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(JournalError::io("cannot make directory", path))
}

/// Makes a directory's entries durable: until then a crash may forget files that were just made in it.
///
/// # Errors
/// What the operating system says.
pub fn sync_dir(path: &Path) -> Result<(), JournalError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(JournalError::io("cannot make durable", path))
}

/// Replaces `path` with `bytes`: a crash leaves the old file or the new one.
///
/// # Errors
/// What the operating system says.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    let staged = path.with_extension("new");
    let write = |staged: &Path| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(staged)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(staged, path)
    };
    write(&staged).map_err(JournalError::io("cannot write", path))?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Holds a data directory for one process. The lock goes with the process, however it ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock, or says who has it.
    ///
    /// # Errors
    /// [`JournalError::Busy`] when another process holds it.
    pub fn take(dir: &Path) -> Result<Self, JournalError> {
        let path: PathBuf = dir.join("LOCK");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(JournalError::io("cannot open", &path))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::Busy(dir.to_path_buf())),
            Err(error) => Err(JournalError::io("cannot lock", path)(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_freed_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::take(dir.path()).unwrap();
        assert!(matches!(DirLock::take(dir.path()), Err(JournalError::Busy(_))));
        drop(lock);
        assert!(DirLock::take(dir.path()).is_ok());
    }
}
