//! The lock on a directory.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Holds a directory for one process. The lock goes with the process, however it ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the lock of `dir`, the file `LOCK` in it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process holds it; whatever else the operating system says.
    pub fn take(dir: &Path) -> io::Result<Self> {
        let path = dir.join("LOCK");
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_freed_with_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let lock = DirLock::take(dir.path()).unwrap();
        assert_eq!(DirLock::take(dir.path()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(lock);
        assert!(DirLock::take(dir.path()).is_ok());
    }
}
