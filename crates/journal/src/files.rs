//! Small files kept as a whole, and the lock on a data directory.

use crate::{
    JournalError,
    disk::{Disk, DiskFile, RealDisk},
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Makes `path` and its parents, mode 0700.
///
/// # Errors
/// What the operating system says.
pub fn make_dir(path: &Path) -> Result<(), JournalError> {
    RealDisk.make_dir(path).map_err(JournalError::io("cannot make directory", path))
}

/// The directory of a file.
#[must_use]
pub fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// All of a file of at most `limit` bytes; `None` when there is no such file.
///
/// # Errors
/// What the operating system says, and [`io::ErrorKind::FileTooLarge`] above the limit.
pub fn read<D: Disk>(disk: &D, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let len = file.len()?;
    if len > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; len as usize];
    file.read_at(0, &mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces `path` with `bytes`: a crash leaves the old file or the new one, and perhaps a staged file beside it
/// (extension `new`), which the next call removes.
///
/// # Errors
/// What the operating system says.
pub fn replace<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> io::Result<()> {
    place(disk, path, bytes)?;
    disk.sync_dir(parent(path))
}

/// As [`replace`], but the new name lasts only once the directory is synced: for many files at a time.
///
/// # Errors
/// What the operating system says.
pub fn place<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = path.with_extension("new");
    match disk.remove(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = disk.create(&staged)?;
    file.write_at(0, bytes)?;
    // Durable before it has its name, so that the name never stands for missing bytes.
    file.sync_data()?;
    disk.rename(&staged, path)
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

    #[test]
    fn files_are_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(read(&RealDisk, &path, 9).unwrap(), None);
        // What a crash may have left beside it.
        std::fs::write(dir.path().join("file.new"), b"something longer").unwrap();
        for bytes in [&b"first"[..], b"then"] {
            replace(&RealDisk, &path, bytes).unwrap();
            assert_eq!(read(&RealDisk, &path, 9).unwrap().as_deref(), Some(bytes));
        }
        assert_eq!(RealDisk.list(dir.path()).unwrap(), ["file"]);
        let error = read(&RealDisk, &path, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
